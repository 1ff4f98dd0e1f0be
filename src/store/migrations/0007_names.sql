-- Smaller parts of the index of names: names come in no order, and each page of a part that a batch touches is written.
DROP INDEX names;
CREATE INDEX names ON processing_jobs (row >> 11, name, folder);
