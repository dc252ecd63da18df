"""Turns: costly work of a tenant is done one piece at a time, in the order in which it was asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId


class Turns:
    """Of each tenant one at a time, and at most `most_waiting` behind it."""

    def __init__(self, what: str, most_waiting: int) -> None:
        """`what` is the work, as the tenant is told of it: "back-test"."""
        self._what = what
        self._most = most_waiting + 1
        self._asked: Counter[TenantId] = Counter()
        self._locks: dict[TenantId, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, tenant_id: TenantId) -> AsyncIterator[None]:
        """Waits for it. Raises `rateLimitReached` where too many wait already."""
        if self._asked[tenant_id] >= self._most:
            raise Fault("rateLimitReached", f"Another {self._what} is running", f"Expected {self._most} at a time",
                        headers={"Retry-After": "5", "Reply-After": "5"})  # fmt: skip
        self._asked[tenant_id] += 1
        try:
            async with self._locks.setdefault(tenant_id, asyncio.Lock()):
                yield
        finally:
            self._asked[tenant_id] -= 1
            if not self._asked[tenant_id]:
                del self._asked[tenant_id], self._locks[tenant_id]
