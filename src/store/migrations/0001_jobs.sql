-- Jobs, what is delivered where, and what happened. Times are milliseconds since the epoch, UTC.

CREATE TABLE processing_jobs (
    row INTEGER PRIMARY KEY, -- in the order of recording, never used twice
    id TEXT NOT NULL UNIQUE, -- UUID version 7: appends
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4), -- pending, processing, completed, failed, cancelled
    created_at INTEGER NOT NULL,
    client TEXT,
    category TEXT,
    folder TEXT,
    name TEXT,
    title TEXT,
    error_message TEXT,
    source TEXT,
    phase TEXT,
    studio TEXT,
    path TEXT,
    size INTEGER NOT NULL,
    sha256 BLOB,
    device INTEGER NOT NULL, -- which file was claimed
    inode INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    retry_count INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    events TEXT NOT NULL -- [[at, event, destination, text]...]: in the row, since as rows they cost more than all the rest
) STRICT;

-- A job that is recorded when it is completed, as nearly all are, is in none of the partial ones.
CREATE INDEX unfinished ON processing_jobs (status, created_at) WHERE status < 2;
CREATE INDEX not_completed ON processing_jobs (row, status) WHERE status <> 2;
CREATE INDEX with_error ON processing_jobs (row) WHERE error_message IS NOT NULL;
-- By name within each 8192 rows: an index by name alone takes a new job anywhere, one page written for each.
CREATE INDEX names ON processing_jobs (row >> 13, name, folder);

CREATE TABLE deliveries (
    job INTEGER NOT NULL REFERENCES processing_jobs ON DELETE CASCADE,
    n INTEGER NOT NULL,
    destination TEXT NOT NULL,
    label TEXT,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4), -- queued, active, waiting, done, failed
    attempts INTEGER NOT NULL,
    next_at INTEGER,
    done_at INTEGER,
    final_name TEXT,
    error TEXT,
    PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;

-- What is found in each 1024 rows (block = row >> 10), so that a list passes over those that hold nothing of what is
-- asked for. What a job no longer is may stand here still.
CREATE TABLE blocks (
    block INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL, -- created
    last_at INTEGER NOT NULL,
    completed_at INTEGER NOT NULL -- the last
) STRICT;
CREATE INDEX blocks_completed ON blocks (completed_at);
CREATE TABLE block_words (
    block INTEGER NOT NULL,
    kind INTEGER NOT NULL, -- client, category, destination
    word TEXT NOT NULL,    -- in small letters
    PRIMARY KEY (block, kind, word)
) STRICT, WITHOUT ROWID;

CREATE TABLE totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    pending INTEGER NOT NULL,
    processing INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    next_row INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 1);

-- For people.
CREATE VIEW files AS
SELECT id, path AS file_path, name AS original_name, size, sha256, status, created_at FROM processing_jobs;
CREATE VIEW events AS
SELECT j.id AS job, e.key AS n, json_extract(e.value, '$[0]') AS at, json_extract(e.value, '$[1]') AS event,
       json_extract(e.value, '$[2]') AS destination, json_extract(e.value, '$[3]') AS text
FROM processing_jobs j, json_each(j.events) e;
