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
