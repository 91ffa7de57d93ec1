-- The log: every event for ever, append-only, deduplicated by event id in its tenant.
--
-- Tenant comes first in every key and index, so that the same schema can be sharded by tenant; nothing
-- here is newer than PostgreSQL 14; no foreign key points at the log, because checking one needs rights
-- to update it.

CREATE TABLE head (
    tenant    text COLLATE "C" PRIMARY KEY,
    log_id    uuid NOT NULL,
    position  bigint NOT NULL CHECK (position >= 0),
    stored_at timestamptz NOT NULL
);
COMMENT ON TABLE head IS 'The end of each tenant''s log; its row is the lock under which the log grows.';
COMMENT ON COLUMN head.log_id IS 'Random; a consumer that sees another one follows a restored or new log.';
COMMENT ON COLUMN head.position IS 'Greatest position given; 0 if none.';
COMMENT ON COLUMN head.stored_at IS 'stored_at of that event.';

CREATE TABLE event (
    tenant         text COLLATE "C" NOT NULL,
    position       bigint NOT NULL CHECK (position > 0),
    event_id       uuid NOT NULL,
    ticket         bigint CHECK (ticket > 0),
    occurred_ticks bigint,
    received_at    timestamptz NOT NULL,
    stored_at      timestamptz NOT NULL,
    primary_key    bigint,
    actor          bigint,
    retry          integer,
    arrival_id     uuid NOT NULL,
    origin         text NOT NULL CHECK (origin IN ('webhook', 'unsigned', 'import')),
    hook           text,
    source         text,
    name           text NOT NULL,
    entity         text,
    occurred_text  text,
    webhook_name   text,
    headers        text NOT NULL,
    signature      bytea CHECK (length(signature) = 32),
    body_sha256    bytea NOT NULL CHECK (length(body_sha256) = 32),
    body           bytea NOT NULL,
    PRIMARY KEY (tenant, position),
    UNIQUE (tenant, event_id),
    CHECK ((occurred_ticks IS NULL) = (occurred_text IS NULL)),
    CHECK ((origin = 'webhook') = (signature IS NOT NULL))
);
-- Serves a ticket's history and its raw log, both by position.
CREATE INDEX event_by_ticket ON event (tenant, ticket, position) WHERE ticket IS NOT NULL;
COMMENT ON TABLE event IS 'Webhook bodies, byte for byte, with the columns needed to find them. Append-only.';
COMMENT ON COLUMN event.position IS 'Place in the tenant''s log: 1, 2, 3 … contiguous, in commit order.';
COMMENT ON COLUMN event.ticket IS 'The ticket whose history this is part of; null for all other events.';
COMMENT ON COLUMN event.occurred_ticks IS 'Timestamp in ticks of 100 ns since 1970-01-01T00:00Z; null if absent or unreadable.';
COMMENT ON COLUMN event.occurred_text IS 'Timestamp as sent.';
COMMENT ON COLUMN event.received_at IS 'When the first delivery arrived here.';
COMMENT ON COLUMN event.stored_at IS 'When it was stored; never decreases along position.';
COMMENT ON COLUMN event.primary_key IS 'PrimaryKey, if it is an integer.';
COMMENT ON COLUMN event.actor IS 'ChangedByAssociateId: an associate id, not an owner''s id.';
COMMENT ON COLUMN event.arrival_id IS 'The first delivery''s own id.';
COMMENT ON COLUMN event.name IS 'Event as sent, like ticket.changed (NUL and lone surrogates as U+FFFD).';
COMMENT ON COLUMN event.headers IS 'Kept headers of the first delivery, a JSON object of texts.';
COMMENT ON COLUMN event.signature IS 'HMAC-SHA256 of the body that was verified; null if none was.';

CREATE TABLE delivery (
    tenant       text COLLATE "C" NOT NULL,
    event_id     uuid NOT NULL,
    arrival_id   uuid NOT NULL,
    received_at  timestamptz NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('duplicate', 'conflict', 'ignored')),
    origin       text NOT NULL CHECK (origin IN ('webhook', 'unsigned', 'import')),
    hook         text,
    source       text,
    retry        integer,
    webhook_name text,
    headers      text NOT NULL,
    signature    bytea CHECK (length(signature) = 32),
    body_sha256  bytea NOT NULL CHECK (length(body_sha256) = 32),
    body         bytea,
    PRIMARY KEY (tenant, event_id, arrival_id)
);
-- Serves the question whether an event of a ticket's history is disputed.
CREATE INDEX delivery_conflict ON delivery (tenant, event_id) WHERE outcome = 'conflict';
COMMENT ON TABLE delivery IS 'Every later arrival of a stored event, and every registration test. Append-only.';
COMMENT ON COLUMN delivery.body IS 'Null if the same bytes are kept with the event or an earlier delivery.';

CREATE TABLE delivery_overflow (
    tenant           text COLLATE "C" NOT NULL,
    event_id         uuid NOT NULL,
    deliveries       bigint NOT NULL,
    last_received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, event_id)
);
COMMENT ON TABLE delivery_overflow IS 'Deliveries of one event past the thousandth: only counted.';

CREATE TABLE parked (
    parked_id   uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    reason      text NOT NULL,
    origin      text NOT NULL CHECK (origin IN ('webhook', 'unsigned', 'import')),
    hook        text,
    source      text,
    retry       integer,
    headers     text NOT NULL,
    signature   bytea CHECK (length(signature) = 32),
    body_sha256 bytea NOT NULL CHECK (length(body_sha256) = 32),
    body        bytea NOT NULL
);
CREATE INDEX parked_by_arrival ON parked (received_at, parked_id);
COMMENT ON TABLE parked IS 'Validly signed bodies that cannot be an event of a tenant, kept whole. Append-only.';

-- Append-only, twice over: the owner itself loses the privileges (most managed databases give one login,
-- so that owner is the service), and a trigger catches a re-grant and superusers.

CREATE FUNCTION append_only_exempt() RETURNS boolean
LANGUAGE sql STABLE
RETURN false;
COMMENT ON FUNCTION append_only_exempt() IS
    'The one place that says who may alter the log: nobody.';

CREATE FUNCTION refuse_unless_exempt() RETURNS trigger
LANGUAGE plpgsql
-- So that no schema put in front later can slip in another answer.
SET search_path FROM CURRENT
AS $$
BEGIN
    IF NOT append_only_exempt() THEN
        RAISE EXCEPTION 'table "%" is append-only: % is refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;

DO $$
DECLARE
    log_table text;
BEGIN
    FOREACH log_table IN ARRAY ARRAY['event', 'delivery', 'parked'] LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM PUBLIC, CURRENT_USER', log_table);
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_exempt()', log_table);
        -- ALWAYS: also in a session that plays a replica.
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', log_table);
    END LOOP;
END
$$;
