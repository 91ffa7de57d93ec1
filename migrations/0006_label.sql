-- Labels: what an operator says that ids mean, and what a tenant has set. Not derived from the log: a backup
-- needs them.

CREATE TABLE label (
    tenant      text COLLATE "C" NOT NULL,
    list        text COLLATE "C" NOT NULL,
    id          bigint NOT NULL,
    valid_ticks bigint NOT NULL,
    valid_text  text,
    label       text COLLATE "C",
    source      text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, list, id, valid_ticks),
    CHECK ((valid_text IS NULL) = (valid_ticks = -9223372036854775808))
);
-- Serves the ids that ever bore a label. Only its start, for a whole one may be too long for an index; and
-- without the id, or this index would be taken for look-ups by id.
CREATE INDEX label_by_text ON label (tenant, list, left(label, 200));
COMMENT ON TABLE label IS
    'The name of an id in a list, from an instant until the next row of that id. Mutable: one that is recorded again is replaced.';
COMMENT ON COLUMN label.list IS 'The field whose values the ids are; actor for those who change tickets.';
COMMENT ON COLUMN label.id IS 'owned_by has ids of ejuser, actor has ids of associates: never one list.';
COMMENT ON COLUMN label.valid_ticks IS
    'First instant at which it holds, in ticks of 100 ns since 1970; the least bigint: from the beginning.';
COMMENT ON COLUMN label.valid_text IS 'That instant as it was given; null: from the beginning.';
COMMENT ON COLUMN label.label IS 'The name; null: from then on the id has none.';
COMMENT ON COLUMN label.source IS 'The imported file, or api.';
COMMENT ON COLUMN label.recorded_at IS 'When it was recorded, or last recorded again.';

CREATE TABLE label_list (
    tenant      text COLLATE "C" NOT NULL,
    list        text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, list)
);
COMMENT ON TABLE label_list IS 'When labels of a list were last recorded. Mutable.';

CREATE TABLE label_bridge (
    tenant      text COLLATE "C" NOT NULL,
    owner       bigint NOT NULL,
    actor       bigint NOT NULL,
    source      text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, owner),
    UNIQUE (tenant, actor)
);
COMMENT ON TABLE label_bridge IS
    'Which owner is the same person as which actor, where the operator says so. Mutable.';
COMMENT ON COLUMN label_bridge.owner IS 'Id of ejuser, as in owned_by.';
COMMENT ON COLUMN label_bridge.actor IS 'Id of an associate, as in ChangedByAssociateId.';

CREATE TABLE tenant_setting (
    tenant text COLLATE "C" PRIMARY KEY,
    zone   text
);
COMMENT ON TABLE tenant_setting IS 'What an operator has set for a tenant. Mutable.';
COMMENT ON COLUMN tenant_setting.zone IS 'IANA name of the time zone in which its days are counted; null: UTC.';

-- Serves what SuperOffice says of its own lists: that one was changed.
CREATE INDEX event_about_lists ON event (tenant, position)
    WHERE name LIKE 'list.%' OR name LIKE 'associate.%';
