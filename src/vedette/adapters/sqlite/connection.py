"""Opening SQLite, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from vedette.ports.unit import StoreUnavailable

_BUSY_TIMEOUT_MS = 10_000  # another process (the command line beside a server) holds the write lock
_READ_BUSY_TIMEOUT_MS = 1_000  # reads never wait for a writer; only for another process recovering the log
_CHECKPOINT_PAGES = 4_000
_LOG_TRIES = 500
_LOG_RETRY_S = 0.01

_CANNOT_NOW = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOTADB,
    }
)

_BROKEN_KEY = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    }
)


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; its owner begins and commits transactions itself."""
    _make(path)
    connection = _open(path, _BUSY_TIMEOUT_MS)
    _keep_a_log(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, each statement at the last commit before it."""
    connection = _open(path, _READ_BUSY_TIMEOUT_MS)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _make(path: Path) -> None:
    """Only its owner may read the database, whatever the umask; SQLite gives its log the same mode.

    A file that is there is never opened here: closing it would drop the locks that this process's connections hold on
    it (POSIX), and the next process to close the database would think itself the last one and remove the log.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Write-ahead logging; of two that turn it on in a new file at once, SQLite refuses one without waiting."""
    for _ in range(_LOG_TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(_LOG_RETRY_S)
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")


def _open(path: Path, busy_timeout_ms: int) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_timeout_ms / 1000, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def is_broken_key(error: sqlite3.IntegrityError) -> bool:
    """Whether a unique or foreign key did not hold: an answer, where another broken constraint is a mistake of ours."""
    return error.sqlite_errorcode in _BROKEN_KEY


def cannot_now(error: sqlite3.Error) -> bool:
    """Whether the state of the world stands against it (disk full, locked, damaged), and not the statement."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in _CANNOT_NOW


def unavailable(error: sqlite3.Error | OSError) -> StoreUnavailable:
    """With the words of SQLite, or of the system, which name no stored value."""
    return StoreUnavailable(f"SQLite: {error}")
