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
