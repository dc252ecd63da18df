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
