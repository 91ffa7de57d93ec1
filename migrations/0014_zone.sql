-- Null is a zone too: it means UTC, as the column says. The CHECK that asks Postgres whether it knows the zone refused
-- it, so that nothing else could be set for a tenant before its zone was.
ALTER TABLE tenant_setting DROP CONSTRAINT tenant_setting_zone_check;
ALTER TABLE tenant_setting ADD CONSTRAINT tenant_setting_zone_known
    CHECK (zone IS NULL OR timestamp '2000-01-01 00:00:00' AT TIME ZONE zone IS NOT NULL) NOT VALID;
