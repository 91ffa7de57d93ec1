-- How many tickets held each value of a field at an instant.
--
-- The state that the events up to and with the instant give. Every ticket counts that had an event by then, closed,
-- deleted and merged ones too: take `field=status` to see which are which. None-values are one value, null; the row
-- whose value is not known has the tickets of which no value of the field was known then.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- at: instant. When; without it now.
\if :{?at} \else \set at '' \endif
-- field: field. The field.
\if :{?field} \else \set field ticket_status \endif
-- group_by: group. Rows for each group of tickets, by what each holds now, not then, or by the month of its first event.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif

WITH span AS MATERIALIZED (
    SELECT COALESCE(NULLIF(:'zone', ''), tenant.zone) AS zone FROM report.tenant WHERE tenant.tenant = :'tenant'
), held AS MATERIALIZED (
    SELECT ticket, key, from_event_id, from_ticks
    FROM report.field_interval_all
    WHERE tenant = :'tenant' AND field = :'field'
      AND from_ticks <= report.until_now(:'at')
      AND (until_ticks IS NULL
           OR until_ticks > report.until_now(:'at'))
), by_ticket AS MATERIALIZED (
    SELECT ticket.ticket, COALESCE(held.key, 'unknown') AS key, held.from_event_id, held.from_ticks,
           grouped.key AS "group",
           CASE WHEN :'group_by' <> '' THEN COALESCE(grouped.key, 'none') || '/' ELSE '' END
           || COALESCE(held.key, 'unknown') AS drill
    FROM span CROSS JOIN report.ticket
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', span.zone) AS grouped
        ON :'group_by' <> '' AND grouped.ticket = ticket.ticket
    LEFT JOIN held ON held.ticket = ticket.ticket
    WHERE ticket.tenant = :'tenant'
      AND ticket.first_ticks <= report.until_now(:'at')
)
\if :{?drill}
-- The tickets of a row, with the event from which each held the value, the longest first; where none is known, the
-- ticket's last event by then.
SELECT by_ticket.ticket, COALESCE(by_ticket.from_event_id, last.event_id) AS event_id,
       report.at(by_ticket.from_ticks) AS from_at,
       (report.until_now(:'at') - by_ticket.from_ticks)
       / 1e7::double precision AS seconds
FROM by_ticket
LEFT JOIN LATERAL (
    SELECT entry.event_id FROM report.entry
    WHERE entry.tenant = :'tenant' AND entry.ticket = by_ticket.ticket AND entry.repeats IS NULL
      AND by_ticket.from_event_id IS NULL
      AND entry.occurred_ticks <= report.until_now(:'at')
    ORDER BY entry.occurred_ticks DESC, entry.creates, entry.event_id DESC LIMIT 1) AS last ON true
WHERE by_ticket.drill = :'drill'
ORDER BY seconds DESC NULLS LAST, ticket
\else
, by_value AS (
    SELECT "group", key, drill, count(*) AS tickets FROM by_ticket GROUP BY "group", key, drill
)
SELECT "group", report.label_now(:'tenant', report.group_list(:'group_by'), report.id("group")) AS group_label,
       key <> 'unknown' AS known,
       -- An integer is its key; of anything else one ticket's value will do.
       CASE WHEN report.id(key) IS NOT NULL THEN report.value(key, key)
            ELSE report.value(key, (
                SELECT run.value FROM report.field_interval_all AS run
                WHERE run.tenant = :'tenant' AND run.field = :'field' AND run.key = by_value.key
                ORDER BY run.ticket, run.from_ticks LIMIT 1)) END AS value,
       report.label_now(:'tenant', :'field', report.id(key)) AS label, tickets, drill
FROM by_value
ORDER BY "group" NULLS LAST, tickets DESC, key
\endif
