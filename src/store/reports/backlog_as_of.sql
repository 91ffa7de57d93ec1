-- How many tickets held each value of a field at an instant.
--
-- The state that the events up to and with the instant give. Every ticket counts that had an event by then, closed,
-- deleted and merged ones too: take `field=status` to see which are which. None-values are one value, null; the row
-- whose value is not known has the tickets of which no value of the field was known then.
--
-- plot: tickets.
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
    -- Asked for by sub-selects, which an index can serve behind the fence of the views.
    SELECT report.until_now(:'at') AS at
), held AS (
    -- One run at most is under way at an instant.
    SELECT ticket, min(key) AS key, min(from_ticks) AS from_ticks
    FROM report.field_interval_all
    WHERE tenant = :'tenant' AND field = :'field' AND from_ticks <= (SELECT at FROM span)
      AND (until_ticks IS NULL OR until_ticks > (SELECT at FROM span))
    GROUP BY ticket
), by_ticket AS (
    SELECT ticket.ticket, COALESCE(held.key, 'unknown') AS key, held.from_ticks, grouped.key AS "group"
    FROM report.ticket
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON :'group_by' <> '' AND grouped.ticket = ticket.ticket
    LEFT JOIN held ON held.ticket = ticket.ticket
    WHERE ticket.tenant = :'tenant' AND ticket.first_ticks <= (SELECT at FROM span)
)
\if :{?drill}
-- The tickets of a row, with the event from which each held the value, the longest first; where none is known, the
-- ticket's last event by then.
, asked AS MATERIALIZED (
    SELECT ticket, from_ticks FROM by_ticket
    WHERE CASE WHEN :'group_by' <> '' THEN COALESCE("group", 'none') || '/' ELSE '' END || key = :'drill'
)
SELECT asked.ticket, COALESCE(run.event_id, last.event_id) AS event_id, report.at(asked.from_ticks) AS from_at,
       ((SELECT at FROM span) - asked.from_ticks) / 1e7::double precision AS seconds
FROM asked
LEFT JOIN LATERAL (
    SELECT run.from_event_id AS event_id FROM report.field_interval_all AS run
    WHERE run.tenant = :'tenant' AND run.ticket = asked.ticket AND run.field = :'field'
      AND run.from_ticks = asked.from_ticks AND (run.until_ticks IS NULL OR run.until_ticks > (SELECT at FROM span))
    ) AS run ON true
LEFT JOIN LATERAL (
    SELECT entry.event_id FROM report.entry
    WHERE entry.tenant = :'tenant' AND entry.ticket = asked.ticket AND entry.repeats IS NULL
      AND entry.occurred_ticks <= (SELECT at FROM span) AND asked.from_ticks IS NULL
    ORDER BY entry.occurred_ticks DESC, entry.creates, entry.event_id DESC LIMIT 1) AS last ON true
ORDER BY seconds DESC NULLS LAST, ticket
\else
, by_value AS (
    SELECT "group", key, count(*) AS tickets FROM by_ticket GROUP BY "group", key
)
SELECT by_value."group", grouped.label AS group_label,
       by_value.key <> 'unknown' AS known,
       -- An integer is its key; of anything else one ticket's value will do.
       CASE WHEN report.id(by_value.key) IS NOT NULL THEN report.value(by_value.key, by_value.key)
            ELSE report.value(by_value.key, (
                SELECT run.value FROM report.field_interval_all AS run
                WHERE run.tenant = :'tenant' AND run.field = :'field' AND run.key = by_value.key
                ORDER BY run.ticket, run.from_ticks LIMIT 1)) END AS value,
       label.label, by_value.tickets,
       CASE WHEN :'group_by' <> '' THEN COALESCE(by_value."group", 'none') || '/' ELSE '' END || by_value.key AS drill
FROM by_value
LEFT JOIN report.labels_now(:'tenant', :'field') AS label ON label.key = by_value.key
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = by_value."group"
ORDER BY by_value."group" COLLATE "C" NULLS LAST, by_value.tickets DESC, by_value.key
\endif
