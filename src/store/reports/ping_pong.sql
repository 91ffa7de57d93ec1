-- Between whom tickets went to and fro, and how often.
--
-- A ticket's sequence is what the field held, one value after the other, without none-values, and without a value
-- that equals the one before it (as in handovers). It bounced where
-- the sequence goes A, B, A: to B and straight back. A, B, A, B is two bounces, for overlapping ones each count, and
-- who was first makes no other pair. The instant of a bounce is that from which A held it again. With `since` and
-- `until` those bounces count whose instant lies in that time; the sequence begins with the ticket all the same.
--
-- plot: count.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- field: field. The field.
\if :{?field} \else \set field owned_by \endif
-- since: instant. From then on.
\if :{?since} \else \set since '' \endif
-- until: instant. Before then.
\if :{?until} \else \set until '' \endif
-- group_by: group. A row for each group of tickets, by what each holds now, or by the month of the bounce.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif

WITH months AS MATERIALIZED (
    SELECT opens, names FROM report.months(:'tenant', :'zone')
), bounce AS (
    SELECT taken.ticket, taken.event_id, taken.ticks, taken.before, taken.key,
           LEAST(taken.before COLLATE "C", taken.key) AS a, GREATEST(taken.before COLLATE "C", taken.key) AS b,
           grouped.key AS "group",
           CASE WHEN :'group_by' = 'month' THEN width_bucket(taken.ticks, (SELECT opens FROM months)) END AS month
    FROM report.sequence(:'tenant', :'field', report.since(:'since'), report.until(:'until')) AS taken
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON grouped.ticket = taken.ticket AND :'group_by' NOT IN ('', 'month')
    WHERE taken.earlier = taken.key
)
\if :{?drill}
-- The bounces of a row, the latest first: the ticket was with "to", went to "from" and came back to "to".
SELECT ticket, event_id, report.at(ticks) AS occurred_at,
       report.value_of(:'tenant', :'field', before) AS "from", report.value_of(:'tenant', :'field', key) AS "to"
FROM bounce
WHERE CASE WHEN :'group_by' = '' THEN ''
           ELSE COALESCE((SELECT names FROM months)[month], "group", 'none') || '/' END
      || a || '/' || b = :'drill'
ORDER BY ticks DESC, ticket, event_id
\else
, counted AS (
    SELECT COALESCE((SELECT names FROM months)[month], "group") AS "group", a, b, count(*) AS count
    FROM bounce GROUP BY "group", month, a, b
), named AS (
    SELECT held.key, report.value_of(:'tenant', :'field', held.key) AS value, label.label
    FROM (SELECT a FROM counted UNION SELECT b FROM counted) AS held (key)
    LEFT JOIN report.labels_now(:'tenant', :'field') AS label ON label.key = held.key
)
SELECT counted."group", grouped.label AS group_label, one.value AS a, other.value AS b, counted.count,
       one.label AS a_label, other.label AS b_label,
       CASE WHEN :'group_by' = '' THEN '' ELSE COALESCE(counted."group", 'none') || '/' END
       || counted.a || '/' || counted.b AS drill
FROM counted
JOIN named AS one ON one.key = counted.a
JOIN named AS other ON other.key = counted.b
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = counted."group"
ORDER BY counted."group" COLLATE "C" NULLS LAST, counted.count DESC, counted.a, counted.b
\endif
