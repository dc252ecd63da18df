-- Audit entries get a place in the order of commits, by which they are linked.
ALTER TABLE audit ADD COLUMN seq BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;

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
