-- Jobs that were sent together know it.

ALTER TABLE processing_jobs ADD COLUMN batch_id TEXT;
CREATE INDEX batches ON processing_jobs (batch_id, row) WHERE batch_id IS NOT NULL;
