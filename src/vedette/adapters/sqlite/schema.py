"""Making and migrating a SQLite database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from vedette.adapters.sql.migrations import RECORD, RECORDED, VERSION_TABLE, Schema


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Brings the database to the newest version, a transaction a step; raises `SchemaTooNew`."""
    while _take_step(connection, schema):
        pass


def _take_step(connection: sqlite3.Connection, schema: Schema) -> bool:
    # The write lock comes before the look at the version: another process may be migrating.
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(VERSION_TABLE)
        (recorded,) = connection.execute(RECORDED).fetchone()
        step = schema.next_step(recorded)
        if step is not None:
            for statement in _statements(step.script):
                connection.execute(statement)
            connection.execute(RECORD, {"version": step.version})
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return step is not None


def _statements(script: str) -> Iterator[str]:
    """One by one, for `executescript` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
