-- How often tickets were assigned, unassigned and reassigned, and how many went to and fro.
--
-- An assignment is a change of the field from a none-value to another, an unassignment one to a none-value, a
-- reassignment one between two others. What a ticket was created with is none of them, nor is a value that follows
-- one that was not known. Ping-pong looks at what the field held, one value after the other, without none-values and
-- without a value that equals the one before it: a bounce is A, B, A in that sequence, and overlapping ones each
-- count. With `since` and `until` changes and bounces count whose instant lies in that time, that of a bounce being
-- that from which A held it again.
--
-- plot: reassignments.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- field: field. The field.
\if :{?field} \else \set field owned_by \endif
-- since: instant. From then on.
\if :{?since} \else \set since '' \endif
-- until: instant. Before then.
\if :{?until} \else \set until '' \endif
-- group_by: group. A row for each group of tickets, by what each holds now, or by the month of the change.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif

WITH months AS MATERIALIZED (
    SELECT opens, names FROM report.months(:'tenant', :'zone')
), act AS (
    SELECT change.ticket, change.event_id, change.occurred_ticks AS ticks, change.from_key, change.to_key,
           CASE WHEN change.from_key = 'none' THEN 'assignment' WHEN change.to_key = 'none' THEN 'unassignment'
                ELSE 'reassignment' END AS what
    FROM report.change_all AS change
    WHERE change.tenant = :'tenant' AND change.field = :'field' AND change.kind = 'changed'
      AND (NOT change.noise OR report.bookkeeping(:'field'))
      AND change.occurred_ticks >= report.since(:'since') AND change.occurred_ticks < report.until(:'until')
    UNION ALL
    SELECT taken.ticket, taken.event_id, taken.ticks, taken.before, taken.key, 'bounce'
    FROM report.sequence(:'tenant', :'field', report.since(:'since'), report.until(:'until')) AS taken
    WHERE taken.earlier = taken.key
), placed AS (
    SELECT act.*, grouped.key AS "group",
           CASE WHEN :'group_by' = 'month' THEN width_bucket(act.ticks, (SELECT opens FROM months)) END AS month
    FROM act
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON grouped.ticket = act.ticket AND :'group_by' NOT IN ('', 'month')
)
\if :{?drill}
-- The changes and bounces of a row, the latest first.
, shown AS MATERIALIZED (
    SELECT * FROM placed
    WHERE CASE WHEN :'group_by' = '' THEN 'all'
               ELSE COALESCE((SELECT names FROM months)[month], "group", 'none') END = :'drill'
), named AS (
    SELECT held.key, report.value_of(:'tenant', :'field', held.key) AS value
    FROM (SELECT from_key FROM shown UNION SELECT to_key FROM shown) AS held (key)
)
SELECT shown.ticket, shown.event_id, report.at(shown.ticks) AS occurred_at, shown.what, giver.value AS "from",
       taker.value AS "to"
FROM shown
JOIN named AS giver ON giver.key = shown.from_key
JOIN named AS taker ON taker.key = shown.to_key
ORDER BY shown.ticks DESC, shown.ticket, shown.event_id, shown.what
\else
, counted AS (
    SELECT COALESCE((SELECT names FROM months)[month], "group") AS "group",
           count(*) FILTER (WHERE what = 'assignment') AS assignments,
           count(*) FILTER (WHERE what = 'unassignment') AS unassignments,
           count(*) FILTER (WHERE what = 'reassignment') AS reassignments,
           count(DISTINCT ticket) FILTER (WHERE what = 'reassignment') AS tickets_reassigned,
           count(DISTINCT ticket) FILTER (WHERE what = 'bounce') AS ping_pong_tickets,
           count(*) FILTER (WHERE what = 'bounce') AS ping_pong_bounces
    FROM placed GROUP BY "group", month
    UNION ALL
    SELECT NULL, 0, 0, 0, 0, 0, 0 WHERE :'group_by' = '' AND NOT EXISTS (SELECT FROM act)
)
SELECT counted."group", grouped.label AS group_label, assignments, unassignments, reassignments, tickets_reassigned,
       ping_pong_tickets, ping_pong_bounces,
       CASE WHEN :'group_by' = '' THEN 'all' ELSE COALESCE(counted."group", 'none') END AS drill
FROM counted
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = counted."group"
ORDER BY counted."group" COLLATE "C" NULLS LAST
\endif
