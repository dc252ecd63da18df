"""A process that dies at any commit, before it or after it, loses nothing and decides nothing twice."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.chain import ZONES, Chain, observation
from vedette.ports.unit import Write
from vedette.services.dispatch import LEASE_MS
from vedette.services.ingest import Ingest


class Died(Exception):
    """The process is gone."""


class Mortal:
    """A commit that works `lives` times and then dies, before or after it reached the disk."""

    def __init__(self, chain: Chain, lives: int, *, after: bool) -> None:
        self._commit = chain.database.commit
        self._lives = lives
        self._after = after

    async def __call__(self, *writes: Write) -> None:
        self._lives -= 1
        if self._lives == 0 and not self._after:
            raise Died
        await self._commit(*writes)
        if self._lives == 0:
            raise Died


MINUTES = ("200", "503", "404", "200")


async def live(chain: Chain, acknowledged: list[int]) -> None:
    """Reports what was not acknowledged yet, and evaluates and sends all there is."""
    now = chain.clock.now_ms
    for minute, code in enumerate(MINUTES):
        if minute not in acknowledged:
            batch = [observation(zone, code, now + 60_000 * minute + n) for n, zone in enumerate(ZONES)]
            await chain.ingest(batch)
            acknowledged.append(minute)
    while await chain.evaluator.step():
        pass
    while await chain.dispatcher.step():
        await chain.settle()


def begin(chain: Chain, commit: Mortal | None) -> None:
    """A new process."""
    taken = commit or chain.database.commit
    chain.start(taken)
    chain.ingest = Ingest(chain.observations, taken, lambda: None)


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("commit", range(1, 13))
async def test_dying_at_a_commit(commit: int, after: bool) -> None:
    chain = Chain()
    chain.put_all()
    begin(chain, Mortal(chain, commit, after=after))
    acknowledged: list[int] = []
    try:
        await live(chain, acknowledged)
        dead_sends = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await asyncio.gather(*dead_sends, return_exceptions=True)
    except Died:
        pass
    begin(chain, None)
    for _ in range(4):
        await live(chain, acknowledged)
        chain.clock.now_ms += LEASE_MS + 1
    assert chain.states == ["OK", "CRITICAL", "WARNING", "OK"]
    told = [(event["event_id"], event["details"]["state"]) for event in chain.receiver.events]
    assert [state for _, state in dict.fromkeys(told)] == ["CRITICAL", "WARNING", "OK"]
    assert len(told) <= 4
