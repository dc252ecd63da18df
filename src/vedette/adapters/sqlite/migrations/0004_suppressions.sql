-- Changes of which nobody was told, and alarms of which somebody is to be told when no suppression matches any more.
ALTER TABLE alarm_state ADD COLUMN is_held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX alarm_state_held ON alarm_state (tenant_id, alarm_id) WHERE is_held = 1;

CREATE TABLE suppression_log (
    key BLOB NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    entity_id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    alarm_id TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    suppressions TEXT NOT NULL,
    state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    transaction_id TEXT NOT NULL
) STRICT;
CREATE INDEX suppression_log_by_tenant ON suppression_log (tenant_id, key);
