-- The newest schema; a fresh database is made of it. Change it together with a new file in `migrations`.
-- Times are milliseconds since the epoch. Text compares bytewise (the default collation, BINARY).

CREATE TABLE tenant (
    id TEXT NOT NULL PRIMARY KEY,
    folded TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    metadata TEXT,
    webhook_token BLOB,
    limits TEXT NOT NULL
) STRICT;

CREATE TABLE login (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    roles TEXT NOT NULL,
    api_key_index BLOB NOT NULL,
    password_hash BLOB,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_by_tenant ON login (tenant_id);

CREATE TABLE identity_token (
    token_index BLOB NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES login (id) ON DELETE CASCADE,
    user_name TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    roles TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_token_by_user ON identity_token (user_id);
CREATE INDEX identity_token_by_tenant ON identity_token (tenant_id);
CREATE INDEX identity_token_by_expiry ON identity_token (expires_at);

CREATE TABLE rate_count (
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    rate_group TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, rate_group)
) STRICT, WITHOUT ROWID;

-- `more` is what most tokens do not have; `expires_at` and `rotated_to` are in it too, and here to be found by.
CREATE TABLE agent_token (
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

CREATE TABLE agent_seen (
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    last_connected_ms INTEGER NOT NULL,
    token_public_id TEXT NOT NULL,
    ip TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
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

-- All kinds of configuration object.
CREATE TABLE document (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    entity_id TEXT REFERENCES document (id) ON DELETE CASCADE,
    check_id TEXT REFERENCES document (id) ON DELETE CASCADE,
    agent_id TEXT,
    label TEXT NOT NULL,
    refs TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    public BLOB NOT NULL,
    secrets BLOB
) STRICT;
CREATE INDEX document_by_tenant ON document (tenant_id, kind, id);
CREATE INDEX document_by_kind ON document (kind, id);
CREATE INDEX document_by_entity ON document (entity_id, kind, id) WHERE entity_id IS NOT NULL;
CREATE INDEX document_by_check ON document (check_id, kind, id) WHERE check_id IS NOT NULL;
CREATE INDEX document_by_label ON document (tenant_id, kind, label, id);
CREATE UNIQUE INDEX document_by_agent ON document (tenant_id, agent_id) WHERE agent_id IS NOT NULL;

-- `target` has no row of its own where it is built in (plans, notifications and zones may be).
CREATE TABLE document_ref (
    source TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    tenant_id TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (source, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_ref_by_target ON document_ref (tenant_id, target, source);

-- Configuration objects as they were, until another revision or nothing followed: see `adapters/sql/superseded.py`. No key
-- refers to the object, which may be gone.
CREATE TABLE document_revision (
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    entity_id TEXT,
    check_id TEXT,
    agent_id TEXT,
    label TEXT NOT NULL,
    refs TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    public BLOB NOT NULL,
    PRIMARY KEY (id, revision)
) STRICT;
CREATE INDEX document_revision_by_kind ON document_revision (tenant_id, kind, until_ms);
CREATE INDEX document_revision_by_age ON document_revision (until_ms);

CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL
) STRICT;

CREATE TABLE alarm_state (
    alarm_id TEXT NOT NULL PRIMARY KEY REFERENCES document (id) ON DELETE CASCADE,
    tenant_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    value BLOB NOT NULL,
    is_held INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX alarm_state_by_tenant ON alarm_state (tenant_id, alarm_id);
CREATE INDEX alarm_state_held ON alarm_state (tenant_id, alarm_id) WHERE is_held = 1;

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

-- The latest confirm round of each check; a row lives no longer than a check's period.
CREATE TABLE confirm_round (
    check_id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Creations by the key that their caller gave them (`Idempotency-Key`): `name` is a hash of user, address and key.
CREATE TABLE repeatable (
    name BLOB NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    request_index BLOB NOT NULL,
    object_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX repeatable_by_tenant ON repeatable (tenant_id);
CREATE INDEX repeatable_by_age ON repeatable (at_ms);

-- Keys of time series begin with the time: rows are appended at the end.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_tenant ON audit (tenant_id, key);

-- The chain of a tenant's audit entries, in the order of `seq`: a link for each entry that the sealer has seen, where the
-- chain begins (`anchor`) and ends, and how far the sealer has come. No key refers to the entry: it may be missing, and
-- then the chain tells.
CREATE TABLE audit_link (
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    chain BLOB NOT NULL,
    PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_head (
    tenant_id TEXT NOT NULL PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    chain BLOB NOT NULL,
    anchor_seq INTEGER NOT NULL,
    anchor BLOB NOT NULL,
    mark BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_sealer (
    id INTEGER NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE changelog (
    key BLOB NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    entity_id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    alarm_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    previous_state TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    analyzed_by TEXT,
    votes BLOB NOT NULL
) STRICT;
CREATE INDEX changelog_by_tenant ON changelog (tenant_id, key);
CREATE INDEX changelog_by_entity ON changelog (tenant_id, entity_id, key);

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

CREATE TABLE delivery (
    key BLOB NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    entity_id TEXT NOT NULL,
    check_id TEXT NOT NULL,
    alarm_id TEXT NOT NULL,
    plan_id TEXT NOT NULL,
    notification_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    state TEXT NOT NULL,
    previous_state TEXT NOT NULL,
    status TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    payload BLOB NOT NULL,
    delivery_state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    message TEXT NOT NULL
) STRICT;
CREATE INDEX delivery_by_alarm ON delivery (tenant_id, alarm_id, key);
CREATE INDEX delivery_pending ON delivery (next_at_ms) WHERE delivery_state = 'pending';
CREATE INDEX delivery_pending_pair ON delivery (alarm_id, notification_id, key) WHERE delivery_state = 'pending';

CREATE TABLE attempt (
    delivery_key BLOB NOT NULL REFERENCES delivery (key) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    success INTEGER,
    message TEXT NOT NULL,
    PRIMARY KEY (delivery_key, number)
) STRICT, WITHOUT ROWID;

-- The observation log. No key refers to the check: see `adapters/sql/observations.py`.
CREATE TABLE observation (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    check_id TEXT NOT NULL,
    place TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    arrival_ms INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX observation_by_check ON observation (check_id, place, at_ms);

-- Observations that have left the log, and rollups, by the column: see `adapters/sql/chunks`. `resolution` is minutes, 0 for
-- observations; `extent` says how much of their day they are. No key refers to the check, as in the log.
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    check_id TEXT NOT NULL,
    place TEXT NOT NULL,
    resolution INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    arrived_from_ms INTEGER NOT NULL,
    arrived_to_ms INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    number INTEGER NOT NULL,
    extent INTEGER NOT NULL,
    size INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX chunk_by_check ON chunk (check_id, resolution, place, from_ms);
CREATE INDEX chunk_by_age ON chunk (resolution, to_ms, id, size);
CREATE INDEX chunk_open ON chunk (to_ms) WHERE extent = 0;

-- What each check last reported from each place, as of when its observations left the log.
CREATE TABLE current_metrics (
    check_id TEXT NOT NULL,
    place TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    metrics BLOB NOT NULL,
    PRIMARY KEY (check_id, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE reader_cursor (
    name TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What one server process sends to another and is too long for a notice; sealed, and gone as soon as it is read.
CREATE TABLE process_message (
    id TEXT NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Collectors that are connected to a server process, or run in it; rows go with their process.
CREATE TABLE collector_seat (
    process_id TEXT NOT NULL,
    zone_id TEXT NOT NULL,
    name TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    types TEXT NOT NULL,
    is_blind INTEGER NOT NULL,
    can_confirm INTEGER NOT NULL,
    PRIMARY KEY (process_id, zone_id, name)
) STRICT, WITHOUT ROWID;
