-- The latest confirm round of each check; a row lives no longer than a check's period.
CREATE TABLE confirm_round (
    check_id TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
