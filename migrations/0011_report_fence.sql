-- The fence of the schema report, closed where it had a gap; and what each column means.
--
-- Postgres puts the cheap conditions of a scan first, a reader's own among them if they cannot fail: `ticket = 5`
-- came before the fence. No row got past it, but EXPLAIN (ANALYZE) told whether it was asked at all, and with that
-- whether some tenant has such a row. So each table is now read behind a condition that costs nothing in the
-- planner's eyes, which count no subscript, no CASE and no NULL test, and that stands first: nothing comes before it.
-- `tenant = ANY (...)` stays, for it is what an index serves.

-- In PL/pgSQL because its plans are kept: one report asks a dozen times.
CREATE FUNCTION report_passes_all() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_has_role(session_user, (SELECT relowner FROM pg_class
                                      WHERE relname = 'event' AND relnamespace = 'public'::regnamespace), 'MEMBER');
END
$$;
COMMENT ON FUNCTION report_passes_all IS
    'True for whoever may read the tables themselves, as the service: the schema report shows them all tenants.';

-- With the rights of its owner, for nobody else may read report_reader. It tells whoever calls it what is theirs.
CREATE FUNCTION report_passes() RETURNS jsonb LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT jsonb_object_agg(tenant, '{}'::jsonb) FROM public.report_reader WHERE role = session_user);
END
$$;
COMMENT ON FUNCTION report_passes IS
    'The tenants that were given to whoever is logged in, as keys of an object; null for none.';

-- The tables behind the fence. Not security barriers, which the views of report are: these are to be planned as if
-- they were the tables. Nobody may read them but the service.
CREATE VIEW fenced_label AS
SELECT tenant, list, id, valid_ticks, label
FROM label
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_label_bridge AS
SELECT tenant, owner, actor
FROM label_bridge
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_head AS
SELECT tenant, position
FROM head
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_projection AS
SELECT tenant, position, tickets, undated, first_ticks, last_ticks
FROM projection
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_tenant_setting AS
SELECT tenant, zone
FROM tenant_setting
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_change AS
SELECT tenant, ticket, event_id, nth, position, ticks, actor, field, kind, declared, noise, from_value,
       to_value, from_key, to_key
FROM change
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_field_interval AS
SELECT tenant, ticket, field, from_event, from_ticks, until_event, until_ticks, value, key
FROM field_interval
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_ticket AS
SELECT tenant, ticket, events, undated, first_ticks, last_ticks, consistent, unproven, suspect
FROM ticket
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_event AS
SELECT tenant, position, event_id, ticket, occurred_ticks, received_at, stored_at, primary_key, actor, origin,
       hook, source, name, entity, occurred_text, webhook_name, body_sha256, body
FROM event
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

CREATE VIEW fenced_entry AS
SELECT tenant, ticket, event_id, position, ticks, creates, actor, lifecycle, repeats, after_ticks, confidence,
       reasons
FROM entry
WHERE CASE WHEN (SELECT report_passes_all()) THEN '{}'
           ELSE (SELECT report_passes())[tenant] END IS NOT NULL;

-- report_name with every table behind the fence: the names that a reader asks for by themselves. Those of rows that
-- the fence has let pass are looked up without it.
CREATE VIEW fenced_name AS
SELECT tenant, list, id, valid_ticks, label, 0 AS rank FROM fenced_label AS label
UNION ALL
SELECT head.tenant, built_in.list COLLATE "C", built_in.id, (-9223372036854775808)::bigint,
       built_in.label COLLATE "C", 1
FROM fenced_head AS head
CROSS JOIN (VALUES ('slevel', 0::bigint, 'Unknown'), ('slevel', 1, 'Internal'), ('slevel', 2, 'External'),
                   ('status', 0, 'Unknown'), ('status', 1, 'Active'), ('status', 2, 'Closed'),
                   ('status', 3, 'Postponed'), ('status', 4, 'Deleted'), ('status', 5, 'Merged'))
    AS built_in (list, id, label)
UNION ALL
SELECT bridge.tenant, 'owned_by' COLLATE "C", bridge.owner, label.valid_ticks, label.label, 2
FROM fenced_label_bridge AS bridge
JOIN fenced_label AS label ON label.tenant = bridge.tenant AND label.list = 'actor' AND label.id = bridge.actor
UNION ALL
SELECT bridge.tenant, 'actor' COLLATE "C", bridge.actor, label.valid_ticks, label.label, 2
FROM fenced_label_bridge AS bridge
JOIN fenced_label AS label ON label.tenant = bridge.tenant AND label.list = 'owned_by' AND label.id = bridge.owner;

CREATE OR REPLACE VIEW report.label WITH (security_barrier) AS
SELECT name.tenant, name.list, name.id, name.label,
       CASE WHEN name.valid_ticks > -9223372036854775808 THEN report.at(name.valid_ticks) END AS valid_from,
       name.valid_ticks, name.rank
FROM public.fenced_name AS name
WHERE name.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE OR REPLACE VIEW report.change_all WITH (security_barrier) AS
SELECT change.tenant, change.ticket, change.event_id, change.position, change.nth,
       report.at(change.ticks) AS occurred_at,
       report.at(change.ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS occurred_local,
       change.actor AS actor_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = 'actor' AND id = change.actor AND valid_ticks <= change.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = 'actor' AND id = change.actor
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor_now,
       change.field, change.kind, change.declared,
       change.from_value, report.id(change.from_key) AS from_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.from_key)
          AND valid_ticks <= change.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS from_label,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.from_key)
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS from_label_now,
       change.to_value, report.id(change.to_key) AS to_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.to_key)
          AND valid_ticks <= change.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS to_label,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = change.tenant AND list = change.field AND id = report.id(change.to_key)
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS to_label_now,
       change.from_key, change.to_key, change.ticks AS occurred_ticks, change.noise
FROM public.fenced_change AS change
LEFT JOIN public.fenced_tenant_setting AS setting ON setting.tenant = change.tenant
WHERE change.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE OR REPLACE VIEW report.field_interval_all WITH (security_barrier) AS
SELECT span.tenant, span.ticket, span.field, span.value, report.id(span.key) AS value_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = span.tenant AND list = span.field AND id = report.id(span.key)
          AND valid_ticks <= span.from_ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS label,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = span.tenant AND list = span.field AND id = report.id(span.key)
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS label_now,
       report.at(span.from_ticks) AS from_at, report.at(span.until_ticks) AS until_at,
       report.at(span.from_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS from_local,
       report.at(span.until_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS until_local,
       (span.until_ticks - span.from_ticks) / 1e7::double precision AS seconds,
       span.until_ticks IS NULL AS open,
       span.from_event AS from_event_id,
       (SELECT position FROM public.entry
        WHERE entry.tenant = span.tenant AND entry.ticket = span.ticket AND entry.event_id = span.from_event)
           AS from_position,
       span.until_event AS until_event_id,
       (SELECT position FROM public.entry
        WHERE entry.tenant = span.tenant AND entry.ticket = span.ticket AND entry.event_id = span.until_event)
           AS until_position,
       span.key, span.from_ticks, span.until_ticks,
       report.bookkeeping(span.field) AS noise
FROM public.fenced_field_interval AS span
LEFT JOIN public.fenced_tenant_setting AS setting ON setting.tenant = span.tenant
WHERE length(span.field) >= 0 AND span.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE OR REPLACE VIEW report.ticket WITH (security_barrier) AS
SELECT ticket.tenant, ticket.ticket, ticket.events, ticket.undated,
       report.at(ticket.first_ticks) AS first_at, report.at(ticket.last_ticks) AS last_at,
       report.at(ticket.first_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS first_local,
       report.at(ticket.last_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS last_local,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'category' AND until_event IS NULL)
           AS category,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'category' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'category' AND until_event IS NULL)
           AS category_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'connect_id' AND until_event IS NULL)
           AS connect_id,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'contact_id' AND until_event IS NULL)
           AS contact_id,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'cust_id' AND until_event IS NULL)
           AS cust_id,
       (SELECT report.id(key) <> 0 FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'has_attachment' AND until_event IS NULL)
           AS has_attachment,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'owned_by' AND until_event IS NULL)
           AS owned_by,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'owned_by' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'owned_by' AND until_event IS NULL)
           AS owned_by_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'priority' AND until_event IS NULL)
           AS priority,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'priority' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'priority' AND until_event IS NULL)
           AS priority_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'project_id' AND until_event IS NULL)
           AS project_id,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'project_id' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'project_id' AND until_event IS NULL)
           AS project_id_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'sale_id' AND until_event IS NULL)
           AS sale_id,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'slevel' AND until_event IS NULL)
           AS slevel,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'slevel' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'slevel' AND until_event IS NULL)
           AS slevel_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'status' AND until_event IS NULL)
           AS status,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'status' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'status' AND until_event IS NULL)
           AS status_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_status' AND until_event IS NULL)
           AS ticket_status,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'ticket_status' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_status' AND until_event IS NULL)
           AS ticket_status_label,
       (SELECT report.id(key) FROM public.field_interval AS now
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_type' AND until_event IS NULL)
           AS ticket_type,
       (SELECT name.label FROM public.field_interval AS now
        CROSS JOIN LATERAL (
            SELECT label FROM public.report_name AS name
            WHERE name.tenant = ticket.tenant AND list = 'ticket_type' AND id = report.id(now.key)
            ORDER BY rank, valid_ticks DESC LIMIT 1) AS name
        WHERE now.tenant = ticket.tenant AND now.ticket = ticket.ticket AND field = 'ticket_type' AND until_event IS NULL)
           AS ticket_type_label,
       ticket.consistent, ticket.unproven, ticket.suspect,
       (SELECT event_id FROM public.entry
        WHERE entry.tenant = ticket.tenant AND entry.ticket = ticket.ticket AND repeats IS NULL
        ORDER BY ticks DESC, creates, event_id DESC LIMIT 1) AS last_event_id,
       (SELECT position FROM public.entry
        WHERE entry.tenant = ticket.tenant AND entry.ticket = ticket.ticket AND repeats IS NULL
        ORDER BY ticks DESC, creates, event_id DESC LIMIT 1) AS last_position,
       ticket.first_ticks, ticket.last_ticks
FROM public.fenced_ticket AS ticket
LEFT JOIN public.fenced_tenant_setting AS setting ON setting.tenant = ticket.tenant
WHERE ticket.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE OR REPLACE VIEW report.event WITH (security_barrier) AS
SELECT event.tenant, event.position, event.event_id, event.name AS event, event.entity, event.primary_key,
       event.ticket, report.at(event.occurred_ticks) AS occurred_at,
       report.at(event.occurred_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS occurred_local,
       event.occurred_text, event.received_at, event.stored_at,
       event.actor AS actor_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = event.tenant AND list = 'actor' AND id = event.actor
          AND valid_ticks <= event.occurred_ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = event.tenant AND list = 'actor' AND id = event.actor
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor_now,
       event.origin, event.hook, event.source, event.webhook_name, event.body, event.body_sha256,
       entry.lifecycle, entry.repeats, entry.confidence AS completeness, entry.reasons,
       event.occurred_ticks
FROM public.fenced_event AS event
LEFT JOIN public.fenced_entry AS entry
    ON entry.tenant = event.tenant AND entry.ticket = event.ticket AND entry.event_id = event.event_id
LEFT JOIN public.fenced_tenant_setting AS setting ON setting.tenant = event.tenant
WHERE event.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE OR REPLACE VIEW report.entry WITH (security_barrier) AS
SELECT entry.tenant, entry.ticket, entry.event_id, entry.position,
       report.at(entry.ticks) AS occurred_at,
       report.at(entry.ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS occurred_local,
       entry.creates, entry.actor AS actor_id,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = entry.tenant AND list = 'actor' AND id = entry.actor AND valid_ticks <= entry.ticks
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor,
       (SELECT label FROM public.report_name AS name
        WHERE name.tenant = entry.tenant AND list = 'actor' AND id = entry.actor
        ORDER BY rank, valid_ticks DESC LIMIT 1) AS actor_now,
       entry.lifecycle, entry.repeats, entry.confidence AS completeness, entry.reasons,
       entry.ticks AS occurred_ticks
FROM public.fenced_entry AS entry
LEFT JOIN public.fenced_tenant_setting AS setting ON setting.tenant = entry.tenant
WHERE entry.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE OR REPLACE VIEW report.completeness WITH (security_barrier) AS
SELECT entry.tenant, entry.ticket, entry.confidence AS state, entry.reasons,
       report.at(entry.after_ticks) AS from_at, report.at(entry.ticks) AS until_at,
       report.at(entry.after_ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS from_local,
       report.at(entry.ticks) AT TIME ZONE COALESCE(setting.zone, 'UTC') AS until_local,
       entry.event_id, entry.position, entry.after_ticks AS from_ticks, entry.ticks AS until_ticks
FROM public.fenced_entry AS entry
LEFT JOIN public.fenced_tenant_setting AS setting ON setting.tenant = entry.tenant
WHERE entry.repeats IS NULL AND entry.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

CREATE OR REPLACE VIEW report.tenant WITH (security_barrier) AS
SELECT head.tenant, head.position AS head, COALESCE(projection.position, 0) AS projected,
       COALESCE(setting.zone, 'UTC') AS zone,
       COALESCE(projection.tickets, 0) AS tickets, COALESCE(projection.undated, 0) AS undated,
       report.at(projection.first_ticks) AS first_at, report.at(projection.last_ticks) AS last_at,
       projection.first_ticks, projection.last_ticks
FROM public.fenced_head AS head
LEFT JOIN public.fenced_projection AS projection ON projection.tenant = head.tenant
LEFT JOIN public.fenced_tenant_setting AS setting ON setting.tenant = head.tenant
WHERE head.tenant = ANY (ARRAY(SELECT tenant FROM public.report_fence));

-- What \d+ shows.
COMMENT ON VIEW report.change IS
    'A row for each change of a field of a ticket, without noise: bookkeeping fields, and values that did not move. In order of time: occurred_ticks, event_id, nth.';
COMMENT ON COLUMN report.change.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.change.ticket IS 'Id of the ticket.';
COMMENT ON COLUMN report.change.event_id IS
    'Event that brought the change: the way back to its body in report.event. With nth the key of a row.';
COMMENT ON COLUMN report.change.position IS 'Place of that event in the tenants log.';
COMMENT ON COLUMN report.change.nth IS 'From 0: place among the changes of its event, which stand by field name.';
COMMENT ON COLUMN report.change.occurred_at IS
    'When the sender says it happened (Timestamp), cut to the microsecond. The digits after that are in occurred_ticks.';
COMMENT ON COLUMN report.change.occurred_local IS 'The same in the tenants zone, else UTC.';
COMMENT ON COLUMN report.change.actor_id IS
    'Who changed it: an associate id, never an owners id. Null if the event names none.';
COMMENT ON COLUMN report.change.actor IS 'Label that the actor had at the event. Null if it had none.';
COMMENT ON COLUMN report.change.actor_now IS 'Label that the actor has now. Null if it has none.';
COMMENT ON COLUMN report.change.field IS 'Name of the field, as sent.';
COMMENT ON COLUMN report.change.kind IS
    'initial: sent with the creation. changed: from one known value to another. set: to a known value, from one that is not known. not_sent: declared, but no value came. touched: the value did not move.';
COMMENT ON COLUMN report.change.declared IS
    'True if the events Changes names the field. A change that it does not name is a sign of a lost event.';
COMMENT ON COLUMN report.change.from_value IS
    'Value before, JSON as sent. SQL null: not known. JSON null: sent as null.';
COMMENT ON COLUMN report.change.from_id IS 'Value before if it is an integer, else null.';
COMMENT ON COLUMN report.change.from_label IS 'Label that from_id had at the event. Null if it had none.';
COMMENT ON COLUMN report.change.from_label_now IS 'Label that from_id has now. Null if it has none.';
COMMENT ON COLUMN report.change.to_value IS
    'Value after, JSON as sent. SQL null: none was sent. JSON null: sent as null.';
COMMENT ON COLUMN report.change.to_id IS 'Value after if it is an integer, else null.';
COMMENT ON COLUMN report.change.to_label IS 'Label that to_id had at the event. Null if it had none.';
COMMENT ON COLUMN report.change.to_label_now IS 'Label that to_id has now. Null if it has none.';
COMMENT ON COLUMN report.change.from_key IS
    'Value before in normal form, none for all that mean none. Null: not known. The fast way to ask for a value.';
COMMENT ON COLUMN report.change.to_key IS
    'Value after in normal form, none for all that mean none. Null: none was sent. The fast way to ask for a value.';
COMMENT ON COLUMN report.change.occurred_ticks IS
    'When it happened, in ticks of 100 ns since 1970, to the last digit sent. The fast way to ask for a time: occurred_ticks >= report.ticks(2025-05-01Z).';
COMMENT ON COLUMN report.change.noise IS 'Always false here: report.change_all has the others too.';

COMMENT ON VIEW report.change_all IS 'A row for each change of a field of a ticket, noise among them.';
COMMENT ON COLUMN report.change_all.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.change_all.ticket IS 'Id of the ticket.';
COMMENT ON COLUMN report.change_all.event_id IS
    'Event that brought the change: the way back to its body in report.event. With nth the key of a row.';
COMMENT ON COLUMN report.change_all.position IS 'Place of that event in the tenants log.';
COMMENT ON COLUMN report.change_all.nth IS 'From 0: place among the changes of its event, which stand by field name.';
COMMENT ON COLUMN report.change_all.occurred_at IS
    'When the sender says it happened (Timestamp), cut to the microsecond. The digits after that are in occurred_ticks.';
COMMENT ON COLUMN report.change_all.occurred_local IS 'The same in the tenants zone, else UTC.';
COMMENT ON COLUMN report.change_all.actor_id IS
    'Who changed it: an associate id, never an owners id. Null if the event names none.';
COMMENT ON COLUMN report.change_all.actor IS 'Label that the actor had at the event. Null if it had none.';
COMMENT ON COLUMN report.change_all.actor_now IS 'Label that the actor has now. Null if it has none.';
COMMENT ON COLUMN report.change_all.field IS 'Name of the field, as sent.';
COMMENT ON COLUMN report.change_all.kind IS
    'initial: sent with the creation. changed: from one known value to another. set: to a known value, from one that is not known. not_sent: declared, but no value came. touched: the value did not move.';
COMMENT ON COLUMN report.change_all.declared IS
    'True if the events Changes names the field. A change that it does not name is a sign of a lost event.';
COMMENT ON COLUMN report.change_all.from_value IS
    'Value before, JSON as sent. SQL null: not known. JSON null: sent as null.';
COMMENT ON COLUMN report.change_all.from_id IS 'Value before if it is an integer, else null.';
COMMENT ON COLUMN report.change_all.from_label IS 'Label that from_id had at the event. Null if it had none.';
COMMENT ON COLUMN report.change_all.from_label_now IS 'Label that from_id has now. Null if it has none.';
COMMENT ON COLUMN report.change_all.to_value IS
    'Value after, JSON as sent. SQL null: none was sent. JSON null: sent as null.';
COMMENT ON COLUMN report.change_all.to_id IS 'Value after if it is an integer, else null.';
COMMENT ON COLUMN report.change_all.to_label IS 'Label that to_id had at the event. Null if it had none.';
COMMENT ON COLUMN report.change_all.to_label_now IS 'Label that to_id has now. Null if it has none.';
COMMENT ON COLUMN report.change_all.from_key IS
    'Value before in normal form, none for all that mean none. Null: not known. The fast way to ask for a value.';
COMMENT ON COLUMN report.change_all.to_key IS
    'Value after in normal form, none for all that mean none. Null: none was sent. The fast way to ask for a value.';
COMMENT ON COLUMN report.change_all.occurred_ticks IS
    'When it happened, in ticks of 100 ns since 1970, to the last digit sent. The fast way to ask for a time: occurred_ticks >= report.ticks(2025-05-01Z).';
COMMENT ON COLUMN report.change_all.noise IS
    'True for bookkeeping fields (report.bookkeeping) and for kind touched: leave it out to count changes.';

COMMENT ON VIEW report.field_interval IS
    'A row for each time for which a field of a ticket held one value, from one event until another; bookkeeping fields are left out.';
COMMENT ON COLUMN report.field_interval.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.field_interval.ticket IS 'Id of the ticket.';
COMMENT ON COLUMN report.field_interval.field IS 'Name of the field, as sent.';
COMMENT ON COLUMN report.field_interval.value IS
    'Value that the field held, JSON as first sent. Never SQL null: of a time in which the value is not known there is no row.';
COMMENT ON COLUMN report.field_interval.value_id IS 'That value if it is an integer, else null.';
COMMENT ON COLUMN report.field_interval.label IS
    'Label that value_id had when the interval began. Null if it had none.';
COMMENT ON COLUMN report.field_interval.label_now IS 'Label that value_id has now. Null if it has none.';
COMMENT ON COLUMN report.field_interval.from_at IS
    'When the field came to hold it: Timestamp of an event, cut to the microsecond.';
COMMENT ON COLUMN report.field_interval.until_at IS
    'When it no longer did, or was no longer known, cut to the microsecond. Null while it does.';
COMMENT ON COLUMN report.field_interval.from_local IS 'from_at in the tenants zone, else UTC.';
COMMENT ON COLUMN report.field_interval.until_local IS
    'until_at in the tenants zone, else UTC. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval.seconds IS
    'Length of the interval in seconds, all hours of the day. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval.open IS 'True while it holds the value.';
COMMENT ON COLUMN report.field_interval.from_event_id IS
    'Event from which it held the value. With tenant, ticket and field the key of a row.';
COMMENT ON COLUMN report.field_interval.from_position IS 'Place of that event in the tenants log.';
COMMENT ON COLUMN report.field_interval.until_event_id IS 'Event that ended it. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval.until_position IS
    'Place of that event in the tenants log. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval.key IS
    'Value in normal form, none for all that mean none. The fast way to ask for a value.';
COMMENT ON COLUMN report.field_interval.from_ticks IS
    'from_at in ticks of 100 ns since 1970, to the last digit sent. The fast way to ask for a time.';
COMMENT ON COLUMN report.field_interval.until_ticks IS 'until_at in the same ticks. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval.noise IS
    'Always false here: report.field_interval_all has bookkeeping fields too.';

COMMENT ON VIEW report.field_interval_all IS
    'A row for each time for which a field of a ticket held one value, bookkeeping fields among them.';
COMMENT ON COLUMN report.field_interval_all.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.field_interval_all.ticket IS 'Id of the ticket.';
COMMENT ON COLUMN report.field_interval_all.field IS 'Name of the field, as sent.';
COMMENT ON COLUMN report.field_interval_all.value IS
    'Value that the field held, JSON as first sent. Never SQL null: of a time in which the value is not known there is no row.';
COMMENT ON COLUMN report.field_interval_all.value_id IS 'That value if it is an integer, else null.';
COMMENT ON COLUMN report.field_interval_all.label IS
    'Label that value_id had when the interval began. Null if it had none.';
COMMENT ON COLUMN report.field_interval_all.label_now IS 'Label that value_id has now. Null if it has none.';
COMMENT ON COLUMN report.field_interval_all.from_at IS
    'When the field came to hold it: Timestamp of an event, cut to the microsecond.';
COMMENT ON COLUMN report.field_interval_all.until_at IS
    'When it no longer did, or was no longer known, cut to the microsecond. Null while it does.';
COMMENT ON COLUMN report.field_interval_all.from_local IS 'from_at in the tenants zone, else UTC.';
COMMENT ON COLUMN report.field_interval_all.until_local IS
    'until_at in the tenants zone, else UTC. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval_all.seconds IS
    'Length of the interval in seconds, all hours of the day. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval_all.open IS 'True while it holds the value.';
COMMENT ON COLUMN report.field_interval_all.from_event_id IS
    'Event from which it held the value. With tenant, ticket and field the key of a row.';
COMMENT ON COLUMN report.field_interval_all.from_position IS 'Place of that event in the tenants log.';
COMMENT ON COLUMN report.field_interval_all.until_event_id IS 'Event that ended it. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval_all.until_position IS
    'Place of that event in the tenants log. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval_all.key IS
    'Value in normal form, none for all that mean none. The fast way to ask for a value.';
COMMENT ON COLUMN report.field_interval_all.from_ticks IS
    'from_at in ticks of 100 ns since 1970, to the last digit sent. The fast way to ask for a time.';
COMMENT ON COLUMN report.field_interval_all.until_ticks IS 'until_at in the same ticks. Null while it holds the value.';
COMMENT ON COLUMN report.field_interval_all.noise IS 'True for bookkeeping fields (report.bookkeeping).';

COMMENT ON VIEW report.entry IS
    'A row for each dated event of a ticket, with what it did to the ticket as a whole: report.event without what is only in the log, and so narrower.';
COMMENT ON COLUMN report.entry.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.entry.ticket IS 'Id of the ticket.';
COMMENT ON COLUMN report.entry.event_id IS 'The event: the way back to its body in report.event.';
COMMENT ON COLUMN report.entry.position IS 'Its place in the tenants log.';
COMMENT ON COLUMN report.entry.occurred_at IS 'When the sender says it happened (Timestamp), cut to the microsecond.';
COMMENT ON COLUMN report.entry.occurred_local IS 'The same in the tenants zone, else UTC.';
COMMENT ON COLUMN report.entry.creates IS 'True for ticket.created.';
COMMENT ON COLUMN report.entry.actor_id IS
    'Who did it: an associate id, never an owners id. Null if the event names none.';
COMMENT ON COLUMN report.entry.actor IS 'Label that the actor had at the event. Null if it had none.';
COMMENT ON COLUMN report.entry.actor_now IS 'Label that the actor has now. Null if it has none.';
COMMENT ON COLUMN report.entry.lifecycle IS
    'created, restored, reopened, merged, deleted, closed or postponed. Null if it did none of that.';
COMMENT ON COLUMN report.entry.repeats IS
    'The original event that this one says again. Null if it is none. A repeat changes nothing: leave it out to count.';
COMMENT ON COLUMN report.entry.completeness IS
    'Of the time since the tickets event before, as report.completeness has it. consistent: nothing speaks against it. unproven: the evidence is thin. suspect: something is missing.';
COMMENT ON COLUMN report.entry.reasons IS 'Why it is in doubt, by name. Empty if it is not.';
COMMENT ON COLUMN report.entry.occurred_ticks IS
    'When it happened, in ticks of 100 ns since 1970, to the last digit sent. The fast way to ask for a time.';

COMMENT ON VIEW report.event IS
    'A row for each event of the log, with the body as it came, and with its place in its tickets history where it has one.';
COMMENT ON COLUMN report.event.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.event.position IS
    'Place in the tenants log: 1, 2, 3 and so on, in the order in which events were stored.';
COMMENT ON COLUMN report.event.event_id IS 'Id that the sender gave it; stored once.';
COMMENT ON COLUMN report.event.event IS 'Name as sent, like ticket.changed.';
COMMENT ON COLUMN report.event.entity IS 'Entity as sent, like ticket. Null if absent.';
COMMENT ON COLUMN report.event.primary_key IS 'Id of what it is about, if it is an integer, else null.';
COMMENT ON COLUMN report.event.ticket IS 'Id of the ticket whose history it is part of. Null for all other events.';
COMMENT ON COLUMN report.event.occurred_at IS
    'When the sender says it happened (Timestamp), cut to the microsecond. Null if absent or unreadable.';
COMMENT ON COLUMN report.event.occurred_local IS 'The same in the tenants zone, else UTC.';
COMMENT ON COLUMN report.event.occurred_text IS 'Timestamp as sent. Null if absent or unreadable.';
COMMENT ON COLUMN report.event.received_at IS 'When its first delivery arrived here.';
COMMENT ON COLUMN report.event.stored_at IS 'When it was stored. Never decreases along position.';
COMMENT ON COLUMN report.event.actor_id IS
    'Who did it: an associate id, never an owners id. Null if the event names none.';
COMMENT ON COLUMN report.event.actor IS 'Label that the actor had at the event. Null if it had none.';
COMMENT ON COLUMN report.event.actor_now IS 'Label that the actor has now. Null if it has none.';
COMMENT ON COLUMN report.event.origin IS
    'webhook: its signature was verified. unsigned: it had none. import: from a file.';
COMMENT ON COLUMN report.event.hook IS 'Hook that took it. Null for an import.';
COMMENT ON COLUMN report.event.source IS 'Where it came from: the file of an import. Null if not known.';
COMMENT ON COLUMN report.event.webhook_name IS 'Name that the sender gives its webhook. Null if absent.';
COMMENT ON COLUMN report.event.body IS 'The body, byte for byte: convert_from(body, UTF8) is its text.';
COMMENT ON COLUMN report.event.body_sha256 IS 'SHA-256 of the body.';
COMMENT ON COLUMN report.event.lifecycle IS
    'What it did to the ticket as a whole: created, restored, reopened, merged, deleted, closed or postponed. Null if nothing of that.';
COMMENT ON COLUMN report.event.repeats IS 'The original event that this one says again. Null if it is none.';
COMMENT ON COLUMN report.event.completeness IS
    'Of the time since the tickets event before, as report.completeness has it. Null for what is in no tickets history. consistent: nothing speaks against it. unproven: the evidence is thin. suspect: something is missing.';
COMMENT ON COLUMN report.event.reasons IS
    'Why it is in doubt, by name. Empty if it is not. Null for what is in no tickets history.';
COMMENT ON COLUMN report.event.occurred_ticks IS
    'occurred_at in ticks of 100 ns since 1970, to the last digit sent. The fast way to ask for a time.';

COMMENT ON VIEW report.ticket IS
    'A row for each ticket, as it is now by its events. What it held then is in report.field_interval.';
COMMENT ON COLUMN report.ticket.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.ticket.ticket IS 'Id of the ticket.';
COMMENT ON COLUMN report.ticket.events IS 'How many events of it are in the log, repeats and undated ones among them.';
COMMENT ON COLUMN report.ticket.undated IS 'How many of them have no readable Timestamp, and so are in no history.';
COMMENT ON COLUMN report.ticket.first_at IS
    'Timestamp of its first event, cut to the microsecond. Null if all are undated.';
COMMENT ON COLUMN report.ticket.last_at IS
    'Timestamp of its last event, cut to the microsecond. Null if all are undated.';
COMMENT ON COLUMN report.ticket.first_local IS 'first_at in the tenants zone, else UTC.';
COMMENT ON COLUMN report.ticket.last_local IS 'last_at in the tenants zone, else UTC.';
COMMENT ON COLUMN report.ticket.category IS 'Category, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.category_label IS 'Label that category has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.connect_id IS
    'Ticket that it is connected to, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.contact_id IS 'Company, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.cust_id IS 'Customer, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.has_attachment IS 'Whether it has an attachment, now. Null if it is not known.';
COMMENT ON COLUMN report.ticket.owned_by IS
    'Owner (an ejuser id, never an associates), now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.owned_by_label IS 'Label that owned_by has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.priority IS 'Priority, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.priority_label IS 'Label that priority has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.project_id IS
    'Project, which serves as the team, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.project_id_label IS 'Label that project_id has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.sale_id IS 'Sale, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.slevel IS 'Access level, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.slevel_label IS 'Label that slevel has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.status IS
    'Base status: 1 active, 2 closed, 3 postponed, 4 deleted, 5 merged, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.status_label IS 'Label that status has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.ticket_status IS
    'Status by the tenants own list, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.ticket_status_label IS 'Label that ticket_status has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.ticket_type IS 'Type, now. Null if it is not known or no integer.';
COMMENT ON COLUMN report.ticket.ticket_type_label IS 'Label that ticket_type has now. Null if it has none.';
COMMENT ON COLUMN report.ticket.consistent IS 'Intervals between its events that nothing speaks against.';
COMMENT ON COLUMN report.ticket.unproven IS 'Intervals between its events of which the evidence is thin.';
COMMENT ON COLUMN report.ticket.suspect IS 'Intervals between its events in which something is missing.';
COMMENT ON COLUMN report.ticket.last_event_id IS
    'Its last event that is no repeat: the way back to the body in report.event. Null if all are undated.';
COMMENT ON COLUMN report.ticket.last_position IS 'Place of that event in the tenants log. Null if all are undated.';
COMMENT ON COLUMN report.ticket.first_ticks IS
    'first_at in ticks of 100 ns since 1970, to the last digit sent. The fast way to ask for a time.';
COMMENT ON COLUMN report.ticket.last_ticks IS 'last_at in the same ticks.';

COMMENT ON VIEW report.completeness IS
    'A row for each time between two consecutive events of a ticket, and one before its first: whether something is missing from it.';
COMMENT ON COLUMN report.completeness.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.completeness.ticket IS 'Id of the ticket.';
COMMENT ON COLUMN report.completeness.state IS
    'consistent: nothing speaks against it. unproven: the evidence is thin. suspect: something is missing.';
COMMENT ON COLUMN report.completeness.reasons IS 'Why it is in doubt, by name. Empty if it is not.';
COMMENT ON COLUMN report.completeness.from_at IS
    'Timestamp of the event before, cut to the microsecond. Null for the first.';
COMMENT ON COLUMN report.completeness.until_at IS 'Timestamp of the event that ends it, cut to the microsecond.';
COMMENT ON COLUMN report.completeness.from_local IS 'from_at in the tenants zone, else UTC.';
COMMENT ON COLUMN report.completeness.until_local IS 'until_at in the tenants zone, else UTC.';
COMMENT ON COLUMN report.completeness.event_id IS 'The event that ends it: the way back to its body in report.event.';
COMMENT ON COLUMN report.completeness.position IS 'Place of that event in the tenants log.';
COMMENT ON COLUMN report.completeness.from_ticks IS
    'from_at in ticks of 100 ns since 1970, to the last digit sent. Null for the first.';
COMMENT ON COLUMN report.completeness.until_ticks IS 'until_at in the same ticks. The fast way to ask for a time.';

COMMENT ON VIEW report.label IS
    'A row for each name of an id, from an instant on. At an instant, the first by rank, then the latest, of those valid by then holds.';
COMMENT ON COLUMN report.label.tenant IS 'Tenant whose row it is.';
COMMENT ON COLUMN report.label.list IS 'The field whose values the ids are; actor for those who change tickets.';
COMMENT ON COLUMN report.label.id IS 'The id. Owners (owned_by) and actors are never one list.';
COMMENT ON COLUMN report.label.label IS 'The name. Null: from then on the id has none.';
COMMENT ON COLUMN report.label.valid_from IS 'From when on it holds, cut to the microsecond. Null: from the beginning.';
COMMENT ON COLUMN report.label.valid_ticks IS
    'The same in ticks of 100 ns since 1970; the least bigint: from the beginning.';
COMMENT ON COLUMN report.label.rank IS
    '0: recorded for this list. 1: built in. 2: that of the same person in the other of the lists owned_by and actor.';

COMMENT ON VIEW report.tenant IS 'A row for each tenant.';
COMMENT ON COLUMN report.tenant.tenant IS 'Its name, as the events say it (ContextIdentifier).';
COMMENT ON COLUMN report.tenant.head IS 'Greatest position in its log; 0 if none.';
COMMENT ON COLUMN report.tenant.projected IS
    'Position up to which the other views tell, report.event aside: less than head while they catch up.';
COMMENT ON COLUMN report.tenant.zone IS 'IANA name of the zone of the columns that end in _local.';
COMMENT ON COLUMN report.tenant.tickets IS 'Tickets that have an event, by projected.';
COMMENT ON COLUMN report.tenant.undated IS 'Ticket events without a readable Timestamp, which are in no history.';
COMMENT ON COLUMN report.tenant.first_at IS
    'Earliest Timestamp of all its events, cut to the microsecond. Null if it has none.';
COMMENT ON COLUMN report.tenant.last_at IS
    'Latest Timestamp of all its events, cut to the microsecond. Null if it has none.';
COMMENT ON COLUMN report.tenant.first_ticks IS 'first_at in ticks of 100 ns since 1970, to the last digit sent.';
COMMENT ON COLUMN report.tenant.last_ticks IS 'last_at in the same ticks.';
