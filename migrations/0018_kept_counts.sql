-- How many intervals of a tenant are in each state, kept with every step: a sum over all tickets is asked for by every
-- report and on the first page, and took a tenth of a second of a million tickets.

ALTER TABLE projection
    ADD COLUMN dated       bigint,
    ADD COLUMN consistent  bigint,
    ADD COLUMN unproven    bigint,
    ADD COLUMN suspect     bigint,
    ADD COLUMN counted_for bigint[];
COMMENT ON COLUMN projection.dated IS 'Tickets that have a dated event, each with an open interval after its last.';
COMMENT ON COLUMN projection.consistent IS
    'Intervals between events, of all tickets, that nothing speaks against; so for the next two.';
COMMENT ON COLUMN projection.counted_for IS
    'The position, conflicts, facts and signs for which these were counted. Where the row has others, an earlier version of the program has projected since, and they do not hold.';

UPDATE projection
SET dated = counted.dated, consistent = counted.consistent, unproven = counted.unproven, suspect = counted.suspect,
    counted_for = ARRAY[position, conflicts, facts, signs]
FROM (
    SELECT tenant, count(last_ticks) AS dated, sum(consistent) AS consistent, sum(unproven) AS unproven,
           sum(suspect) AS suspect
    FROM ticket GROUP BY tenant) AS counted
WHERE counted.tenant = projection.tenant;

-- Serves the question who changed a field to a value: by the value alone it read what all others did as well.
CREATE INDEX change_moved_by ON change (tenant, actor, field, to_key, ticks, event_id, nth)
    WHERE NOT noise AND kind <> 'initial';
