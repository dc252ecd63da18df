-- Agent tokens with a policy, their rotation, use and graves; live connections. Collector tokens have no tenant.
ALTER TABLE agent_token ALTER COLUMN tenant_id DROP NOT NULL;
ALTER TABLE agent_token ADD COLUMN expires_at BIGINT;
ALTER TABLE agent_token ADD COLUMN rotated_to TEXT COLLATE "C";
ALTER TABLE agent_token ADD COLUMN more TEXT COLLATE "C";
CREATE INDEX agent_token_rotated ON agent_token (expires_at, public_id) WHERE rotated_to IS NOT NULL;

CREATE TABLE token_use (
    public_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES agent_token (public_id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    agent_id TEXT COLLATE "C" NOT NULL,
    ip TEXT COLLATE "C" NOT NULL
);

-- Tokens that are no more.
CREATE TABLE grave (
    token_index BYTEA NOT NULL PRIMARY KEY,
    reason TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX grave_by_age ON grave (at_ms);

CREATE INDEX agent_seen_by_token ON agent_seen (tenant_id, token_public_id, id);

CREATE TABLE server_process (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    newest_key BIGINT NOT NULL
);

-- Live connections. No key refers to the tenant or the token: a row lives as long as its connection, or its process.
CREATE TABLE agent_connection (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    process_id TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    token_public_id TEXT COLLATE "C" NOT NULL,
    agent_id TEXT COLLATE "C" NOT NULL,
    guid TEXT COLLATE "C" NOT NULL,
    ip TEXT COLLATE "C" NOT NULL,
    port BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    endpoint TEXT COLLATE "C" NOT NULL,
    process_version TEXT COLLATE "C" NOT NULL,
    bundle_version TEXT COLLATE "C" NOT NULL,
    features TEXT COLLATE "C" NOT NULL
);
CREATE INDEX agent_connection_by_process ON agent_connection (process_id);
CREATE INDEX agent_connection_by_token ON agent_connection (token_public_id, agent_id);
CREATE INDEX agent_connection_by_agent ON agent_connection (tenant_id, agent_id, id);
CREATE INDEX agent_connection_by_tenant ON agent_connection (tenant_id, token_public_id, agent_id);
