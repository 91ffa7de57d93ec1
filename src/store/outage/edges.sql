-- The events on both sides of each trouble of a tenant ($1), among the log up to a position ($7): of the
-- trouble's hook (of any hook, if it is one of all), and of the tenant through any hook. An import has no
-- hook and says nothing about the feed.
-- $8 positions are looked at either way, and in order, so that the look ends where one fits. As ranges and
-- not as a LIMIT: before the table is analysed Postgres would read the whole tenant and sort it.
SELECT hook_before.ticks AS "hook_before?", any_before.ticks AS "any_before?",
       hook_after.ticks AS "hook_after?", any_after.ticks AS "any_after?"
FROM UNNEST($2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[], $6::bigint[])
    WITH ORDINALITY AS trouble (before, after, hook, ended_at, ticks, nth)
LEFT JOIN LATERAL (
    SELECT event.occurred_ticks AS ticks FROM event
    WHERE event.tenant = $1
      AND event.position > trouble.before - $8 AND event.position <= trouble.before
      AND event.hook = COALESCE(trouble.hook, event.hook)
      AND event.occurred_ticks <= COALESCE(trouble.ticks, event.occurred_ticks)
    ORDER BY event.position DESC LIMIT 1) AS hook_before ON true
LEFT JOIN LATERAL (
    SELECT event.occurred_ticks AS ticks FROM event
    WHERE event.tenant = $1
      AND event.position > trouble.before - $8 AND event.position <= trouble.before
      AND event.hook IS NOT NULL
      AND event.occurred_ticks <= COALESCE(trouble.ticks, event.occurred_ticks)
    ORDER BY event.position DESC LIMIT 1) AS any_before ON true
LEFT JOIN LATERAL (
    SELECT event.occurred_ticks AS ticks FROM event
    WHERE event.tenant = $1
      AND event.position > trouble.after AND event.position <= least(trouble.after + $8, $7)
      AND event.hook = COALESCE(trouble.hook, event.hook)
      AND event.received_at >= COALESCE(trouble.ended_at, event.received_at)
      AND event.occurred_ticks > COALESCE(trouble.ticks, hook_before.ticks, any_before.ticks)
    ORDER BY event.position LIMIT 1) AS hook_after ON true
LEFT JOIN LATERAL (
    SELECT event.occurred_ticks AS ticks FROM event
    WHERE event.tenant = $1
      AND event.position > trouble.after AND event.position <= least(trouble.after + $8, $7)
      AND event.hook IS NOT NULL
      AND event.received_at >= COALESCE(trouble.ended_at, event.received_at)
      AND event.occurred_ticks > COALESCE(trouble.ticks, hook_before.ticks, any_before.ticks)
    ORDER BY event.position LIMIT 1) AS any_after ON true
ORDER BY trouble.nth
