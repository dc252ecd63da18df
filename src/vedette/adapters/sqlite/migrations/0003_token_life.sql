-- Agent tokens with a policy, their rotation, use and graves; live connections. Collector tokens have no tenant.
CREATE TABLE agent_token_3 (
    public_id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT REFERENCES tenant (id) ON DELETE CASCADE,
    sort_key TEXT NOT NULL,
    token_index BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL,
    label TEXT,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,
    rotated_to TEXT,
    more TEXT
) STRICT;
INSERT INTO agent_token_3 (public_id, tenant_id, sort_key, token_index, sealed, label, revision, created_at, updated_at)
SELECT public_id, tenant_id, sort_key, token_index, sealed, label, revision, created_at, updated_at FROM agent_token;
DROP TABLE agent_token;
ALTER TABLE agent_token_3 RENAME TO agent_token;
CREATE INDEX agent_token_by_sort_key ON agent_token (tenant_id, sort_key, public_id);
CREATE INDEX agent_token_by_public_id ON agent_token (tenant_id, public_id);
CREATE INDEX agent_token_rotated ON agent_token (expires_at, public_id) WHERE rotated_to IS NOT NULL;

CREATE TABLE token_use (
    public_id TEXT NOT NULL PRIMARY KEY REFERENCES agent_token (public_id) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    agent_id TEXT NOT NULL,
    ip TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens that are no more.
CREATE TABLE grave (
    token_index BLOB NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grave_by_age ON grave (at_ms);

CREATE INDEX agent_seen_by_token ON agent_seen (tenant_id, token_public_id, id);

CREATE TABLE server_process (
    id TEXT NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    newest_key INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Live connections. No key refers to the tenant or the token: a row lives as long as its connection, or its process.
CREATE TABLE agent_connection (
    id TEXT NOT NULL PRIMARY KEY,
    process_id TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    token_public_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    guid TEXT NOT NULL,
    ip TEXT NOT NULL,
    port INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    process_version TEXT NOT NULL,
    bundle_version TEXT NOT NULL,
    features TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_connection_by_process ON agent_connection (process_id);
CREATE INDEX agent_connection_by_token ON agent_connection (token_public_id, agent_id);
CREATE INDEX agent_connection_by_agent ON agent_connection (tenant_id, agent_id, id);
CREATE INDEX agent_connection_by_tenant ON agent_connection (tenant_id, token_public_id, agent_id);
