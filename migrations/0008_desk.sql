-- Lists and sums over a tenant's tickets, from the key's index alone: the rows are wide, for each carries
-- where its fold stands.
ALTER TABLE ticket
    DROP CONSTRAINT ticket_pkey,
    ADD PRIMARY KEY (tenant, ticket)
        INCLUDE (first_ticks, last_ticks, consistent, unproven, suspect);

-- Counts what an actor did, from the index alone; repeats count nowhere.
DROP INDEX entry_by_actor;
CREATE INDEX entry_by_actor ON entry (tenant, actor, ticks) INCLUDE (creates) WHERE repeats IS NULL;
