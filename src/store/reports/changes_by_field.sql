-- Which fields changed, and how often.
--
-- Counted are changes from a known value to a different one (kind `changed`), whether the sender named the field or
-- not; `kind` widens that to values that were not known before (`initial` with the creation, `set` later), to values
-- that are not known afterwards (`not_sent`) and to those declared without moving (`touched`). Bookkeeping fields are
-- left out. A field that never changed has no row. Changes count by their instant.
--
-- plot: changes.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
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
    SELECT change.ticket, change.event_id, change.occurred_ticks, change.field, change.kind, change.declared,
           change.from_key, change.from_value, change.to_key, change.to_value, grouped.key AS "group",
           CASE WHEN :'group_by' = 'month'
                THEN width_bucket(change.occurred_ticks, (SELECT opens FROM months)) END AS month
    FROM report.change_all AS change
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON grouped.ticket = change.ticket AND :'group_by' NOT IN ('', 'month', 'field')
    WHERE change.tenant = :'tenant' AND change.kind = ANY (string_to_array(:'kind', ','))
      AND (NOT change.noise OR 'touched' = ANY (string_to_array(:'kind', ',')) AND change.kind = 'touched'
                               AND NOT report.bookkeeping(change.field))
      AND change.occurred_ticks >= report.since(:'since') AND change.occurred_ticks < report.until(:'until')
)
\if :{?drill}
-- The changes of a row, the latest first.
SELECT ticket, event_id, report.at(occurred_ticks) AS occurred_at, field, kind, declared,
       report.value(from_key, from_value) AS "from", report.value(to_key, to_value) AS "to"
FROM moved
WHERE field = CASE WHEN :'group_by' IN ('', 'field') THEN :'drill' ELSE substring(:'drill' FROM '^[^/]*/(.*)$') END
  AND (:'group_by' IN ('', 'field')
       OR COALESCE((SELECT names FROM months)[month], "group", 'none') = split_part(:'drill', '/', 1))
ORDER BY occurred_ticks DESC, ticket, event_id
\else
, counted AS (
    SELECT COALESCE((SELECT names FROM months)[month], "group") AS "group", field, count(*) AS changes
    FROM moved GROUP BY "group", month, field
)
SELECT counted."group", grouped.label AS group_label, counted.field, counted.changes,
       CASE WHEN :'group_by' IN ('', 'field') THEN '' ELSE COALESCE(counted."group", 'none') || '/' END
       || counted.field AS drill
FROM counted
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = counted."group"
ORDER BY counted."group" COLLATE "C" NULLS LAST, counted.changes DESC, counted.field
\endif
