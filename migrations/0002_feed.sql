-- The feed: what happened to it that is not itself an event, and what its watching needs.

CREATE TABLE feed_fact (
    fact_id     uuid PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('downtime', 'wrong_signatures', 'retries')),
    hook        text,
    tenant      text COLLATE "C",
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    occurrences bigint NOT NULL CHECK (occurrences > 0),
    recorded_at timestamptz NOT NULL,
    CHECK (started_at <= ended_at)
);
-- Serves the question what happened to a tenant's feed; facts without a tenant stand together in it.
CREATE INDEX feed_fact_by_tenant ON feed_fact (tenant, started_at);
COMMENT ON TABLE feed_fact IS
    'What happened to the feed and is not itself an event: completeness is made from it. Append-only.';
COMMENT ON COLUMN feed_fact.fact_id IS 'A UUIDv7; writing a fact twice adds nothing.';
COMMENT ON COLUMN feed_fact.kind IS
    'downtime: nothing received here; wrong_signatures, retries: a run of such deliveries.';
COMMENT ON COLUMN feed_fact.hook IS 'The hook it happened to; null for all hooks.';
COMMENT ON COLUMN feed_fact.tenant IS 'The tenant it happened to; null for all tenants of the hook.';
COMMENT ON COLUMN feed_fact.started_at IS 'The last sign of life before a downtime; the first delivery of a run.';
COMMENT ON COLUMN feed_fact.ended_at IS 'The start after a downtime; the last delivery of a run.';
COMMENT ON COLUMN feed_fact.occurrences IS 'Deliveries in the run; 1 for a downtime.';
COMMENT ON COLUMN feed_fact.recorded_at IS 'When it was written down.';

CREATE TABLE heartbeat (
    instance uuid PRIMARY KEY,
    beat_at  timestamptz NOT NULL
);
COMMENT ON TABLE heartbeat IS
    'One row a receiving process, so that downtime of one beside a living one is none. Mutable.';
COMMENT ON COLUMN heartbeat.instance IS 'Random, of one run of the program.';
COMMENT ON COLUMN heartbeat.beat_at IS 'When it last said that it lives.';

CREATE TABLE hook_hour (
    tenant     text COLLATE "C" NOT NULL,
    hook       text NOT NULL,
    hour       timestamptz NOT NULL,
    deliveries bigint NOT NULL,
    PRIMARY KEY (tenant, hook, hour)
);
COMMENT ON TABLE hook_hour IS
    'Deliveries an hour: the rhythm by which silence is told. Mutable; the last weeks only.';
COMMENT ON COLUMN hook_hour.tenant IS 'The tenant; * for all past the thousandth of a hook.';
COMMENT ON COLUMN hook_hour.hour IS 'The hour''s start in UTC.';

-- Serves what SuperOffice says of the webhook itself: when it stopped sending, and when it began again.
CREATE INDEX event_about_webhook ON event (tenant, position) WHERE name LIKE 'webhook.%';

-- As in 0001: the owner loses the privileges, and a trigger catches a re-grant and superusers.
REVOKE UPDATE, DELETE, TRUNCATE ON feed_fact FROM PUBLIC, CURRENT_USER;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON feed_fact
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_exempt();
ALTER TABLE feed_fact ENABLE ALWAYS TRIGGER append_only;
