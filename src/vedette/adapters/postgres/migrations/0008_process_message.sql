-- What one server process sends to another and is too long for a notice; sealed, and gone as soon as it is read.
CREATE TABLE process_message (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    body BYTEA NOT NULL
);
