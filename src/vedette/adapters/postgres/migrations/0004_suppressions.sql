-- Changes of which nobody was told, and alarms of which somebody is to be told when no suppression matches any more.
ALTER TABLE alarm_state ADD COLUMN is_held BIGINT NOT NULL DEFAULT 0;
CREATE INDEX alarm_state_held ON alarm_state (tenant_id, alarm_id) WHERE is_held = 1;

CREATE TABLE suppression_log (
    key BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    entity_id TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    alarm_id TEXT COLLATE "C" NOT NULL,
    plan_id TEXT COLLATE "C" NOT NULL,
    suppressions TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL
);
CREATE INDEX suppression_log_by_tenant ON suppression_log (tenant_id, key);
