-- The events of tickets, with the position up to which the log counts, what marks the feed has by then, which labels
-- there are now, and whether a token is taken ($1 tenant, $2 tickets, $3 position or null, $4 hash of a token or null,
-- $5 now, $6 whether conflicts count that were recorded later).
--
-- In no order: Postgres would copy each body to put them in one. Of conflicts a look-up of each id, if there is one at
-- all: of EXISTS Postgres could make one walk over all of them. Facts in two parts, each with its range of
-- feed_fact_by_tenant: for OR it would read those of all tenants.
WITH reach AS MATERIALIZED (
    SELECT least($3, position) AS up_to FROM head WHERE tenant = $1),
known AS MATERIALIZED (
    SELECT up_to, stops, facts, last_fact,
           (SELECT version FROM label_version WHERE tenant = $1) AS labels,
           EXISTS (SELECT FROM delivery WHERE tenant = $1 AND outcome = 'conflict') AS disputed,
           EXISTS (SELECT FROM token
                   WHERE sha256 = $4 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $5)) AS live_token
    FROM reach
    CROSS JOIN LATERAL (
        SELECT count(*) AS stops FROM event
        WHERE tenant = $1 AND position <= up_to AND name LIKE 'webhook.%' AND hook IS NOT NULL) AS stop
    CROSS JOIN LATERAL (
        SELECT count(*) AS facts, max(recorded_at) AS last_fact
        FROM (SELECT recorded_at FROM feed_fact WHERE tenant = $1
              UNION ALL
              SELECT recorded_at FROM feed_fact WHERE tenant IS NULL) AS fact
        WHERE recorded_at < COALESCE(
              (SELECT stored_at FROM event
               WHERE tenant = $1 AND position > up_to AND position < up_to + 2::bigint
               ORDER BY position LIMIT 1), 'infinity')) AS fact)
SELECT up_to AS "up_to!", stops AS "stops!", facts AS "facts!",
       last_fact AS "last_fact: jiff_sqlx::Timestamp", labels, live_token AS "live_token!",
       nth AS "nth!", event.ticket AS "ticket!", position AS "position!", event_id AS "event_id!", name AS "name!", occurred_text,
       received_at AS "received_at!: jiff_sqlx::Timestamp", actor, body AS "body!",
       disputed AND (SELECT true FROM delivery
                     WHERE tenant = $1 AND event_id = event.event_id AND outcome = 'conflict'
                       AND ($6 OR COALESCE(head, 0) <= up_to) LIMIT 1) IS NOT NULL AS "conflict!"
FROM known
CROSS JOIN UNNEST($2::bigint[]) WITH ORDINALITY AS wanted (ticket, nth)
CROSS JOIN LATERAL (
    SELECT ticket, position, event_id, name, occurred_text, received_at, actor, body FROM event
    WHERE tenant = $1 AND ticket = wanted.ticket AND position <= up_to
    OFFSET 0) AS event
