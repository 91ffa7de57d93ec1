-- A page's changes are put in the order of their events when it is read, among those of one instant: what names the event
-- in these keys took a third of each.

DROP INDEX change_by_field;
CREATE INDEX change_by_field ON change (tenant, field, ticks) WHERE NOT noise;
DROP INDEX change_by_value;
CREATE INDEX change_by_value ON change (tenant, field, to_key, ticks) WHERE NOT noise;
DROP INDEX change_moved_to;
CREATE INDEX change_moved_to ON change (tenant, field, to_key, ticks) WHERE NOT noise AND kind <> 'initial';
DROP INDEX change_moved_by;
CREATE INDEX change_moved_by ON change (tenant, actor, field, to_key, ticks) WHERE NOT noise AND kind <> 'initial';
