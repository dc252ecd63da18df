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
