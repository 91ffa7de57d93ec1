-- Which values of a field followed which, and how often.
--
-- A row counts the changes of the field from one value to another. Counted are changes from a known value to a
-- different one (kind `changed`); `kind` widens that to values that were not known before (`initial` with the
-- creation, `set` later), to values that are not known afterwards (`not_sent`) and to those declared without moving
-- (`touched`). So `from` and `to` are null for a none-value, and for one that is not known, which `from_known` and
-- `to_known` tell apart. Changes count by their instant.
--
-- plot: count.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- field: field. The field.
\if :{?field} \else \set field ticket_status \endif
-- since: instant. From then on.
\if :{?since} \else \set since '' \endif
-- until: instant. Before then.
\if :{?until} \else \set until '' \endif
-- group_by: group. A row for each group of tickets, by what each holds now, or by the month of the change.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif
-- kind: kind. The kinds of changes that count.
\if :{?kind} \else \set kind changed \endif

WITH months AS MATERIALIZED (
    SELECT opens, names FROM report.months(:'tenant', :'zone')
), moved AS (
    SELECT change.ticket, change.event_id, change.occurred_ticks, change.kind, change.from_value, change.to_value,
           COALESCE(change.from_key, 'unknown') AS from_key, COALESCE(change.to_key, 'unknown') AS to_key,
           grouped.key AS "group",
           CASE WHEN :'group_by' = 'month'
                THEN width_bucket(change.occurred_ticks, (SELECT opens FROM months)) END AS month
    FROM report.change_all AS change
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON grouped.ticket = change.ticket AND :'group_by' NOT IN ('', 'month')
    WHERE change.tenant = :'tenant' AND change.field = :'field'
      AND change.kind = ANY (string_to_array(:'kind', ','))
      AND (NOT change.noise OR report.bookkeeping(:'field') OR 'touched' = ANY (string_to_array(:'kind', ',')))
      AND change.occurred_ticks >= report.since(:'since') AND change.occurred_ticks < report.until(:'until')
)
\if :{?drill}
-- The changes of a row, the latest first.
SELECT ticket, event_id, report.at(occurred_ticks) AS occurred_at, kind,
       report.value(from_key, from_value) AS "from", report.value(to_key, to_value) AS "to"
FROM moved
WHERE CASE WHEN :'group_by' = '' THEN ''
           ELSE COALESCE((SELECT names FROM months)[month], "group", 'none') || '/' END
      || from_key || '/' || to_key = :'drill'
ORDER BY occurred_ticks DESC, ticket, event_id
\else
, counted AS (
    SELECT COALESCE((SELECT names FROM months)[month], "group") AS "group", from_key, to_key, count(*) AS count
    FROM moved GROUP BY "group", month, from_key, to_key
), named AS (
    SELECT held.key, report.value_of(:'tenant', :'field', held.key) AS value, label.label
    FROM (SELECT from_key FROM counted UNION SELECT to_key FROM counted) AS held (key)
    LEFT JOIN report.labels_now(:'tenant', :'field') AS label ON label.key = held.key
)
SELECT counted."group", grouped.label AS group_label, given.value AS "from", given.label AS from_label,
       taken.value AS "to", taken.label AS to_label, counted.count, counted.from_key <> 'unknown' AS from_known,
       counted.to_key <> 'unknown' AS to_known,
       CASE WHEN :'group_by' = '' THEN '' ELSE COALESCE(counted."group", 'none') || '/' END
       || counted.from_key || '/' || counted.to_key AS drill
FROM counted
JOIN named AS given ON given.key = counted.from_key
JOIN named AS taken ON taken.key = counted.to_key
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = counted."group"
ORDER BY counted."group" COLLATE "C" NULLS LAST, counted.count DESC, counted.from_key, counted.to_key
\endif
