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
