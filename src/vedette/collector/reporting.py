"""Handing observations over: kept until the server has them, in batches, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice

import structlog

from vedette.domain.observations import Observation
from vedette.ports.probing import Report

BATCH = 500
KEPT = 100_000
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0
_MOST_DOUBLINGS = 10  # a server may be away for days, and no number is that large

log = structlog.get_logger(__name__)


class Reporter:
    """What is added while one report is under way goes with the next.

    More than `kept` unsent observations: the oldest are given up, and the log says how many.
    """

    def __init__(self, report: Report, random: Callable[[], float], kept: int = KEPT) -> None:
        self._report = report
        self._random = random
        self._kept = kept
        self._unsent: deque[Observation] = deque()
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._given_up = 0  # since the last report that went through

    def __len__(self) -> int:
        return len(self._unsent)

    def add(self, observation: Observation) -> None:
        self._unsent.append(observation)
        if len(self._unsent) > self._kept:
            self._give_up_oldest()
        self._some.set()
        self._none.clear()

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            await self._some.wait()
            failures = 0 if await self.step() else failures + 1
            if failures:
                longest = min(FIRST_RETRY_S * 2.0 ** min(failures - 1, _MOST_DOUBLINGS), LAST_RETRY_S)
                await asyncio.sleep(longest * (0.5 + self._random() / 2))

    async def drained(self) -> None:
        """Returns when nothing is unsent."""
        await self._none.wait()

    async def step(self) -> bool:
        """Reports one batch; whether it went through. What did not stays first in the row."""
        batch = list(islice(self._unsent, BATCH))
        given_up = self._given_up
        attempt = asyncio.ensure_future(self._report(batch))
        try:
            await asyncio.wait([attempt])  # whatever a report raises, the observations are kept and tried again
        finally:
            attempt.cancel()
        if (failure := _failure(attempt)) is not None:
            log.warning("observations not reported, trying again", unsent=len(self._unsent), failure=failure)
            return False
        self._forget(len(batch) - min(len(batch), self._given_up - given_up))
        return True

    def _forget(self, reported: int) -> None:
        for _ in range(reported):
            self._unsent.popleft()
        if not self._unsent:
            self._some.clear()
            self._none.set()
        if self._given_up:
            log.error("observations given up while the server could not be reached", count=self._given_up)
            self._given_up = 0

    def _give_up_oldest(self) -> None:
        self._unsent.popleft()
        self._given_up += 1


def _failure(attempt: asyncio.Future[None]) -> str | None:
    """The kind of error, without its text: that may hold an address with a password."""
    if attempt.cancelled():
        return "cancelled"
    error = attempt.exception()
    return None if error is None else type(error).__name__
