-- Jobs that ended, or are about to fail, and that no saved statistics of the day count yet: those of a few seconds,
-- so that they are looked through: an index would cost each job more than it saves.
CREATE TABLE uncounted (
    job INTEGER PRIMARY KEY REFERENCES processing_jobs ON DELETE CASCADE,
    instance INTEGER NOT NULL,
    outcome INTEGER NOT NULL -- each instance counts its own
) STRICT;
