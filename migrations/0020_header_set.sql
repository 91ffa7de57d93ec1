-- What a sender says of itself in the headers is the same from one delivery to the next, and an eighth of what an
-- event took: kept once for all events of a tenant that came with it.

CREATE TABLE header_set (
    tenant  text COLLATE "C" NOT NULL,
    number  integer NOT NULL CHECK (number > 0),
    headers text NOT NULL,
    PRIMARY KEY (tenant, number),
    UNIQUE (tenant, headers)
);
COMMENT ON TABLE header_set IS 'Kept headers that several events came with. Append-only.';
COMMENT ON COLUMN header_set.headers IS
    'A JSON object of texts; null stands for the event''s own event_id, in small letters with hyphens.';

-- The same two protections as the tables of 0001.
REVOKE UPDATE, DELETE, TRUNCATE ON header_set FROM PUBLIC, CURRENT_USER;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON header_set
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_exempt();
ALTER TABLE header_set ENABLE ALWAYS TRIGGER append_only;

ALTER TABLE event ADD COLUMN header_set integer;
ALTER TABLE event ALTER COLUMN headers DROP NOT NULL;
-- Holds of what is there; to look would read the whole log.
ALTER TABLE event ADD CHECK ((headers IS NULL) = (header_set IS NOT NULL)) NOT VALID;
COMMENT ON COLUMN event.headers IS
    'Kept headers of the first delivery, in the form of header_set.headers; null if they are those of header_set.';
COMMENT ON COLUMN event.header_set IS 'Number of those headers in the table header_set; null if headers has them.';

-- By ticket alone: Postgres keeps the key of a ticket's events once, and their order is made when they are read.
DROP INDEX event_by_ticket;
CREATE INDEX event_by_ticket ON event (tenant, ticket) WHERE ticket IS NOT NULL;
