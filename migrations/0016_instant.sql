-- A page of changes looked the Timestamp of each of its events up in the log, which took nine tenths of its time.
ALTER TABLE change ADD COLUMN occurred_text text;
COMMENT ON COLUMN change.occurred_text IS
    'Timestamp of its event as sent; empty if that is what its ticks are usually written as; null in a row that an earlier version projected, and there the event is asked.';
