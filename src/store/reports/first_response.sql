-- How long tickets waited for their first response.
--
-- Derived, not measured: SuperOffice sends no event for a message. The first response is taken to be the first event
-- after the ticket's first one whose Changes declare `replied_at`; its Timestamp is the instant, for the value is not
-- sent. (Should it be sent, as it was before, that is noise, and no response.) What the ticket's first event itself
-- declares says nothing of a wait. A ticket counts where its first event lies: between `since` and `until`; its response
-- may come later. Of a ticket whose created event is missing the wait begins with the first event that there is, and is
-- too short. All durations are within the business hours, where some are given.
--
-- plot: median_seconds.
--
-- tenant: tenant. Whose tickets.
\if :{?tenant} \else \echo 'Give the tenant: psql -v tenant=…' \quit \endif
-- since: instant. Tickets whose first event was then or later.
\if :{?since} \else \set since '' \endif
-- until: instant. Tickets whose first event was before then.
\if :{?until} \else \set until '' \endif
-- group_by: group. A row for each group of tickets, by what each holds now, or by the month of its first event.
\if :{?group_by} \else \set group_by '' \endif
-- zone: zone. Where months and business hours are counted; without it the tenant's.
\if :{?zone} \else \set zone '' \endif
-- hours: hours. Business hours; without them all hours count.
\if :{?hours} \else \set hours '' \endif
-- holidays: dates. Days without business hours.
\if :{?holidays} \else \set holidays '' \endif
-- percentiles: percentiles. Further percentiles, besides the median and the 90th.
\if :{?percentiles} \else \set percentiles '' \endif

WITH span AS MATERIALIZED (
    -- Asked for by sub-selects, which an index can serve behind the fence of the views.
    SELECT report.since(:'since') AS since,
           report.until(:'until') AS until,
           COALESCE(NULLIF(:'zone', ''), tenant.zone) AS zone,
           GREATEST(report.ticks(:'since'), tenant.first_ticks) AS first_ticks,
           -- A clock that is years ahead must not make a calendar of years.
           CASE WHEN :'hours' = '' THEN tenant.last_ticks
                ELSE LEAST(tenant.last_ticks, report.ticks(now() + interval '1 day')) END AS last_ticks
    FROM report.tenant WHERE tenant.tenant = :'tenant'
), calendar AS MATERIALIZED (
    SELECT calendar.* FROM span
    CROSS JOIN LATERAL report.calendar(:'hours', :'holidays', span.zone, span.first_ticks, span.last_ticks) AS calendar
), reply AS (
    SELECT DISTINCT ON (change.ticket) change.ticket, change.event_id, change.occurred_ticks
    FROM report.change
    JOIN report.ticket ON ticket.tenant = :'tenant' AND ticket.ticket = change.ticket
        -- On the tick of the first event too, if another is before it there.
        AND (change.occurred_ticks > ticket.first_ticks OR EXISTS (
            SELECT FROM report.entry AS this
            JOIN report.entry AS other
                ON other.tenant = :'tenant' AND other.ticket = this.ticket AND other.repeats IS NULL
                AND other.occurred_ticks = this.occurred_ticks
                AND (NOT other.creates, other.event_id) < (NOT this.creates, this.event_id)
            WHERE this.tenant = :'tenant' AND this.ticket = change.ticket AND this.event_id = change.event_id))
    WHERE change.tenant = :'tenant' AND change.field = 'replied_at' AND change.declared
      AND change.occurred_ticks >= (SELECT since FROM span)
    ORDER BY change.ticket, change.occurred_ticks, change.event_id
), wait AS (
    SELECT ticket.ticket, ticket.first_ticks, reply.event_id, reply.occurred_ticks,
           CASE WHEN reply.ticket IS NULL THEN NULL
                -- Without business hours a difference will do.
                WHEN :'hours' = '' THEN reply.occurred_ticks - ticket.first_ticks
                ELSE report.worked(reply.occurred_ticks, opens, closes, before)
                     - report.worked(ticket.first_ticks, opens, closes, before) END AS ticks,
           grouped.key AS "group"
    FROM calendar CROSS JOIN report.ticket
    LEFT JOIN report.ticket_group(:'tenant', :'group_by', :'zone') AS grouped
        ON :'group_by' <> '' AND grouped.ticket = ticket.ticket
    LEFT JOIN reply ON reply.ticket = ticket.ticket
    WHERE ticket.tenant = :'tenant'
      AND ticket.first_ticks >= (SELECT since FROM span) AND ticket.first_ticks < (SELECT until FROM span)
)
\if :{?drill}
-- The responses of a row, the longest wait first; then the tickets without one, the oldest first.
SELECT ticket, event_id, report.at(first_ticks) AS first_at, report.at(occurred_ticks) AS replied_at,
       ticks / 1e7::double precision AS seconds
FROM wait
WHERE CASE WHEN :'group_by' <> '' THEN COALESCE("group", 'none') ELSE 'all' END = :'drill'
ORDER BY seconds DESC NULLS LAST, first_ticks, ticket
\else
, by_group AS (
    SELECT "group", count(ticks) AS tickets, count(*) - count(ticks) AS without,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY ticks::double precision) / 1e7 AS median,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY ticks::double precision) / 1e7 AS p90,
           percentile_cont(ARRAY(
               SELECT share::double precision / 100 FROM unnest(string_to_array(:'percentiles', ',')) AS share
           )) WITHIN GROUP (ORDER BY ticks / 1e7::double precision) AS percentiles
    FROM wait GROUP BY "group"
)
SELECT by_group."group", grouped.label AS group_label,
       tickets, median AS median_seconds, p90 AS p90_seconds, without AS tickets_without_response,
       report.percentile_names(:'percentiles', percentiles) AS percentiles,
       CASE WHEN :'group_by' <> '' THEN COALESCE(by_group."group", 'none') ELSE 'all' END AS drill
FROM by_group
LEFT JOIN report.labels_now(:'tenant', report.group_list(:'group_by')) AS grouped ON grouped.key = by_group."group"
ORDER BY by_group."group" COLLATE "C" NULLS LAST
\endif
