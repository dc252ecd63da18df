-- Collectors that are connected to a server process, or run in it; rows go with their process.
CREATE TABLE collector_seat (
    process_id TEXT COLLATE "C" NOT NULL,
    zone_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    agent_id TEXT COLLATE "C" NOT NULL,
    since_ms BIGINT NOT NULL,
    types TEXT COLLATE "C" NOT NULL,
    is_blind INTEGER NOT NULL,
    can_confirm INTEGER NOT NULL,
    PRIMARY KEY (process_id, zone_id, name)
);
