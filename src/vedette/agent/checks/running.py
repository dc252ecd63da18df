"""Running checks: each within its time limit, and whatever comes of it is a reading."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import psutil

from vedette.agent.checks import CALLS, LOOKS, plugin
from vedette.agent.checks.cpu import CpuUse
from vedette.agent.reading import Reading, unavailable
from vedette.agent.threads import in_thread
from vedette.wire.messages import ScheduledCheck

CPU = "agent.cpu"
PLUGIN = "agent.plugin"
TYPES = frozenset({*LOOKS, *CALLS, CPU, PLUGIN})
"""What this agent can run."""
SYSTEM_ERRORS = (OSError, psutil.Error, ArithmeticError, LookupError, RuntimeError, ValueError)
"""What reading the system may come to."""


class Checks:
    """One an agent."""

    def __init__(self, plugin_directory: Path) -> None:
        self._plugin_directory = plugin_directory
        self._cpu = CpuUse()

    async def run(self, check: ScheduledCheck, *, is_test: bool = False) -> Reading:
        """Of a known type. A check that is only tried leaves no trace."""
        try:
            if check.type == PLUGIN:
                return await plugin.run(check, self._plugin_directory)
            async with asyncio.timeout(_limit_s(check)):
                return await self._look(check, is_test=is_test)
        except TimeoutError:
            return unavailable(f"The check did not finish in {_limit_s(check):g} seconds")
        except SYSTEM_ERRORS as error:
            return unavailable(str(error) or type(error).__name__)

    async def _look(self, check: ScheduledCheck, *, is_test: bool) -> Reading:
        if check.type == CPU:
            return await (self._cpu.run_once() if is_test else self._cpu.run(check.id))
        if check.type in CALLS:
            return await CALLS[check.type](check.details)
        return await in_thread(partial(LOOKS[check.type], check.details))


def _limit_s(check: ScheduledCheck) -> float:
    """Of the check; of a call its detail `timeout` (milliseconds) too, where that is shorter."""
    given = check.details.get("timeout") if check.type in CALLS else None
    return min(given / 1000, check.timeout) if isinstance(given, int | float) and given > 0 else check.timeout
