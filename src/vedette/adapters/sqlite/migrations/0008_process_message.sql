-- What one server process sends to another and is too long for a notice; sealed, and gone as soon as it is read.
CREATE TABLE process_message (
    id TEXT NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
