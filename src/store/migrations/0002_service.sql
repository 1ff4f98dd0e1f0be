-- What the service keeps besides its jobs.

CREATE TABLE snapshots (
    instance INTEGER PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE daily_stats (
    date INTEGER NOT NULL, -- yyyymmdd, local
    instance INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (date, instance)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
    row INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    closed_at INTEGER,
    count INTEGER NOT NULL,
    text TEXT
) STRICT;
CREATE UNIQUE INDEX open_alerts ON alerts (kind, subject) WHERE closed_at IS NULL;
