"""Following the changes feed: what is kept in memory hears of every change of configuration, by whichever process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from vedette.domain.history import Change
from vedette.ports.documents import Documents

_PAGE = 500

Follow = Callable[[Sequence[Change]], Awaitable[None]]


class Follower:
    """One cursor for all who follow in this process."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._read_to = 0
        self._followers: list[Follow] = []

    async def begin(self) -> None:
        """Changes from now on are told; what is loaded after this is complete."""
        self._read_to = await self._documents.last_change()

    def tell(self, follow: Follow) -> None:
        self._followers.append(follow)

    async def step(self) -> bool:
        """Tells what changed since the last time; whether there was anything. Told again when a follower raises."""
        changes = await self._documents.changes(self._read_to, _PAGE)
        if not changes:
            return False
        for follow in self._followers:
            await follow(changes)
        self._read_to = changes[-1].seq
        return True
