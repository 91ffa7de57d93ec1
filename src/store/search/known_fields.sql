-- Those of some names ($2) that a ticket of the tenant ($1) ever had a field of: two look-ups each, in change_by_field and in
-- field_interval_by_field. Their order, and the conditions of the second, keep Postgres to those: it expects to come upon any
-- field at once wherever it begins, and for a name that is misspelled it read all that there is. last_changed, which is not in
-- the second, is a field of every ticket.
SELECT wanted.name AS "name!" FROM UNNEST($2::text[]) AS wanted (name)
CROSS JOIN LATERAL (
    (SELECT FROM change
     WHERE tenant = $1 AND field = wanted.name AND NOT noise
     ORDER BY ticks LIMIT 1)
    UNION ALL
    (SELECT FROM field_interval
     WHERE tenant = $1 AND field = wanted.name AND length(field) >= 0 AND field <> 'last_changed'
     ORDER BY from_ticks LIMIT 1)
    LIMIT 1) AS found
