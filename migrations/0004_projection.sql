-- Projections: tables derived from the log by src/project, for questions across tickets. They may be
-- emptied and built again (`ticketlog project rebuild`); nothing in them is known from elsewhere.
--
-- Instants are ticks of 100 ns since 1970, because timestamptz keeps only 1,000 ns. "Key" is a value's normal
-- form as text: `none` for all none-values of a field, the digits of an integer, else canonical JSON, of
-- which a long one ends in its SHA-256 so that an index can hold it.

-- Said of a conflict: how far the log went when it was recorded, so that `known_at` can leave out later ones.
ALTER TABLE delivery ADD COLUMN head bigint;
COMMENT ON COLUMN delivery.head IS
    'Greatest position of the log when it was recorded; null for a registration test and for what came before this column.';
-- Serves the question whether conflicts were recorded since.
CREATE INDEX delivery_conflict_by_head ON delivery (tenant, head) WHERE outcome = 'conflict';

CREATE TABLE projection (
    tenant      text COLLATE "C" PRIMARY KEY,
    position    bigint NOT NULL CHECK (position >= 0),
    tickets     bigint NOT NULL,
    undated     bigint NOT NULL,
    first_ticks bigint,
    first_text  text,
    last_ticks  bigint,
    last_text   text,
    conflicts   bigint NOT NULL,
    facts       bigint NOT NULL,
    signs       bigint NOT NULL,
    settled     boolean NOT NULL,
    outage_from bigint[] NOT NULL,
    outage_to   bigint[] NOT NULL
);
COMMENT ON TABLE projection IS
    'How far each tenant''s log is projected; its row is the claim under which one instance projects.';
COMMENT ON COLUMN projection.position IS 'Greatest position that is projected; 0 if none.';
COMMENT ON COLUMN projection.tickets IS 'Tickets that have an event.';
COMMENT ON COLUMN projection.undated IS 'Ticket events without a readable Timestamp, which are in no history.';
COMMENT ON COLUMN projection.first_text IS 'The earliest Timestamp of all events, as sent.';
COMMENT ON COLUMN projection.last_text IS 'The latest Timestamp of all events, as sent.';
COMMENT ON COLUMN projection.conflicts IS 'Conflicts in the log that are taken into account.';
COMMENT ON COLUMN projection.facts IS 'Facts about the feed that are taken into account.';
COMMENT ON COLUMN projection.signs IS 'Events about webhooks in the log that are taken into account.';
COMMENT ON COLUMN projection.settled IS 'True if only another fact or sign can change the outages.';
COMMENT ON COLUMN projection.outage_from IS 'Starts of the outages taken into account, in ticks, in order.';
COMMENT ON COLUMN projection.outage_to IS 'Their ends, in ticks; the greatest bigint for one that is open.';

CREATE TABLE ticket (
    tenant      text COLLATE "C" NOT NULL,
    ticket      bigint NOT NULL CHECK (ticket > 0),
    events      bigint NOT NULL,
    undated     bigint NOT NULL,
    first_ticks bigint,
    last_ticks  bigint,
    consistent  bigint NOT NULL,
    unproven    bigint NOT NULL,
    suspect     bigint NOT NULL,
    fold        text,
    PRIMARY KEY (tenant, ticket)
);
-- Serves the tickets that changed lately.
CREATE INDEX ticket_by_last ON ticket (tenant, last_ticks, ticket);
-- Serves the tickets that there were by an instant.
CREATE INDEX ticket_by_first ON ticket (tenant, first_ticks, ticket);
COMMENT ON TABLE ticket IS 'Each ticket at the projected position.';
COMMENT ON COLUMN ticket.events IS 'Its events in the log, dated or not, repeats among them.';
COMMENT ON COLUMN ticket.first_ticks IS 'Of its first dated event; null if all are undated.';
COMMENT ON COLUMN ticket.consistent IS 'Intervals between its events that nothing speaks against; so for the next two.';
COMMENT ON COLUMN ticket.fold IS
    'Where the fold of its history stands (JSON of the program''s own), so that an event in order can be folded without the ones before it.';

CREATE TABLE entry (
    tenant     text COLLATE "C" NOT NULL,
    ticket     bigint NOT NULL,
    event_id   uuid NOT NULL,
    position   bigint NOT NULL,
    ticks      bigint NOT NULL,
    creates    boolean NOT NULL,
    actor      bigint,
    lifecycle  text,
    repeats    uuid,
    after_ticks bigint,
    confidence text NOT NULL CHECK (confidence IN ('consistent', 'unproven', 'suspect')),
    reasons    text[] NOT NULL,
    PRIMARY KEY (tenant, ticket, event_id)
);
-- Serves an actor's events, and those of a time with an outage.
CREATE INDEX entry_by_actor ON entry (tenant, actor, ticks);
CREATE INDEX entry_by_time ON entry (tenant, ticks);
-- Serves the list of what is in doubt.
CREATE INDEX entry_in_doubt ON entry (tenant, confidence, ticks, event_id) WHERE confidence <> 'consistent';
COMMENT ON TABLE entry IS 'One row for each dated event of a ticket, with what it did to the ticket as a whole.';
COMMENT ON COLUMN entry.ticks IS 'Its Timestamp.';
COMMENT ON COLUMN entry.creates IS 'True for ticket.created.';
COMMENT ON COLUMN entry.lifecycle IS 'created, restored, reopened, merged, deleted, closed, postponed; null for none.';
COMMENT ON COLUMN entry.repeats IS 'The original that this is a repeat of; a repeat ends no interval and changes nothing.';
COMMENT ON COLUMN entry.after_ticks IS
    'Start of the interval that ends with it: the Timestamp of the event before; null for the first and for repeats.';
COMMENT ON COLUMN entry.confidence IS 'Of the interval that ends with it.';
COMMENT ON COLUMN entry.reasons IS 'The reasons to doubt that interval, by name.';

CREATE TABLE change (
    tenant     text COLLATE "C" NOT NULL,
    ticket     bigint NOT NULL,
    event_id   uuid NOT NULL,
    nth        integer NOT NULL,
    position   bigint NOT NULL,
    ticks      bigint NOT NULL,
    actor      bigint,
    field      text COLLATE "C" NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('not_sent', 'initial', 'changed', 'touched', 'set')),
    declared   boolean NOT NULL,
    noise      boolean NOT NULL,
    from_value text,
    to_value   text,
    from_key   text COLLATE "C",
    to_key     text COLLATE "C",
    PRIMARY KEY (tenant, ticket, event_id, nth)
);
-- Serve audits, all in the order (ticks, event_id, nth).
CREATE INDEX change_by_time ON change (tenant, ticks, event_id, nth);
CREATE INDEX change_by_actor ON change (tenant, actor, ticks, event_id, nth) WHERE NOT noise;
CREATE INDEX change_by_field ON change (tenant, field, ticks, event_id, nth) WHERE NOT noise;
CREATE INDEX change_by_value ON change (tenant, field, to_key, ticks, event_id, nth) WHERE NOT noise;
COMMENT ON TABLE change IS 'One row for each field of each entry that has something to say.';
COMMENT ON COLUMN change.nth IS 'From 0: its place among the changes of its event, which stand by field name.';
COMMENT ON COLUMN change.ticks IS 'Timestamp of its event.';
COMMENT ON COLUMN change.kind IS 'not_sent, initial, changed, touched or set.';
COMMENT ON COLUMN change.declared IS 'True if the event''s Changes names the field.';
COMMENT ON COLUMN change.noise IS 'True for kind touched and for bookkeeping fields.';
COMMENT ON COLUMN change.from_value IS 'JSON as sent; null if the value before is not known.';
COMMENT ON COLUMN change.to_value IS 'JSON as sent; null if none was sent.';
COMMENT ON COLUMN change.from_key IS 'Key of from_value.';
COMMENT ON COLUMN change.to_key IS 'Key of to_value.';

CREATE TABLE field_interval (
    tenant      text COLLATE "C" NOT NULL,
    ticket      bigint NOT NULL,
    field       text COLLATE "C" NOT NULL,
    from_event  uuid NOT NULL,
    from_ticks  bigint NOT NULL,
    until_event uuid,
    until_ticks bigint,
    value       text NOT NULL,
    key         text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, ticket, field, from_event),
    CHECK ((until_event IS NULL) = (until_ticks IS NULL))
);
-- Serves the tickets that hold, held or ever held a value.
-- The key first: for a look-up by ticket and field, which the primary key serves, a planner that does not know
-- the table yet would else take this one and walk all of a field.
CREATE INDEX field_interval_by_value ON field_interval (tenant, key, field, ticket, from_ticks)
    INCLUDE (until_ticks);
-- Serves the end of an interval, and holds that a field has one value at a time.
CREATE UNIQUE INDEX field_interval_open ON field_interval (tenant, ticket, field) WHERE until_event IS NULL;
COMMENT ON TABLE field_interval IS
    'A field of a ticket held one value: known and equal in normal form from one event until another.';
COMMENT ON COLUMN field_interval.from_event IS 'The event from which it is known to hold it.';
COMMENT ON COLUMN field_interval.until_event IS
    'The event from which it holds another value or is unknown; null while it holds this one.';
COMMENT ON COLUMN field_interval.value IS 'JSON as first sent.';
COMMENT ON COLUMN field_interval.key IS 'Key of the value.';
