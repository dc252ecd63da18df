"""When each check runs: every period from a first run that chance spreads; what did not change keeps its rhythm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from vedette.wire.messages import ScheduledCheck

FIRST_RUN_WITHIN_S = 2.0
log = logging.getLogger("vedette.agent")


class Rhythm:
    """One task a check: a run that takes longer than the period puts off the next."""

    def __init__(self, run: Callable[[ScheduledCheck], Awaitable[None]], chance: Callable[[], float]) -> None:
        self._run = run
        self._chance = chance
        self._checks: dict[str, ScheduledCheck] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, checks: Sequence[ScheduledCheck]) -> None:
        """The complete list. Starts what is new or runs otherwise, stops what is gone."""
        wanted = {check.id: check for check in checks if not check.disabled}
        for check_id in [key for key, check in self._checks.items() if not _keeps_rhythm(check, wanted.get(key))]:
            self._tasks.pop(check_id).cancel()
        self._checks = wanted
        for check_id in wanted:
            if check_id not in self._tasks:
                self._tasks[check_id] = asyncio.get_running_loop().create_task(self._beat(check_id))

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        self._checks, self._tasks = {}, {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _beat(self, check_id: str) -> None:
        loop = asyncio.get_running_loop()
        period_s = self._checks[check_id].period
        due = loop.time() + min(period_s, FIRST_RUN_WITHIN_S) * self._chance()
        while True:
            await asyncio.sleep(max(due - loop.time(), 0))
            await self._run_once(self._checks[check_id])
            due = max(due + period_s, loop.time())

    async def _run_once(self, check: ScheduledCheck) -> None:
        """A mistake of ours in one run is no reason to run the check never again."""
        run = asyncio.ensure_future(self._run(check))
        try:
            await asyncio.wait([run])
        except asyncio.CancelledError:
            run.cancel()
            await asyncio.wait([run])
            raise
        if not run.cancelled() and (problem := run.exception()) is not None:
            log.error("check %s: a run failed", check.id, exc_info=problem)


def _keeps_rhythm(check: ScheduledCheck, wanted: ScheduledCheck | None) -> bool:
    """A new revision alone (another label) restarts nothing."""
    return wanted is not None and check == msgspec.structs.replace(wanted, revision=check.revision)
