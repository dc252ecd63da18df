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
