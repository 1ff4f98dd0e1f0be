-- Messages to the outside, mails and webhooks: until they are sent, and a while after.

CREATE TABLE outbox (
    row INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, -- mail, webhook
    key TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL, -- of those that are ended only what lists show
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL, -- whoever takes it moves it on: nobody else takes it until then
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    state INTEGER NOT NULL DEFAULT 0, -- waiting, sent, failed, expired
    error TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 0;
