"""The writer thread: all writes of this process, many commits in one transaction.

It owns the write connection. It takes all that is waiting, commits the whole group with one sync of the disk, and only
then tells who was waiting; when a guard fails the group is run again, each commit inside a savepoint, so that only the
one that failed is undone. So a burst costs one sync, a lone write waits for nobody, and the event loop never waits for
the disk.

When the disk fails, everybody in the group gets `StoreUnavailable`, the connection is closed and the next group opens a
new one: nothing else is needed once there is space again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from vedette.adapters.sql.database import Bulk, Statement, check_count
from vedette.adapters.sqlite.connection import cannot_now, is_broken_key, open_writer, unavailable
from vedette.ports.unit import Conflict

_GROUP_COMMITS = 512
_GROUP_ROWS = 10_000

_BIND_ERRORS = (OverflowError, ValueError, TypeError)
"""A parameter that SQLite cannot hold: a mistake in that commit, of no concern to the others."""

Outcome = Exception | None


class Commit:
    """One commit call on its way through the thread."""

    __slots__ = ("done", "rows", "statements")

    def __init__(self, statements: Sequence[Statement | Bulk], done: asyncio.Future[None]) -> None:
        self.statements = statements
        self.done = done
        self.rows = sum(len(s.rows) if isinstance(s, Bulk) else 1 for s in statements)


Told = Callable[[Sequence[Commit], Sequence[Outcome]], None]


class Writer:
    """Runs commits in the order they were put; `told` is called in the thread after each group."""

    def __init__(self, path: Path, told: Told) -> None:
        self._path = path
        self._told = told
        self._waiting: SimpleQueue[Sequence[Commit] | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._is_stopping = False
        # A daemon: a process that ends without `stop` must not hang on it. What was acknowledged is on disk.
        self._thread = Thread(target=self._run, name="sqlite-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, commits: Sequence[Commit]) -> None:
        """Commits that belong into one group: each put wakes the thread, and so costs more than a statement."""
        self._waiting.put(commits)

    def finish(self) -> None:
        """Blocks until all that was put before is committed and the thread has ended."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while not self._is_stopping:
            if group := self._take():
                self._told(group, self._commit(group))
        self._close()

    def _take(self) -> list[Commit]:
        """Everything that is waiting, up to about what one transaction should hold; waits for the first."""
        group: list[Commit] = []
        rows = 0
        commits = self._waiting.get()
        while commits is not None:
            group += commits
            rows += sum(commit.rows for commit in commits)
            if len(group) >= _GROUP_COMMITS or rows >= _GROUP_ROWS:
                return group
            try:
                commits = self._waiting.get_nowait()
            except Empty:
                return group
        self._is_stopping = True
        return group

    def _commit(self, group: Sequence[Commit]) -> Sequence[Outcome]:
        try:
            connection = self._opened()
            outcomes = _all_at_once(connection, group) or _one_by_one(connection, group)
        except (sqlite3.Error, OSError) as error:
            self._close()
            return [unavailable(error) for _ in group]
        return outcomes

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_writer(self._path)
        return self._connection

    def _close(self) -> None:
        """Undoes an open transaction too."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _all_at_once(connection: sqlite3.Connection, group: Sequence[Commit]) -> Sequence[Outcome] | None:
    """The group as if it were one commit, which is what nearly always goes well; None when one of them must fail."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for commit in group:
            if not commit.done.cancelled():
                for statement in commit.statements:
                    _execute(connection, statement)
    except (Conflict, sqlite3.Error, *_BIND_ERRORS) as error:
        if isinstance(error, sqlite3.Error) and cannot_now(error):
            raise
        connection.execute("ROLLBACK")
        return None
    connection.execute("COMMIT")
    return [None] * len(group)


def _one_by_one(connection: sqlite3.Connection, group: Sequence[Commit]) -> Sequence[Outcome]:
    """Each in a savepoint of its own, so that only what fails is undone."""
    connection.execute("BEGIN IMMEDIATE")
    outcomes = [_attempt(connection, commit) for commit in group]
    connection.execute("COMMIT")
    return outcomes


def _attempt(connection: sqlite3.Connection, commit: Commit) -> Outcome:
    """Runs one commit's statements; what it raises concerns the whole group."""
    if commit.done.cancelled():  # nobody waits for it any more, and nothing of it has happened
        return None
    connection.execute("SAVEPOINT one")
    failure: Outcome = None
    try:
        for statement in commit.statements:
            _execute(connection, statement)
    except Conflict as conflict:
        failure = conflict
    except sqlite3.Error as error:
        if cannot_now(error):
            raise
        failure = error
    except _BIND_ERRORS as error:
        failure = error
    if failure is not None:
        connection.execute("ROLLBACK TO one")
    connection.execute("RELEASE one")
    return failure


def _execute(connection: sqlite3.Connection, statement: Statement | Bulk) -> None:
    try:
        if isinstance(statement, Bulk):
            connection.executemany(statement.sql, statement.rows)
            return
        cursor = connection.execute(statement.sql, statement.params)
        count = cursor.rowcount if cursor.description is None else len(cursor.fetchall())
    except sqlite3.IntegrityError as error:
        if statement.guard and is_broken_key(error):
            raise Conflict(statement.guard) from error
        raise
    check_count(statement, count)
