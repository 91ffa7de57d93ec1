-- When tickets were created, for `throughput`: a tenth of the entries, which were all read for it.
CREATE INDEX entry_created ON entry (tenant, ticks) INCLUDE (ticket, event_id) WHERE lifecycle = 'created';

-- Times of one ticket, which together are shorter than the years that a timestamp has: they need no numeric, in which
-- `sum` adds bigints up, and half of the time of adding is saved.
CREATE AGGREGATE report.total (bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);
COMMENT ON AGGREGATE report.total (bigint) IS
    'The sum, as a bigint: an error where it is greater than one. For the ticks of one ticket.';
