-- How long tickets held each value of a field.
--
-- A visit is a run of one value, from its first event to the first event of the next run; an event after which the
-- value is unknown ends it, and none-values are one value. A visit that nothing has ended yet is open: it is counted,
-- and its age up to `until` stands by itself. With `since` and `until` visits count that reach into that time, with
-- the part that lies in it. The row whose value is not known is the rest: since the ticket's first event, no value of
-- the field was known. All durations are within the business hours, where some are given.
--
-- plot: total_seconds.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- field: field. The field.
\if :{?field} \else \set field ticket_status \endif
-- since: instant. From then on.
\if :{?since} \else \set since '' \endif
-- until: instant. Before then; without it up to now.
\if :{?until} \else \set until '' \endif
-- group_by: group. A row for each group of tickets, by what each holds now, or by the month of its first event.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months and business hours are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif
-- hours: hours. Business hours; without them all hours count.
\if :{?hours} \else \set hours '' \endif
-- holidays: dates. Days without business hours.
\if :{?holidays} \else \set holidays '' \endif
-- percentiles: percentiles. Further percentiles of the closed visits, besides the median.
\if :{?percentiles} \else \set percentiles '' \endif

WITH span AS MATERIALIZED (
    SELECT COALESCE(report.ticks(:'since'), tenant.first_ticks, 0) AS since,
           report.until_now(:'until') AS until,
           COALESCE(NULLIF(:'zone', ''), tenant.zone) AS zone
    FROM report.tenant WHERE tenant.tenant = :'tenant'
), calendar AS MATERIALIZED (
    SELECT calendar.* FROM span
    CROSS JOIN LATERAL report.calendar(:'hours', :'holidays', span.zone, span.since, span.until) AS calendar
), visit AS MATERIALIZED (
    -- Only what an index has: values and the events that ended visits are looked up afterwards.
    SELECT run.ticket, run.key, run.from_event_id, run.until_ticks IS NULL AS open,
           GREATEST(run.from_ticks, span.since) AS from_ticks,
           LEAST(COALESCE(run.until_ticks, span.until), span.until) AS until_ticks,
           -- Without business hours a difference will do.
           CASE WHEN :'hours' = ''
                THEN LEAST(COALESCE(run.until_ticks, span.until), span.until) - GREATEST(run.from_ticks, span.since)
                ELSE report.worked(LEAST(COALESCE(run.until_ticks, span.until), span.until), opens, closes, before)
                     - report.worked(GREATEST(run.from_ticks, span.since), opens, closes, before) END AS ticks
    FROM span CROSS JOIN calendar
    CROSS JOIN report.field_interval_all AS run
    WHERE run.tenant = :'tenant' AND run.field = :'field' AND run.from_ticks < (SELECT until FROM span)
      AND (run.until_ticks IS NULL OR run.until_ticks > span.since OR run.from_ticks >= span.since)
), held AS MATERIALIZED (
    -- Of each ticket what it spent in each value.
    SELECT ticket, key, count(*) AS visits, count(*) FILTER (WHERE NOT open) AS closed_visits,
           report.total(ticks) FILTER (WHERE NOT open) AS closed_ticks,
           report.total(ticks) FILTER (WHERE open) AS open_ticks
    FROM visit GROUP BY ticket, key
), part AS (
    SELECT ticket, key, visits, closed_visits, closed_ticks, open_ticks FROM held
    UNION ALL
    -- And the rest of its life.
    SELECT ticket.ticket, 'unknown', 0, 0, life.ticks - COALESCE(seen.ticks, 0), NULL
    FROM span CROSS JOIN calendar
    CROSS JOIN report.ticket
    CROSS JOIN LATERAL (
        SELECT CASE WHEN :'hours' = '' THEN span.until - GREATEST(ticket.first_ticks, span.since)
                    ELSE report.worked(span.until, opens, closes, before)
                         - report.worked(GREATEST(ticket.first_ticks, span.since), opens, closes, before)
               END AS ticks) AS life
    LEFT JOIN (
        SELECT ticket, report.total(COALESCE(closed_ticks, 0) + COALESCE(open_ticks, 0)) AS ticks FROM held GROUP BY ticket
        ) AS seen ON seen.ticket = ticket.ticket
    WHERE ticket.tenant = :'tenant' AND ticket.first_ticks < (SELECT until FROM span)
      AND life.ticks > COALESCE(seen.ticks, 0)
)
\if :{?drill}
-- The visits of a row, the longest first.
SELECT visit.ticket, visit.from_event_id AS event_id, run.until_event_id, report.at(visit.from_ticks) AS from_at,
       CASE WHEN NOT visit.open THEN report.at(visit.until_ticks) END AS until_at,
       visit.ticks / 1e7::double precision AS seconds
FROM visit
LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped ON grouped.ticket = visit.ticket
-- Looked up one by one: a join with a view behind the fence reads it once for each visit if few are expected.
CROSS JOIN LATERAL (
    SELECT run.until_event_id FROM report.field_interval_all AS run
    WHERE run.tenant = :'tenant' AND run.field = :'field' AND run.ticket = visit.ticket
      AND run.from_event_id = visit.from_event_id LIMIT 1) AS run
WHERE CASE WHEN :'group_by' = '' THEN visit.key ELSE COALESCE(grouped.key, 'none') || '/' || visit.key END = :'drill'
UNION ALL
SELECT part.ticket, NULL, NULL, NULL, NULL, part.closed_ticks / 1e7::double precision
FROM part
LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped ON grouped.ticket = part.ticket
WHERE part.key = 'unknown'
  AND CASE WHEN :'group_by' = '' THEN 'unknown' ELSE COALESCE(grouped.key, 'none') || '/unknown' END = :'drill'
ORDER BY seconds DESC, ticket, event_id
\else
, by_ticket AS (
    SELECT grouped.key AS "group", part.key, sum(part.visits)::bigint AS visits,
           sum(part.closed_visits)::bigint AS closed_visits, count(*) AS tickets,
           (sum(part.closed_ticks) / 1e7)::double precision AS total_seconds,
           (sum(part.open_ticks) / 1e7)::double precision AS open_seconds,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY part.closed_ticks::double precision) / 1e7 AS median
    FROM part
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped ON grouped.ticket = part.ticket
    GROUP BY grouped.key, part.key
), by_visit AS (
    SELECT grouped.key AS "group", visit.key,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY visit.ticks::double precision) / 1e7 AS median,
           percentile_cont(ARRAY(
               SELECT share::double precision / 100 FROM unnest(string_to_array(:'percentiles', ',')) AS share
           )) WITHIN GROUP (ORDER BY visit.ticks / 1e7::double precision) AS percentiles
    FROM visit
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped ON grouped.ticket = visit.ticket
    WHERE NOT visit.open
    GROUP BY grouped.key, visit.key
), named AS (
    SELECT held.key, report.value_of(:'tenant', :'field', held.key) AS value, label.label
    FROM (SELECT DISTINCT key FROM by_ticket) AS held
    LEFT JOIN report.labels_now(:'tenant', :'field') AS label ON label.key = held.key
)
SELECT by_ticket."group", grouped.label AS group_label, by_ticket.key <> 'unknown' AS known, named.value, named.label,
       by_ticket.visits, by_ticket.closed_visits, by_ticket.visits - by_ticket.closed_visits AS open_visits,
       by_ticket.tickets, COALESCE(by_ticket.total_seconds, 0) AS total_seconds,
       COALESCE(by_ticket.open_seconds, 0) AS open_seconds,
       by_visit.median AS median_seconds_per_visit,
       CASE WHEN by_ticket.key <> 'unknown' THEN by_ticket.median END AS median_seconds_per_ticket,
       report.percentile_names(:'percentiles', by_visit.percentiles) AS percentiles,
       CASE WHEN :'group_by' = '' THEN '' ELSE COALESCE(by_ticket."group", 'none') || '/' END || by_ticket.key AS drill
FROM by_ticket
JOIN named ON named.key = by_ticket.key
LEFT JOIN by_visit ON by_visit."group" IS NOT DISTINCT FROM by_ticket."group" AND by_visit.key = by_ticket.key
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = by_ticket."group"
ORDER BY by_ticket."group" COLLATE "C" NULLS LAST, by_ticket.total_seconds DESC NULLS LAST, by_ticket.key
\endif
