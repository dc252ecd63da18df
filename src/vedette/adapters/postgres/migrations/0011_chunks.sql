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
