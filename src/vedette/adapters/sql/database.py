"""What a store needs of a database: reads now, writes as values.

Statements use `:name` parameters. What the two engines do not share is kept out of them: lists are spelt out
(`IN (:id0, :id1)`), JSON is text or bytes to the database, booleans are 0 and 1, and order is bytewise (PostgreSQL:
`COLLATE "C"` in the schema).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from vedette.ports.unit import Conflict, Write

Value = int | str | bytes | None
Params = Mapping[str, Value]
Row = Sequence[Any]


class Statement(msgspec.Struct, frozen=True):
    """One statement of a write.

    `expect` is how many rows it must change, or give where it is a SELECT. When it does not, and when the database
    itself finds a broken key, the transaction is undone and its caller gets `Conflict(guard)`.
    """

    sql: str
    params: Params
    expect: int | None = None  # None: any number will do
    guard: str = ""


class Bulk(msgspec.Struct, frozen=True):
    """The same statement for many rows; expects nothing but whole keys."""

    sql: str
    rows: Sequence[Params]
    guard: str = ""


class SqlWrite(msgspec.Struct, frozen=True):
    """The statements of one intended write, in order.

    `locks` are names that only one transaction at a time may hold. SQLite has one writer, so it ignores them.
    """

    statements: tuple[Statement | Bulk, ...]
    locks: tuple[str, ...] = ()


class Database(Protocol):
    """SQLite or PostgreSQL. Everything raises `StoreUnavailable` while the database cannot be reached."""

    async def start(self) -> None:
        """Opens it, and makes or migrates the schema. Raises `SchemaTooNew`."""
        ...

    async def stop(self) -> None:
        """Finishes what is waiting and closes."""
        ...

    async def fetch(self, sql: str, params: Params) -> Sequence[Row]: ...

    async def fetch_one(self, sql: str, params: Params) -> Row | None:
        """The first row; the statement gives one at most."""
        ...

    async def commit(self, *writes: Write) -> None:
        """See `ports.unit.Commit`; the writes are `SqlWrite`s."""
        ...

    @property
    def waiting_s(self) -> float:
        """For how long the oldest unfinished commit has been waiting, 0 when there is none: what load is shed by."""
        ...


def statements_of(writes: Sequence[Write]) -> list[Statement | Bulk]:
    """All statements of a commit in order; only writes of these stores can be committed here."""
    statements: list[Statement | Bulk] = []
    for write in writes:
        if not isinstance(write, SqlWrite):
            raise TypeError(f"a write of an SQL store was expected, not {type(write).__name__}")
        statements.extend(write.statements)
    return statements


def locks_of(writes: Sequence[Write]) -> list[str]:
    """The locks of a commit, sorted: everybody takes them in the same order, so that nobody waits in a ring."""
    return sorted({lock for write in writes if isinstance(write, SqlWrite) for lock in write.locks})


def check_count(statement: Statement, count: int) -> None:
    """Raises `Conflict` when a statement did not change or give the number of rows it must."""
    if statement.expect is not None and count != statement.expect:
        raise Conflict(statement.guard)
