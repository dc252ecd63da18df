"""The unit of work: writes as values, committed together."""

from __future__ import annotations

from typing import Protocol


class Write(Protocol):
    """An intended write, made by a store; opaque to services."""


class Conflict(Exception):
    """A guard did not hold; nothing of the transaction has happened. `guard` names which one."""

    def __init__(self, guard: str) -> None:
        super().__init__(guard)
        self.guard = guard


class StoreUnavailable(Exception):
    """The database cannot be reached or cannot write (disk full); nothing of the transaction has happened.

    Only when the connection or the disk broke in the very moment of the commit can nobody say whether it has.
    """


class Commit(Protocol):
    """Makes the writes one durable transaction; returns when it is on disk. Order is kept.

    Raises `Conflict` or `StoreUnavailable`.
    """

    async def __call__(self, *writes: Write) -> None: ...
