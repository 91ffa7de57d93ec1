-- What there is to doubt about the record, by reason.
--
-- An interval lies between two consecutive events of a ticket, or before its first, and counts where the event that ends
-- it lies: between `since` and `until`. One with two reasons counts in both rows, so that the rows do not add up. `state`
-- is what the reason alone makes of an interval: `suspect` if something was missed, `unproven` if the evidence is thin.
-- No rows at all means that nothing speaks against the record, not that it is proven. The open interval after the last
-- event of a ticket is not in here, for what can be said of it changes without an event.
--
-- plot: intervals.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- since: instant. Intervals that ended then or later.
\if :{?since} \else \set since '' \endif
-- until: instant. Intervals that ended before then.
\if :{?until} \else \set until '' \endif
-- group_by: group. Rows for each group of tickets, by what each holds now, or by the month of its first event.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif

WITH span AS MATERIALIZED (
    -- Asked for by sub-selects, which an index can serve behind the fence of the views.
    SELECT report.since(:'since') AS since,
           report.until(:'until') AS until
), doubt AS (
    SELECT gap.ticket, gap.event_id, gap.state, gap.reasons, gap.from_ticks, gap.until_ticks, reason.reason,
           grouped.key AS "group"
    FROM report.completeness AS gap
    CROSS JOIN LATERAL unnest(gap.reasons) AS reason (reason)
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON :'group_by' <> '' AND grouped.ticket = gap.ticket
    WHERE gap.tenant = :'tenant' AND gap.state <> 'consistent'
      AND gap.until_ticks >= (SELECT since FROM span) AND gap.until_ticks < (SELECT until FROM span)
)
\if :{?drill}
-- The intervals of a row, suspect ones first, then the longest; each with the event that ends it.
SELECT ticket, event_id, state, reasons, report.at(from_ticks) AS from_at, report.at(until_ticks) AS until_at,
       (until_ticks - from_ticks) / 1e7::double precision AS seconds
FROM doubt
WHERE CASE WHEN :'group_by' <> '' THEN COALESCE("group", 'none') || '/' ELSE '' END || reason = :'drill'
ORDER BY state, seconds DESC NULLS LAST, ticket, until_ticks, event_id
\else
, by_reason AS (
    SELECT "group", reason, count(*) AS intervals, count(DISTINCT ticket) AS tickets FROM doubt GROUP BY "group", reason
)
SELECT by_reason."group", grouped.label AS group_label,
       reason, intervals, tickets,
       CASE WHEN reason IN ('conflict', 'no_changes_declared', 'starts_late', 'undeclared_change', 'unseen_write')
            THEN 'suspect' ELSE 'unproven' END AS state,
       CASE WHEN :'group_by' <> '' THEN COALESCE(by_reason."group", 'none') || '/' ELSE '' END || reason AS drill
FROM by_reason
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = by_reason."group"
ORDER BY by_reason."group" COLLATE "C" NULLS LAST, state, intervals DESC, reason
\endif
