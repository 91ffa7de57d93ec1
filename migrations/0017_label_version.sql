-- A mark that is another whenever a tenant's labels are: a program that keeps labels in memory learns by one look-up
-- whether they still hold. Random, not counted, so that a database restored from a backup never seems to have what
-- came after it.

CREATE TABLE label_version (
    tenant  text COLLATE "C" PRIMARY KEY,
    version uuid NOT NULL
);
COMMENT ON TABLE label_version IS 'Changes with the labels and the bridge of a tenant, whoever writes them; no row: there never were any. Mutable.';
COMMENT ON COLUMN label_version.version IS 'Random, and new with each statement that touches them.';

-- By triggers, so that it also holds for what somebody writes in psql.
CREATE FUNCTION renew_label_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO label_version (tenant, version)
    SELECT tenant, gen_random_uuid() FROM touched GROUP BY tenant ORDER BY tenant
    ON CONFLICT (tenant) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$;

CREATE FUNCTION renew_label_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE label_version SET version = gen_random_uuid();
    RETURN NULL;
END $$;

CREATE TRIGGER renew_inserted AFTER INSERT ON label REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_updated AFTER UPDATE ON label REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_replaced AFTER UPDATE ON label REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_deleted AFTER DELETE ON label REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_emptied AFTER TRUNCATE ON label
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_versions();

CREATE TRIGGER renew_inserted AFTER INSERT ON label_bridge REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_updated AFTER UPDATE ON label_bridge REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_replaced AFTER UPDATE ON label_bridge REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_deleted AFTER DELETE ON label_bridge REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_version();
CREATE TRIGGER renew_emptied AFTER TRUNCATE ON label_bridge
    FOR EACH STATEMENT EXECUTE FUNCTION renew_label_versions();

INSERT INTO label_version (tenant, version)
SELECT tenant, gen_random_uuid() FROM (SELECT tenant FROM label UNION SELECT tenant FROM label_bridge) AS labelled;
