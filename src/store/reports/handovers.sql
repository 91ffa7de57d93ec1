-- Who handed tickets to whom, and how often.
--
-- A ticket's sequence is what the field held, one value after the other, without none-values, and without a value
-- that equals the one before it: held by A, by nobody and by A again, or by A, not known and A again, is no handover;
-- held by A, by nobody and then by B is one from A to B. A handover is a value and the next one of the sequence; its
-- instant is that from which the later one was held. With `since` and `until` those handovers count whose instant
-- lies in that time; the sequence begins with the ticket all the same.
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
-- group_by: group. A row for each group of tickets, by what each holds now, or by the month of the handover.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif

WITH months AS MATERIALIZED (
    SELECT opens, names FROM report.months(:'tenant', :'zone')
), handover AS (
    SELECT taken.ticket, taken.event_id, taken.ticks, taken.before, taken.key, grouped.key AS "group",
           CASE WHEN :'group_by' = 'month' THEN width_bucket(taken.ticks, (SELECT opens FROM months)) END AS month
    FROM report.sequence(:'tenant', :'field', report.since(:'since'), report.until(:'until')) AS taken
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON grouped.ticket = taken.ticket AND :'group_by' NOT IN ('', 'month')
    WHERE taken.before IS NOT NULL
)
\if :{?drill}
-- The handovers of a row, the latest first.
SELECT ticket, event_id, report.at(ticks) AS occurred_at,
       report.value_of(:'tenant', :'field', before) AS "from", report.value_of(:'tenant', :'field', key) AS "to"
FROM handover
WHERE CASE WHEN :'group_by' = '' THEN ''
           ELSE COALESCE((SELECT names FROM months)[month], "group", 'none') || '/' END
      || before || '/' || key = :'drill'
ORDER BY ticks DESC, ticket, event_id
\else
, counted AS (
    SELECT COALESCE((SELECT names FROM months)[month], "group") AS "group", before, key, count(*) AS count
    FROM handover GROUP BY "group", month, before, key
), named AS (
    SELECT held.key, report.value_of(:'tenant', :'field', held.key) AS value, label.label
    FROM (SELECT before FROM counted UNION SELECT key FROM counted) AS held (key)
    LEFT JOIN report.labels_now(:'tenant', :'field') AS label ON label.key = held.key
)
SELECT counted."group", grouped.label AS group_label, giver.value AS "from", taker.value AS "to", counted.count,
       giver.label AS from_label, taker.label AS to_label,
       CASE WHEN :'group_by' = '' THEN '' ELSE COALESCE(counted."group", 'none') || '/' END
       || counted.before || '/' || counted.key AS drill
FROM counted
JOIN named AS giver ON giver.key = counted.before
JOIN named AS taker ON taker.key = counted.key
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = counted."group"
ORDER BY counted."group" COLLATE "C" NULLS LAST, counted.count DESC, counted.before COLLATE "C", counted.key COLLATE "C"
\endif
