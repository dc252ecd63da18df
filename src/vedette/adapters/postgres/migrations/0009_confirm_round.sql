-- The latest confirm round of each check; a row lives no longer than a check's period.
CREATE TABLE confirm_round (
    check_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    value BYTEA NOT NULL
);
