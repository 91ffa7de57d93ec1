-- How often tickets came back after they had been closed.
--
-- A reopen is a step of the base status from 2 (closed) straight to 0, 1 or 3. A ticket that was deleted or merged after
-- it was closed and then came back was restored, not reopened; and where the status was unknown between, nobody can say
-- what happened, so nothing is counted. Each row is the number of reopens of a ticket between `since` and `until`; the
-- row 0 has all other tickets that there were before `until`, also those that were never closed: `tickets_ever_closed`
-- says how many of a row were closed at least once before `until`.
--
-- plot: tickets.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- since: instant. Count reopens from then on.
\if :{?since} \else \set since '' \endif
-- until: instant. Count reopens before then.
\if :{?until} \else \set until '' \endif
-- group_by: group. Rows for each group of tickets, by what each holds now, or by the month of its first event.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif

WITH span AS MATERIALIZED (
    -- Asked for by sub-selects, which an index can serve behind the fence of the views.
    SELECT report.since(:'since') AS since,
           report.until(:'until') AS until
), reopen AS (
    SELECT ticket, event_id, occurred_ticks, to_key
    FROM report.change
    WHERE tenant = :'tenant' AND field = 'status' AND kind = 'changed'
      AND from_key = '2' AND to_key IN ('0', '1', '3')
      AND occurred_ticks >= (SELECT since FROM span) AND occurred_ticks < (SELECT until FROM span)
), closed AS (
    SELECT ticket, min(from_ticks) AS ticks
    FROM report.field_interval
    WHERE tenant = :'tenant' AND field = 'status' AND key = '2' AND from_ticks < (SELECT until FROM span)
    GROUP BY ticket
), by_ticket AS (
    SELECT ticket.ticket, COALESCE(reopened.reopens, 0) AS reopens, closed.ticks AS closed_ticks, grouped.key AS "group"
    FROM report.ticket
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON :'group_by' <> '' AND grouped.ticket = ticket.ticket
    LEFT JOIN (SELECT ticket, count(*) AS reopens FROM reopen GROUP BY ticket) AS reopened
        ON reopened.ticket = ticket.ticket
    LEFT JOIN closed ON closed.ticket = ticket.ticket
    WHERE ticket.tenant = :'tenant' AND ticket.first_ticks < (SELECT until FROM span)
)
\if :{?drill}
-- The reopens of a row, after the longest rest first; of row 0 the tickets, with what closed each first, if anything did.
, asked AS MATERIALIZED (
    SELECT ticket, reopens, closed_ticks FROM by_ticket
    WHERE CASE WHEN :'group_by' <> '' THEN COALESCE("group", 'none') || '/' ELSE '' END || reopens = :'drill'
)
SELECT asked.ticket, reopen.event_id, 'reopened' AS step, report.at(reopen.occurred_ticks) AS occurred_at,
       report.value(reopen.to_key, reopen.to_key) AS status, run.from_event_id AS closed_event_id,
       run.seconds AS seconds_closed
FROM asked
JOIN reopen ON reopen.ticket = asked.ticket
JOIN report.field_interval AS run
    ON run.tenant = :'tenant' AND run.ticket = reopen.ticket AND run.field = 'status'
    AND run.until_event_id = reopen.event_id
UNION ALL
SELECT asked.ticket, run.from_event_id, CASE WHEN run.key IS NOT NULL THEN 'closed' END,
       report.at(asked.closed_ticks), report.value(run.key, run.key), run.from_event_id, NULL
FROM asked
LEFT JOIN LATERAL (
    SELECT run.key, run.from_event_id FROM report.field_interval AS run
    WHERE run.tenant = :'tenant' AND run.ticket = asked.ticket AND run.field = 'status' AND run.key = '2'
      AND run.from_ticks = asked.closed_ticks
    -- On one tick the created event is the first.
    ORDER BY run.until_ticks, (
        SELECT entry.creates FROM report.entry
        WHERE entry.tenant = :'tenant' AND entry.ticket = asked.ticket AND entry.event_id = run.from_event_id) DESC,
        run.from_event_id
    LIMIT 1) AS run ON true
WHERE asked.reopens = 0
ORDER BY seconds_closed DESC NULLS LAST, ticket, occurred_at, event_id
\else
, by_number AS (
    SELECT "group", reopens, count(*) AS tickets, count(closed_ticks) AS tickets_ever_closed
    FROM by_ticket GROUP BY "group", reopens
)
SELECT by_number."group", grouped.label AS group_label,
       reopens, tickets, tickets_ever_closed,
       CASE WHEN :'group_by' <> '' THEN COALESCE(by_number."group", 'none') || '/' ELSE '' END || reopens AS drill
FROM by_number
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = by_number."group"
ORDER BY by_number."group" COLLATE "C" NULLS LAST, reopens
\endif
