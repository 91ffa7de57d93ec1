-- Serves the question when a field changed to a value. Every ticket is created with some owner, status and so on: in
-- the index of all values those a field was created with stand among those it changed to, a million of them
-- before the first.
CREATE INDEX change_moved_to ON change (tenant, field, to_key, ticks, event_id, nth)
    WHERE NOT noise AND kind <> 'initial';
