-- Who has a message in hand: after a crash that instance need not wait until it is due again.
ALTER TABLE outbox ADD COLUMN taken_by INTEGER;
