-- What evaluation remembers of zones and processes: see `engine/surroundings.py`.
CREATE TABLE evaluation_memory (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Whether agents are connected, as evaluation has read it in the log: see `engine/presence.py`.
CREATE TABLE agent_presence (
    tenant_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (tenant_id, agent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_presence_by_age ON agent_presence (at_ms);

-- When to look whether the agent of a check is silent; nothing is due where all silences are told.
CREATE TABLE silence_timer (
    check_id TEXT NOT NULL PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
    tenant_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    reported_ms INTEGER NOT NULL,
    due_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX silence_timer_due ON silence_timer (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX silence_timer_by_agent ON silence_timer (tenant_id, agent_id);
