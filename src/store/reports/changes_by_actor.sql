-- Who changed how much.
--
-- Of each actor the events, those of them that created a ticket, and the changes. Events are those of ticket
-- histories, without repeats; an event without changes counts as well. Changes are those from a known value to a
-- different one (kind `changed`), not those of bookkeeping fields; `kind` widens that to values that were not known
-- before (`initial` with the creation, `set` later), to values that are not known afterwards (`not_sent`) and to
-- those declared without moving (`touched`). With a row for each field, only changes are counted, for an event has no
-- field. The row without an actor is of events that name none. Events and changes count by their instant.
--
-- plot: changes.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- since: instant. From then on.
\if :{?since} \else \set since '' \endif
-- until: instant. Before then.
\if :{?until} \else \set until '' \endif
-- group_by: choice(team|owner|priority|category|status|ticket_status|slevel|type|month|field). A row for each group of
-- tickets, by what each holds now, for each month, or for each field.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif
-- kind: kind. The kinds of changes that count.
\if :{?kind} \else \set kind changed \endif

WITH months AS MATERIALIZED (
    SELECT opens, names FROM report.months(:'tenant', :'zone')
), acted AS (
    SELECT entry.ticket, entry.event_id, entry.occurred_ticks, entry.actor_id, entry.creates, grouped.key AS "group",
           CASE WHEN :'group_by' = 'month'
                THEN width_bucket(entry.occurred_ticks, (SELECT opens FROM months)) END AS month
    FROM report.entry
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON grouped.ticket = entry.ticket AND :'group_by' NOT IN ('', 'month', 'field')
    WHERE entry.tenant = :'tenant' AND entry.repeats IS NULL AND :'group_by' <> 'field'
      AND entry.occurred_ticks >= report.since(:'since') AND entry.occurred_ticks < report.until(:'until')
), moved AS (
    SELECT change.ticket, change.event_id, change.occurred_ticks, change.actor_id, change.field,
           CASE WHEN :'group_by' = 'field' THEN change.field ELSE grouped.key END AS "group",
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
-- The events of a row, the latest first, each with what it changed.
, act AS (
    SELECT ticket, event_id, occurred_ticks, actor_id, creates, NULL AS field, "group", month FROM acted
    UNION ALL
    SELECT ticket, event_id, occurred_ticks, actor_id, NULL, field, "group", month FROM moved
)
SELECT ticket, event_id, report.at(occurred_ticks) AS occurred_at, bool_or(creates) AS created,
       count(field) AS changes, string_agg(field, ' ' ORDER BY field) AS fields
FROM act
WHERE (actor_id = report.id(substring(:'drill' FROM '[^/]*$'))
       OR actor_id IS NULL AND substring(:'drill' FROM '[^/]*$') = 'unknown')
  AND (:'group_by' = ''
       OR COALESCE((SELECT names FROM months)[month], "group", 'none') = substring(:'drill' FROM '^(.*)/[^/]*$'))
GROUP BY ticket, event_id, occurred_ticks
ORDER BY occurred_ticks DESC, ticket, event_id
\else
, part AS (
    SELECT COALESCE((SELECT names FROM months)[month], "group") AS "group", actor_id,
           count(*) FILTER (WHERE creates) AS created, count(*) AS events, NULL::bigint AS changes
    FROM acted GROUP BY "group", month, actor_id
    UNION ALL
    SELECT COALESCE((SELECT names FROM months)[month], "group"), actor_id, NULL, NULL, count(*)
    FROM moved GROUP BY "group", month, actor_id
), counted AS (
    SELECT "group", actor_id, sum(created)::bigint AS created, sum(events)::bigint AS events,
           COALESCE(sum(changes), 0)::bigint AS changes
    FROM part GROUP BY "group", actor_id
)
SELECT counted."group", grouped.label AS group_label, counted.actor_id AS actor, actor.label, counted.created,
       counted.events, counted.changes,
       CASE WHEN :'group_by' = '' THEN '' ELSE COALESCE(counted."group", 'none') || '/' END
       || COALESCE(counted.actor_id::text, 'unknown') AS drill
FROM counted
LEFT JOIN report.labels_now(:'tenant', 'actor') AS actor ON actor.key = counted.actor_id::text
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = counted."group"
ORDER BY counted."group" COLLATE "C" NULLS LAST, counted.events DESC NULLS LAST, counted.changes DESC,
         counted.actor_id NULLS LAST
\endif
