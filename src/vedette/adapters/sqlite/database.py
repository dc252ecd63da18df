"""SQLite as a `Database`: reads on the event loop, writes through the writer thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from vedette.adapters.sql.database import Params, Row, statements_of
from vedette.adapters.sql.migrations import load
from vedette.adapters.sql.waiting import Waiting
from vedette.adapters.sqlite.connection import cannot_now, open_reader, open_writer, unavailable
from vedette.adapters.sqlite.schema import migrate
from vedette.adapters.sqlite.writer import Commit, Outcome, Writer
from vedette.ports.unit import StoreUnavailable, Write

_MAX_WAITING = 2_048  # commits in the queue; whoever comes then waits before it takes any memory there


class SqliteDatabase:
    """One database file. Several processes may open it; each has its own writer thread.

    Raises `StoreUnavailable` from `start` when the file cannot be opened, `SchemaTooNew` when a newer program made it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: sqlite3.Connection | None = None
        self._has_snapshot = False
        self._gathered: list[Commit] = []
        self._writer: Writer | None = None
        self._room = asyncio.Semaphore(_MAX_WAITING)
        self._waiting = Waiting()

    async def start(self) -> None:
        try:
            await asyncio.to_thread(self._prepare)
            self._reader = open_reader(self._path)
        except OSError as error:
            raise unavailable(error) from error
        except sqlite3.Error as error:
            raise _translated(error) from error
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(self._path, self._tell)
        self._writer.start()

    def _prepare(self) -> None:
        connection = open_writer(self._path)
        try:
            migrate(connection, load("vedette.adapters.sqlite"))
        finally:
            connection.close()

    async def stop(self) -> None:
        self._hand_over()
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.to_thread(writer.finish)
        self._end_snapshot()
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    async def fetch(self, sql: str, params: Params) -> Sequence[Row]:
        if self._reader is None:
            raise StoreUnavailable("SQLite: the database is not open")
        try:
            if not self._has_snapshot:
                self._begin_snapshot(self._reader)
            # To the last row at once: an unfinished statement would hold its snapshot, and the log could not shrink.
            rows: Sequence[Row] = self._reader.execute(sql, params).fetchall()
        except sqlite3.Error as error:
            raise _translated(error) from error
        return rows

    def _begin_snapshot(self, reader: sqlite3.Connection) -> None:
        """All reads of one turn of the event loop see the same commit: to look for a newer one costs as much as a read.

        It ends before anybody hears of a commit, so who wrote reads what was written.
        """
        reader.execute("BEGIN")
        self._has_snapshot = True
        self._loop.call_soon(self._end_snapshot)

    def _end_snapshot(self) -> None:
        if self._has_snapshot and self._reader is not None:
            self._has_snapshot = False
            self._reader.rollback()

    async def fetch_one(self, sql: str, params: Params) -> Row | None:
        rows = await self.fetch(sql, params)
        return rows[0] if rows else None

    async def commit(self, *writes: Write) -> None:
        statements = statements_of(writes)
        with self._waiting.noted():
            await self._room.acquire()
            if self._writer is None:
                self._room.release()
                raise StoreUnavailable("SQLite: the database is not open")
            commit = Commit(statements, self._loop.create_future())
            self._gather(commit)
            await commit.done

    def _gather(self, commit: Commit) -> None:
        """What is committed in one turn of the event loop goes to the writer together: one sync of the disk for all."""
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(commit)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        if self._writer is not None and gathered:
            self._writer.put(gathered)

    @property
    def waiting_s(self) -> float:
        return self._waiting.longest_s

    def _tell(self, group: Sequence[Commit], outcomes: Sequence[Outcome]) -> None:
        """In the writer thread."""
        self._loop.call_soon_threadsafe(self._resolve, group, outcomes)

    def _resolve(self, group: Sequence[Commit], outcomes: Sequence[Outcome]) -> None:
        self._end_snapshot()
        for commit, outcome in zip(group, outcomes, strict=True):
            self._room.release()
            if commit.done.done():  # its caller has gone
                continue
            if outcome is None:
                commit.done.set_result(None)
            else:
                commit.done.set_exception(outcome)


def _translated(error: sqlite3.Error) -> Exception:
    return unavailable(error) if cannot_now(error) else error
