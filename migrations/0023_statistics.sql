-- What Postgres cannot see in a sample of pages. The rows of a ticket stand together where a log was projected at once, so it took
-- a million tickets for twenty thousand, and any condition on tickets to leave fifty times the changes that it does. Less than
-- nought is a share of the rows: a ticket is taken to have 33 changes and 25 intervals.
ALTER TABLE change ALTER COLUMN ticket SET (n_distinct = -0.03);
ALTER TABLE field_interval ALTER COLUMN ticket SET (n_distinct = -0.04);

-- A value says much of the field that it is of: 3 is a priority more often than a customer.
CREATE STATISTICS field_interval_values (mcv) ON field, key FROM field_interval;

ANALYZE change, field_interval;
