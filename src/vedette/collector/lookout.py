"""Keeping a lookout: rounds of asking the canaries every 10 s, and sooner when a failing observation waits for one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from vedette.collector.asking import any_answers, default_gateway
from vedette.collector.canary import Canary, Sight

EVERY_S = 10.0
SOONEST_S = 1.0
"""From one round's beginning to the next: many failures at once must not flood the canaries."""

Ask = Callable[[Sequence[Canary]], Awaitable[bool]]
Told = Callable[[float, bool], None]
"""`told(began_at, failed)` after each round, `began_at` by the monotonic clock."""

log = structlog.get_logger(__name__)


class Lookout:
    """Shared by the collectors of one process. With no list of canaries the default gateway is asked."""

    def __init__(
        self,
        canaries: Sequence[Canary],
        monotonic: Callable[[], float],
        ask: Ask = any_answers,
        gateway: Callable[[], Canary | None] = default_gateway,
    ) -> None:
        self._canaries = tuple(canaries)
        self._monotonic = monotonic
        self._ask = ask
        self._gateway = gateway
        self._sight = Sight(counts_from_first_answer=not canaries)
        self._told: list[Told] = []
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_blind(self) -> bool:
        return self._sight.is_blind

    @property
    def counts(self) -> bool:
        """Whether there is anything to ask: if not, we are never blind and failing observations need not wait."""
        return self._sight.counts and self._task is not None and not self._task.done()

    def tell(self, told: Told) -> None:
        """Calls it after each round."""
        self._told.append(told)

    def want_round(self) -> None:
        """A round shall begin as soon as may be."""
        self._wanted.set()

    async def start(self) -> None:
        if not self._asked():
            log.warning("no canaries and no default gateway: this collector cannot tell when it is blind")
        self._task = asyncio.create_task(self._rounds(), name="lookout")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _rounds(self) -> None:
        while True:
            began_at = self._monotonic()
            self._wanted.clear()
            await self.round(began_at)
            await asyncio.sleep(max(0.0, began_at + SOONEST_S - self._monotonic()))
            try:
                async with asyncio.timeout(began_at + EVERY_S - self._monotonic()):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def round(self, began_at: float) -> None:
        """Asks once and tells. No gateway any more, after one has answered, is a failure."""
        asked = self._asked()
        was_blind = self.is_blind
        failed = self._sight.ended(answered=bool(asked) and await self._ask(asked))
        if failed != was_blind:
            log.warning("blind: no canary answers" if failed else "canaries answer again")
        for told in self._told:
            told(began_at, failed)

    def _asked(self) -> tuple[Canary, ...]:
        if self._canaries:
            return self._canaries
        gateway = self._gateway()
        return () if gateway is None else (gateway,)
