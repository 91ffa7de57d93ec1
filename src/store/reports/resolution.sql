-- How long tickets took, from the first event to the last and to the first close.
--
-- A ticket counts where its first event lies: between `since` and `until`. All of its events count, also later ones, so
-- that the answer for a past month still moves while its tickets do. A close is the first event with which the base
-- status is known to be 2 (closed); a ticket that was created closed took 0 seconds, and one that was reopened counts up
-- to its first close. Tickets without a close are in no duration to it. Of a ticket whose created event is missing the
-- durations begin with the first event that there is, and are too short. All durations are within the business hours,
-- where some are given.
--
-- plot: median_seconds_to_first_closed.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- since: instant. Tickets whose first event was then or later.
\if :{?since} \else \set since '' \endif
-- until: instant. Tickets whose first event was before then.
\if :{?until} \else \set until '' \endif
-- group_by: group. A row for each group of tickets, by what each holds now, or by the month of its first event.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months and business hours are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif
-- hours: hours. Business hours; without them all hours count.
\if :{?hours} \else \set hours '' \endif
-- holidays: dates. Days without business hours.
\if :{?holidays} \else \set holidays '' \endif
-- percentiles: percentiles. Further percentiles, besides the medians.
\if :{?percentiles} \else \set percentiles '' \endif

WITH span AS MATERIALIZED (
    -- Asked for by sub-selects, which an index can serve behind the fence of the views.
    SELECT report.since(:'since') AS since,
           report.until(:'until') AS until,
           COALESCE(NULLIF(:'zone', ''), tenant.zone) AS zone,
           GREATEST(report.ticks(:'since'), tenant.first_ticks) AS first_ticks,
           -- A clock that is years ahead must not make a calendar of years.
           CASE WHEN :'hours' = '' THEN tenant.last_ticks
                ELSE LEAST(tenant.last_ticks, report.ticks(now() + interval '1 day')) END AS last_ticks
    FROM report.tenant WHERE tenant.tenant = :'tenant'
), calendar AS MATERIALIZED (
    SELECT calendar.* FROM span
    CROSS JOIN LATERAL report.calendar(:'hours', :'holidays', span.zone, span.first_ticks, span.last_ticks) AS calendar
), closed AS (
    SELECT ticket, min(from_ticks) AS ticks
    FROM report.field_interval
    WHERE tenant = :'tenant' AND field = 'status' AND key = '2' AND from_ticks >= (SELECT since FROM span)
    GROUP BY ticket
), life AS MATERIALIZED (
    SELECT ticket.ticket, ticket.first_ticks, ticket.last_ticks, closed.ticks AS closed_ticks,
           -- Without business hours a difference will do.
           CASE WHEN :'hours' = '' THEN ticket.last_ticks - ticket.first_ticks
                ELSE report.worked(ticket.last_ticks, opens, closes, before)
                     - report.worked(ticket.first_ticks, opens, closes, before) END AS ticks_to_last,
           CASE WHEN closed.ticks IS NULL THEN NULL
                WHEN :'hours' = '' THEN closed.ticks - ticket.first_ticks
                ELSE report.worked(closed.ticks, opens, closes, before)
                     - report.worked(ticket.first_ticks, opens, closes, before) END AS ticks_to_closed,
           grouped.key AS "group"
    FROM calendar CROSS JOIN report.ticket
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON :'group_by' <> '' AND grouped.ticket = ticket.ticket
    LEFT JOIN closed ON closed.ticket = ticket.ticket
    WHERE ticket.tenant = :'tenant'
      AND ticket.first_ticks >= (SELECT since FROM span) AND ticket.first_ticks < (SELECT until FROM span)
)
\if :{?drill}
-- The tickets of a row, the longest first. The event is the last one.
SELECT life.ticket, last.last_event_id AS event_id, report.at(life.first_ticks) AS first_at,
       report.at(life.last_ticks) AS last_at, life.ticks_to_last / 1e7::double precision AS seconds_first_to_last,
       run.from_event_id AS closed_event_id, report.at(life.closed_ticks) AS closed_at,
       life.ticks_to_closed / 1e7::double precision AS seconds_to_first_closed
FROM life
-- Looked up one by one: a join with a view behind the fence reads it once for each ticket if few are expected.
CROSS JOIN LATERAL (
    SELECT ticket.last_event_id FROM report.ticket
    WHERE ticket.tenant = :'tenant' AND ticket.ticket = life.ticket LIMIT 1) AS last
LEFT JOIN LATERAL (
    SELECT run.from_event_id FROM report.field_interval AS run
    WHERE run.tenant = :'tenant' AND run.ticket = life.ticket AND run.field = 'status' AND run.key = '2'
      AND run.from_ticks = life.closed_ticks
    -- On one tick the created event is the first.
    ORDER BY run.until_ticks, (
        SELECT entry.creates FROM report.entry
        WHERE entry.tenant = :'tenant' AND entry.ticket = life.ticket AND entry.event_id = run.from_event_id) DESC,
        run.from_event_id
    LIMIT 1) AS run ON true
WHERE CASE WHEN :'group_by' <> '' THEN COALESCE(life."group", 'none') ELSE 'all' END = :'drill'
ORDER BY seconds_first_to_last DESC, ticket
\else
, shares AS (
    SELECT ARRAY(
        SELECT share::double precision / 100 FROM unnest(string_to_array(:'percentiles', ',')) AS share) AS shares
), by_group AS (
    SELECT "group", count(*) AS tickets, count(ticks_to_closed) AS tickets_closed,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY ticks_to_last::double precision) / 1e7 AS median_to_last,
           avg(ticks_to_last)::double precision / 1e7 AS mean_to_last,
           max(ticks_to_last) / 1e7::double precision AS max_to_last,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY ticks_to_closed::double precision) / 1e7 AS median_to_closed,
           percentile_cont((SELECT shares FROM shares))
               WITHIN GROUP (ORDER BY ticks_to_last / 1e7::double precision) AS to_last,
           percentile_cont((SELECT shares FROM shares))
               WITHIN GROUP (ORDER BY ticks_to_closed / 1e7::double precision) AS to_closed
    FROM life GROUP BY "group"
)
SELECT by_group."group", grouped.label AS group_label,
       tickets, median_to_last AS median_seconds_first_to_last, mean_to_last AS mean_seconds_first_to_last,
       tickets_closed, median_to_closed AS median_seconds_to_first_closed,
       max_to_last AS max_seconds_first_to_last,
       report.percentile_names(:'percentiles', to_last) AS percentiles_first_to_last,
       report.percentile_names(:'percentiles', to_closed) AS percentiles_to_first_closed,
       CASE WHEN :'group_by' <> '' THEN COALESCE(by_group."group", 'none') ELSE 'all' END AS drill
FROM by_group
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = by_group."group"
ORDER BY by_group."group" COLLATE "C" NULLS LAST
\endif
