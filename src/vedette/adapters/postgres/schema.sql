-- The newest schema; a fresh database is made of it. Change it together with a new file in `migrations`.
-- Times are milliseconds since the epoch. Text compares bytewise: every column that is ordered by is COLLATE "C".

CREATE TABLE tenant (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    folded TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    metadata TEXT COLLATE "C",
    webhook_token BYTEA,
    limits TEXT COLLATE "C" NOT NULL
);

CREATE TABLE login (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    roles TEXT COLLATE "C" NOT NULL,
    api_key_index BYTEA NOT NULL,
    password_hash BYTEA,
    created_at BIGINT NOT NULL
);
CREATE INDEX login_by_tenant ON login (tenant_id);

CREATE TABLE identity_token (
    token_index BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES login (id) ON DELETE CASCADE,
    user_name TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    roles TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX identity_token_by_user ON identity_token (user_id);
CREATE INDEX identity_token_by_tenant ON identity_token (tenant_id);
CREATE INDEX identity_token_by_expiry ON identity_token (expires_at);

CREATE TABLE rate_count (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    rate_group TEXT COLLATE "C" NOT NULL,
    since_ms BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, rate_group)
);

-- `more` is what most tokens do not have; `expires_at` and `rotated_to` are in it too, and here to be found by.
CREATE TABLE agent_token (
    public_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" REFERENCES tenant (id) ON DELETE CASCADE,
    sort_key TEXT COLLATE "C" NOT NULL,
    token_index BYTEA NOT NULL UNIQUE,
    sealed BYTEA NOT NULL,
    label TEXT COLLATE "C",
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,
    rotated_to TEXT COLLATE "C",
    more TEXT COLLATE "C"
);
CREATE INDEX agent_token_by_sort_key ON agent_token (tenant_id, sort_key, public_id);
CREATE INDEX agent_token_by_public_id ON agent_token (tenant_id, public_id);
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

CREATE TABLE agent_seen (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id TEXT COLLATE "C" NOT NULL,
    last_connected_ms BIGINT NOT NULL,
    token_public_id TEXT COLLATE "C" NOT NULL,
    ip TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
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

-- All kinds of configuration object.
CREATE TABLE document (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    entity_id TEXT COLLATE "C" REFERENCES document (id) ON DELETE CASCADE,
    check_id TEXT COLLATE "C" REFERENCES document (id) ON DELETE CASCADE,
    agent_id TEXT COLLATE "C",
    label TEXT COLLATE "C" NOT NULL,
    refs TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    public BYTEA NOT NULL,
    secrets BYTEA
);
CREATE INDEX document_by_tenant ON document (tenant_id, kind, id);
CREATE INDEX document_by_kind ON document (kind, id);
CREATE INDEX document_by_entity ON document (entity_id, kind, id) WHERE entity_id IS NOT NULL;
CREATE INDEX document_by_check ON document (check_id, kind, id) WHERE check_id IS NOT NULL;
CREATE INDEX document_by_label ON document (tenant_id, kind, label, id);
CREATE UNIQUE INDEX document_by_agent ON document (tenant_id, agent_id) WHERE agent_id IS NOT NULL;

-- `target` has no row of its own where it is built in (plans, notifications and zones may be).
CREATE TABLE document_ref (
    source TEXT COLLATE "C" NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    tenant_id TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source, target)
);
CREATE INDEX document_ref_by_target ON document_ref (tenant_id, target, source);

-- Configuration objects as they were, until another revision or nothing followed: see `adapters/sql/superseded.py`. No key
-- refers to the object, which may be gone.
CREATE TABLE document_revision (
    id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    entity_id TEXT COLLATE "C",
    check_id TEXT COLLATE "C",
    agent_id TEXT COLLATE "C",
    label TEXT COLLATE "C" NOT NULL,
    refs TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    public BYTEA NOT NULL,
    PRIMARY KEY (id, revision)
);
CREATE INDEX document_revision_by_kind ON document_revision (tenant_id, kind, until_ms);
CREATE INDEX document_revision_by_age ON document_revision (until_ms);

CREATE TABLE change (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL
);

CREATE TABLE alarm_state (
    alarm_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
    tenant_id TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    value BYTEA NOT NULL,
    is_held BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX alarm_state_by_tenant ON alarm_state (tenant_id, alarm_id);
CREATE INDEX alarm_state_held ON alarm_state (tenant_id, alarm_id) WHERE is_held = 1;

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

-- The latest confirm round of each check; a row lives no longer than a check's period.
CREATE TABLE confirm_round (
    check_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    value BYTEA NOT NULL
);

-- Creations by the key that their caller gave them (`Idempotency-Key`): `name` is a hash of user, address and key.
CREATE TABLE repeatable (
    name BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    request_index BYTEA NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX repeatable_by_tenant ON repeatable (tenant_id);
CREATE INDEX repeatable_by_age ON repeatable (at_ms);

-- Keys of time series begin with the time: rows are appended at the end.
CREATE TABLE audit (
    seq BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
    key BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    body BYTEA NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant_id, key);

-- The chain of a tenant's audit entries, in the order of `seq`: a link for each entry that the sealer has seen, where the
-- chain begins (`anchor`) and ends, and how far the sealer has come. No key refers to the entry: it may be missing, and
-- then the chain tells.
CREATE TABLE audit_link (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE audit_head (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    anchor_seq BIGINT NOT NULL,
    anchor BYTEA NOT NULL,
    mark BYTEA NOT NULL
);

CREATE TABLE audit_sealer (
    id BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

CREATE TABLE changelog (
    key BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    entity_id TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    alarm_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    previous_state TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    analyzed_by TEXT COLLATE "C",
    votes BYTEA NOT NULL
);
CREATE INDEX changelog_by_tenant ON changelog (tenant_id, key);
CREATE INDEX changelog_by_entity ON changelog (tenant_id, entity_id, key);

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

CREATE TABLE delivery (
    key BYTEA NOT NULL PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    entity_id TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    alarm_id TEXT COLLATE "C" NOT NULL,
    plan_id TEXT COLLATE "C" NOT NULL,
    notification_id TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    previous_state TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    delivery_state TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    next_at_ms BIGINT NOT NULL,
    message TEXT COLLATE "C" NOT NULL
);
CREATE INDEX delivery_by_alarm ON delivery (tenant_id, alarm_id, key);
CREATE INDEX delivery_pending ON delivery (next_at_ms) WHERE delivery_state = 'pending';
CREATE INDEX delivery_pending_pair ON delivery (alarm_id, notification_id, key) WHERE delivery_state = 'pending';

CREATE TABLE attempt (
    delivery_key BYTEA NOT NULL REFERENCES delivery (key) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,
    finished_ms BIGINT,
    success BIGINT,
    message TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (delivery_key, number)
);

-- The observation log. No key refers to the check: see `adapters/sql/observations.py`.
CREATE TABLE observation (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_id TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    arrival_ms BIGINT NOT NULL,
    payload BYTEA NOT NULL
);
CREATE INDEX observation_by_check ON observation (check_id, place, at_ms, seq);

-- Observations that have left the log, and rollups, by the column: see `adapters/sql/chunks`. `resolution` is minutes, 0 for
-- observations; `extent` says how much of their day they are. No key refers to the check, as in the log.
CREATE TABLE chunk (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    check_id TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    resolution BIGINT NOT NULL,
    from_ms BIGINT NOT NULL,
    to_ms BIGINT NOT NULL,
    arrived_from_ms BIGINT NOT NULL,
    arrived_to_ms BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    number BIGINT NOT NULL,
    extent BIGINT NOT NULL,
    size BIGINT NOT NULL,
    data BYTEA NOT NULL
);
ALTER TABLE chunk ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX chunk_by_check ON chunk (check_id, resolution, place, from_ms);
CREATE INDEX chunk_by_age ON chunk (resolution, to_ms, id, size);
CREATE INDEX chunk_open ON chunk (to_ms) WHERE extent = 0;

-- What each check last reported from each place, as of when its observations left the log.
CREATE TABLE current_metrics (
    check_id TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    metrics BYTEA NOT NULL,
    PRIMARY KEY (check_id, place)
);

CREATE TABLE reader_cursor (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- What one server process sends to another and is too long for a notice; sealed, and gone as soon as it is read.
CREATE TABLE process_message (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    body BYTEA NOT NULL
);

-- Collectors that are connected to a server process, or run in it; rows go with their process.
CREATE TABLE collector_seat (
    process_id TEXT COLLATE "C" NOT NULL,
    zone_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    agent_id TEXT COLLATE "C" NOT NULL,
    since_ms BIGINT NOT NULL,
    types TEXT COLLATE "C" NOT NULL,
    is_blind INTEGER NOT NULL,
    can_confirm INTEGER NOT NULL,
    PRIMARY KEY (process_id, zone_id, name)
);
