"""Stores in memory with real compare-and-set: a write is a function, and a commit is all of them or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from vedette.ports.unit import Conflict, StoreUnavailable, Write

Tables = dict[str, dict[Any, Any]]
FakeWrite = Callable[[Tables], None]


class FakeDatabase:
    """Tables by name, rows by key. `commit` is a `ports.unit.Commit`."""

    def __init__(self) -> None:
        self.tables: Tables = {}
        self.commits = 0
        self.before_commit: Callable[[], None] | None = None  # called once, before the next commit: a race
        self.is_available = True

    def table(self, name: str) -> dict[Any, Any]:
        return self.tables.setdefault(name, {})

    async def commit(self, *writes: Write) -> None:
        race, self.before_commit = self.before_commit, None
        if race is not None:
            race()
        self.commit_now(*writes)

    def commit_now(self, *writes: Write) -> None:
        if not self.is_available:
            raise StoreUnavailable("the fake database is switched off")
        before = {name: dict(rows) for name, rows in self.tables.items()}
        try:
            for write in writes:
                cast("FakeWrite", write)(self.tables)
        except Conflict:
            self.tables.clear()
            self.tables.update(before)
            raise
        self.commits += 1


def write(function: FakeWrite) -> Write:
    """A function over the tables as the opaque value a store gives."""
    return cast("Write", function)


def expect(holds: object, guard: str) -> None:
    if not holds:
        raise Conflict(guard)
