-- Parked bodies that were read again and are events now. The parked copy stays for ever.

CREATE TABLE reprocessed (
    parked_id      uuid PRIMARY KEY,
    reprocessed_at timestamptz NOT NULL,
    outcome        text NOT NULL CHECK (outcome IN ('stored', 'duplicate', 'conflict', 'ignored')),
    tenant         text COLLATE "C" NOT NULL,
    event_id       uuid NOT NULL
);
COMMENT ON TABLE reprocessed IS 'What became of parked bodies that could be read later. Append-only.';
COMMENT ON COLUMN reprocessed.parked_id IS 'The parked body; also the arrival_id of the event or delivery made of it.';
COMMENT ON COLUMN reprocessed.reprocessed_at IS 'When it was taken; the event keeps the received_at of its arrival.';
COMMENT ON COLUMN reprocessed.outcome IS 'What a delivery would have been answered: stored, duplicate, conflict or ignored.';
COMMENT ON COLUMN reprocessed.tenant IS 'The tenant whose log took it.';
COMMENT ON COLUMN reprocessed.event_id IS 'The event in that log; for ignored the id in the registration test.';

-- The same two protections as the tables of 0001.
REVOKE UPDATE, DELETE, TRUNCATE ON reprocessed FROM PUBLIC, CURRENT_USER;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reprocessed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_exempt();
ALTER TABLE reprocessed ENABLE ALWAYS TRIGGER append_only;
