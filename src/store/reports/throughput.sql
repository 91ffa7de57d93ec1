-- What came in, went out and came back, day by day, and what was left.
--
-- A row for each day from `since` to `until`, days without anything too; the first and the last may be parts of days.
-- `created` counts tickets by their created event. A ticket whose created event is missing is counted as created on no
-- day, though it stands in the backlog from its first event on. `closed` counts events that brought the base status to 2
-- (closed), a ticket created closed among them, each time; a status 2 that merely showed itself, undeclared at the first
-- sight of a ticket or as it had been before a time unknown, closes nothing. `reopened` counts steps from 2 straight to 0,
-- 1 or 3. `backlog` is the tickets whose status was known at the end of the day and neither 2 (closed) nor 4 (deleted) nor
-- 5 (merged); `unknown` those of which no status was known. So the backlog does not follow from the other columns alone.
--
-- plot: backlog.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- since: instant. From then on; without it from the first event, of the thirty years before the end.
\if :{?since} \else \set since '' \endif
-- until: instant. Before then; without it up to now.
\if :{?until} \else \set until '' \endif
-- group_by: group. Rows for each group of tickets, by what each holds now, or by the month of its first event.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where days and months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif

WITH span AS MATERIALIZED (
    -- Asked for by sub-selects, which an index can serve behind the fence of the views.
    -- An event of the year 1 is kept as it was sent; days from there on would leave no room for those that matter.
    SELECT COALESCE(report.ticks(:'since'),
                    GREATEST(tenant.first_ticks, report.until_now(:'until') - 30 * 315576000000000)) AS since,
           report.until_now(:'until') AS until,
           COALESCE(NULLIF(:'zone', ''), tenant.zone) AS zone
    FROM report.tenant WHERE tenant.tenant = :'tenant'
), midnight AS (
    SELECT at::date AS day, (at AT TIME ZONE span.zone) AS begins, span.zone, span.since, span.until
    FROM span CROSS JOIN LATERAL generate_series(
        date_trunc('day', report.at(span.since) AT TIME ZONE span.zone),
        report.at(span.until - 1) AT TIME ZONE span.zone, interval '1 day') AS at
    WHERE span.since < span.until
), day AS MATERIALIZED (
    -- Where the clocks go back over midnight, a day begins with the first of its two midnights.
    SELECT day, nth::integer, starts.ticks AS from_ticks, lead(starts.ticks, 1, until) OVER (ORDER BY nth) AS until_ticks
    FROM (SELECT *, row_number() OVER (ORDER BY day) AS nth FROM midnight) AS midnight
    CROSS JOIN LATERAL (
        SELECT GREATEST(since, report.ticks(
            CASE WHEN ((begins - interval '1 hour') AT TIME ZONE zone)::date = day
                 THEN begins - interval '1 hour' ELSE begins END)) AS ticks) AS starts
), step AS (
    SELECT ticket, event_id, occurred_ticks AS ticks, 'created' AS step
    FROM report.entry
    -- This word is the first created event's of a ticket, and no repeat's.
    WHERE tenant = :'tenant' AND lifecycle = 'created'
      AND occurred_ticks >= (SELECT since FROM span) AND occurred_ticks < (SELECT until FROM span)
    UNION ALL
    -- Two questions, for of the changes between known values an index alone tells.
    SELECT ticket, event_id, occurred_ticks, CASE WHEN to_key = '2' THEN 'closed' ELSE 'reopened' END
    FROM report.change
    WHERE tenant = :'tenant' AND field = 'status' AND kind = 'changed'
      AND (to_key = '2' OR (from_key = '2' AND to_key IN ('0', '1', '3')))
      AND occurred_ticks >= (SELECT since FROM span) AND occurred_ticks < (SELECT until FROM span)
    UNION ALL
    SELECT ticket, event_id, occurred_ticks, 'closed'
    FROM report.change
    WHERE tenant = :'tenant' AND field = 'status' AND to_key = '2' AND kind <> 'changed'
      AND occurred_ticks >= (SELECT since FROM span) AND occurred_ticks < (SELECT until FROM span)
), run AS (
    -- Which of these runs are over before the first day makes no difference to any.
    SELECT ticket, from_event_id, from_ticks, until_ticks, key IN ('2', '4', '5') AS done
    FROM report.field_interval
    WHERE tenant = :'tenant' AND field = 'status'
      AND from_ticks < (SELECT until FROM span)
      AND (until_ticks IS NULL OR until_ticks >= (SELECT since FROM span))
), seen AS (
    SELECT ticket, first_ticks FROM report.ticket
    WHERE tenant = :'tenant' AND first_ticks < (SELECT until FROM span)
)
\if :{?drill}
-- What is behind a day: the events that it counts, in order, then the tickets left at its end, each with the event from
-- which it held its status, the oldest first; then those of unknown status, with their last event by then.
, asked AS (
    SELECT day.* FROM day WHERE right(:'drill', 10) = to_char(day.day, 'YYYY-MM-DD')
), found AS (
    SELECT step.ticket, step.event_id, step.ticks, step.step, 1 AS place
    FROM asked JOIN step ON step.ticks >= asked.from_ticks AND step.ticks < asked.until_ticks
    UNION ALL
    SELECT run.ticket, run.from_event_id, run.from_ticks, 'backlog', 2
    FROM asked JOIN run ON NOT run.done AND run.from_ticks < asked.until_ticks
        AND (run.until_ticks IS NULL OR run.until_ticks >= asked.until_ticks)
    UNION ALL
    SELECT seen.ticket, last.event_id, last.ticks, 'unknown', 3
    FROM asked JOIN seen ON seen.first_ticks < asked.until_ticks
    LEFT JOIN run ON run.ticket = seen.ticket AND run.from_ticks < asked.until_ticks
        AND (run.until_ticks IS NULL OR run.until_ticks >= asked.until_ticks)
    CROSS JOIN LATERAL (
        SELECT entry.event_id, entry.occurred_ticks AS ticks FROM report.entry
        WHERE entry.tenant = :'tenant' AND entry.ticket = seen.ticket AND entry.repeats IS NULL
          AND entry.occurred_ticks < asked.until_ticks
        ORDER BY entry.occurred_ticks DESC, entry.creates, entry.event_id DESC LIMIT 1) AS last
    WHERE run.ticket IS NULL
)
SELECT found.ticket, found.event_id, found.step, report.at(found.ticks) AS occurred_at
FROM span CROSS JOIN asked CROSS JOIN found
LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
    ON :'group_by' <> '' AND grouped.ticket = found.ticket
WHERE CASE WHEN :'group_by' <> '' THEN COALESCE(grouped.key, 'none') || '/' ELSE '' END
      || to_char(asked.day, 'YYYY-MM-DD') = :'drill'
ORDER BY found.place, found.ticks, found.ticket, found.event_id, found.step
\else
, starts AS MATERIALIZED (
    SELECT array_agg(from_ticks ORDER BY nth) AS ticks FROM day
), moved AS MATERIALIZED (
    -- Day 0 is all that was before.
    SELECT COALESCE(grouped.key, '') AS "group", width_bucket(move.ticks, starts.ticks) AS nth,
           sum(created)::integer AS created, sum(closed)::integer AS closed, sum(reopened)::integer AS reopened,
           sum(backlog)::integer AS backlog, sum(unknown)::integer AS unknown
    FROM span CROSS JOIN starts
    CROSS JOIN (
        SELECT ticket, ticks, (step = 'created')::integer AS created, (step = 'closed')::integer AS closed,
               (step = 'reopened')::integer AS reopened, 0 AS backlog, 0 AS unknown
        FROM step
        UNION ALL
        SELECT run.ticket, turn.ticks, 0, 0, 0, CASE WHEN run.done THEN 0 ELSE turn.sign END, -turn.sign
        FROM run CROSS JOIN LATERAL (VALUES (run.from_ticks, 1), (run.until_ticks, -1)) AS turn (ticks, sign)
        WHERE turn.ticks < (SELECT until FROM span)
        UNION ALL
        SELECT ticket, first_ticks, 0, 0, 0, 0, 1 FROM seen
    ) AS move
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON :'group_by' <> '' AND grouped.ticket = move.ticket
    GROUP BY 1, 2
), named AS MATERIALIZED (
    SELECT groups."group", grouped.label
    FROM (SELECT "group" FROM moved UNION SELECT '' WHERE :'group_by' = '') AS groups
    LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = groups."group"
), kept AS (
    SELECT "group", nth, sum(created) AS created, sum(closed) AS closed, sum(reopened) AS reopened,
           sum(sum(backlog)::integer) OVER so_far AS backlog, sum(sum(unknown)::integer) OVER so_far AS unknown
    FROM (
        SELECT * FROM moved
        UNION ALL
        SELECT named."group", day.nth, 0, 0, 0, 0, 0 FROM named CROSS JOIN day
    ) AS every
    GROUP BY "group", nth
    WINDOW so_far AS (PARTITION BY "group" ORDER BY nth)
)
SELECT NULLIF(kept."group", '') AS "group", named.label AS group_label, day.day,
       kept.created, kept.closed, kept.reopened, kept.backlog, kept.unknown,
       CASE WHEN :'group_by' <> '' THEN COALESCE(NULLIF(kept."group", ''), 'none') || '/' ELSE '' END
       || to_char(day.day, 'YYYY-MM-DD') AS drill
FROM kept JOIN day ON day.nth = kept.nth JOIN named ON named."group" = kept."group"
ORDER BY 1 NULLS LAST, day.day
\endif
