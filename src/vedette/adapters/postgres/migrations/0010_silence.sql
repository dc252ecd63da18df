-- What evaluation remembers of zones and processes: see `engine/surroundings.py`.
CREATE TABLE evaluation_memory (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

-- Whether agents are connected, as evaluation has read it in the log: see `engine/presence.py`.
CREATE TABLE agent_presence (
    tenant_id TEXT COLLATE "C" NOT NULL,
    agent_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, agent_id)
);
CREATE INDEX agent_presence_by_age ON agent_presence (at_ms);

-- When to look whether the agent of a check is silent; nothing is due where all silences are told.
CREATE TABLE silence_timer (
    check_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
    tenant_id TEXT COLLATE "C" NOT NULL,
    agent_id TEXT COLLATE "C" NOT NULL,
    reported_ms BIGINT NOT NULL,
    due_ms BIGINT
);
CREATE INDEX silence_timer_due ON silence_timer (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX silence_timer_by_agent ON silence_timer (tenant_id, agent_id);
