"""How long commits have been waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Waiting:
    """Notes when each unfinished commit began, by the event loop's clock."""

    def __init__(self) -> None:
        self._begun: dict[object, float] = {}  # in the order they began
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def noted(self) -> Iterator[None]:
        key = object()
        self._begun[key] = asyncio.get_running_loop().time()
        self._none.clear()
        try:
            yield
        finally:
            del self._begun[key]
            if not self._begun:
                self._none.set()

    async def ended(self) -> None:
        """Returns when none is left."""
        await self._none.wait()

    @property
    def longest_s(self) -> float:
        """Of the oldest one, 0 when there is none."""
        oldest = next(iter(self._begun.values()), None)
        return 0.0 if oldest is None else asyncio.get_running_loop().time() - oldest
