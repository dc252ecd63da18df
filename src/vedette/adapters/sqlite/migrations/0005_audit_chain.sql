-- Audit entries get a place in the order of commits, by which they are linked.
CREATE TABLE audit_5 (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
INSERT INTO audit_5 (key, tenant_id, at_ms, body) SELECT key, tenant_id, at_ms, body FROM audit ORDER BY key;
DROP TABLE audit;
ALTER TABLE audit_5 RENAME TO audit;
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
