-- What reports share, mended. A report joins what these give with rows that Postgres has to guess the number of: so
-- they give as few rows and look-ups as they can.

-- On one tick the created event comes first, then the event ids decide: the order of the history. A run that lasted
-- no time is the only one that can share its beginning with a later one, so only of those it is asked what began them.
CREATE OR REPLACE FUNCTION report.sequence(of_tenant text, of_field text, since_ticks bigint, until_ticks bigint)
RETURNS TABLE (ticket bigint, event_id uuid, ticks bigint, key text, before text, earlier text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH moved AS MATERIALIZED (
        SELECT span.ticket FROM report.field_interval_all AS span
        WHERE span.tenant = of_tenant AND span.field = of_field AND span.key <> 'none'
          AND span.from_ticks >= since_ticks AND span.from_ticks < sequence.until_ticks LIMIT 20000
    ), held AS (
        SELECT span.ticket, span.from_event_id, span.from_ticks, span.until_ticks, span.key
        FROM report.field_interval_all AS span
        WHERE span.tenant = of_tenant AND span.field = of_field AND span.key <> 'none'
          AND span.from_ticks < sequence.until_ticks AND (SELECT count(*) FROM moved) = 20000
        UNION ALL
        SELECT span.ticket, span.from_event_id, span.from_ticks, span.until_ticks, span.key
        FROM report.field_interval_all AS span
        WHERE span.tenant = of_tenant AND span.field = of_field AND span.key <> 'none'
          AND span.from_ticks < sequence.until_ticks
          AND span.ticket = ANY (ARRAY(SELECT moved.ticket FROM moved WHERE (SELECT count(*) FROM moved) < 20000))
    ), placed AS (
        SELECT held.*,
               CASE WHEN held.until_ticks = held.from_ticks
                    THEN (SELECT NOT entry.creates FROM report.entry
                          WHERE entry.tenant = of_tenant AND entry.ticket = held.ticket
                            AND entry.event_id = held.from_event_id) END AS changes
        FROM held
    ), step AS (
        SELECT placed.*, lag(placed.key) OVER (
                   PARTITION BY placed.ticket
                   ORDER BY placed.from_ticks, placed.until_ticks, placed.changes, placed.from_event_id) AS before
        FROM placed
    ), chained AS (
        SELECT step.*, lag(step.before) OVER (
                   PARTITION BY step.ticket
                   ORDER BY step.from_ticks, step.until_ticks, step.changes, step.from_event_id) AS earlier
        FROM step WHERE step.before IS DISTINCT FROM step.key
    )
    SELECT chained.ticket, chained.from_event_id, chained.from_ticks, chained.key, chained.before, chained.earlier
    FROM chained WHERE chained.from_ticks >= since_ticks
$$;

-- Of tickets without a group it says nothing, so that it is one scan of an index and whoever joins it does so once.
CREATE OR REPLACE FUNCTION report.ticket_group(of_tenant text, group_by text, zone text)
RETURNS TABLE (ticket bigint, key text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ticket.ticket, months.names[width_bucket(ticket.first_ticks, months.opens)]
    FROM report.months(of_tenant, zone) AS months CROSS JOIN report.ticket AS ticket
    WHERE ticket.tenant = of_tenant AND group_by = 'month'
    UNION ALL
    -- From an index alone: the columns of report.ticket are a look-up each.
    SELECT now.ticket, report.id(now.key)::text
    FROM report.field_interval_all AS now
    WHERE now.tenant = of_tenant AND now.field = report.group_list(group_by) AND now.until_ticks IS NULL
      AND now.key <> 'none' AND group_by NOT IN ('', 'month')
$$;
COMMENT ON FUNCTION report.ticket_group IS
    'The group of each ticket of a tenant that has one: what it holds now, or the month of its first event in a zone (without one, the tenant''s). Join it from the left.';
