-- How long tickets were with nobody.
--
-- A stretch is a run of none-values of the field, from its first event to the first event of the next run or after
-- which the value is not known. A stretch that nothing has ended yet is open: its ticket is counted, and its age up
-- to `until` stands by itself. `tickets` had a stretch; `total_seconds` is what the closed ones lasted; the median is
-- over tickets with a closed stretch, of what all of a ticket's lasted together. With `since` and `until` stretches
-- count that reach into that time, with the part that lies in it. All durations are within the business hours, where
-- some are given.
--
-- plot: total_seconds.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- field: field. The field.
\if :{?field} \else \set field owned_by \endif
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
-- percentiles: percentiles. Further percentiles over tickets, besides the median.
\if :{?percentiles} \else \set percentiles '' \endif

WITH span AS MATERIALIZED (
    SELECT COALESCE(report.ticks(:'since'), tenant.first_ticks, 0) AS since,
           report.until_now(:'until') AS until,
           COALESCE(NULLIF(:'zone', ''), tenant.zone) AS zone
    FROM report.tenant WHERE tenant.tenant = :'tenant'
), calendar AS MATERIALIZED (
    SELECT calendar.* FROM span
    CROSS JOIN LATERAL report.calendar(:'hours', :'holidays', span.zone, span.since, span.until) AS calendar
), stretch AS (
    SELECT run.ticket, run.from_event_id, run.until_event_id, run.until_ticks IS NULL AS open,
           GREATEST(run.from_ticks, span.since) AS from_ticks,
           LEAST(COALESCE(run.until_ticks, span.until), span.until) AS until_ticks,
           -- Without business hours a difference will do.
           CASE WHEN :'hours' = ''
                THEN LEAST(COALESCE(run.until_ticks, span.until), span.until) - GREATEST(run.from_ticks, span.since)
                ELSE report.worked(LEAST(COALESCE(run.until_ticks, span.until), span.until), opens, closes, before)
                     - report.worked(GREATEST(run.from_ticks, span.since), opens, closes, before) END AS ticks,
           grouped.key AS "group"
    FROM span CROSS JOIN calendar
    CROSS JOIN report.field_interval_all AS run
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON grouped.ticket = run.ticket AND :'group_by' <> ''
    WHERE run.tenant = :'tenant' AND run.field = :'field' AND run.key = 'none' AND run.from_ticks < span.until
      AND (run.until_ticks IS NULL OR run.until_ticks > span.since OR run.from_ticks >= span.since)
)
\if :{?drill}
-- The stretches of a row, the longest first.
SELECT ticket, from_event_id AS event_id, until_event_id, report.at(from_ticks) AS from_at,
       CASE WHEN NOT open THEN report.at(until_ticks) END AS until_at, ticks / 1e7::double precision AS seconds
FROM stretch
WHERE CASE WHEN :'group_by' = '' THEN 'all' ELSE COALESCE("group", 'none') END = :'drill'
ORDER BY ticks DESC, ticket, from_event_id
\else
, part AS (
    SELECT "group", ticket, count(*) AS stretches, count(*) FILTER (WHERE open) AS open,
           sum(ticks) FILTER (WHERE NOT open) AS closed_ticks, sum(ticks) FILTER (WHERE open) AS open_ticks
    FROM stretch GROUP BY "group", ticket
), counted AS (
    SELECT "group", count(*) AS tickets, COALESCE(sum(closed_ticks) / 1e7, 0)::double precision AS total_seconds,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY closed_ticks::double precision) / 1e7 AS median_seconds,
           sum(stretches)::bigint AS stretches, sum(open)::bigint AS open_tickets,
           COALESCE(sum(open_ticks) / 1e7, 0)::double precision AS open_seconds,
           percentile_cont(ARRAY(
               SELECT share::double precision / 100 FROM unnest(string_to_array(:'percentiles', ',')) AS share
           )) WITHIN GROUP (ORDER BY closed_ticks / 1e7::double precision) AS percentiles
    FROM part GROUP BY "group"
)
SELECT counted."group", grouped.label AS group_label, tickets, total_seconds, median_seconds, stretches, open_tickets,
       open_seconds, report.percentile_names(:'percentiles', percentiles) AS percentiles,
       CASE WHEN :'group_by' = '' THEN 'all' ELSE COALESCE(counted."group", 'none') END AS drill
FROM counted
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = counted."group"
ORDER BY counted."group" COLLATE "C" NULLS LAST
\endif
