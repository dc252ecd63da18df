"""The collectors that are connected to each server process, as the others see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.ports.unit import Write


class Seated(msgspec.Struct, frozen=True, kw_only=True):
    """A collector of a zone, in a process or connected to it."""

    process_id: str
    zone_id: str
    name: str  # the same in every process that it is connected to
    agent_id: str
    since_ms: int  # when its newest connection was welcomed
    types: tuple[str, ...]  # the check types it runs
    is_blind: bool
    can_confirm: bool  # it can be asked for a probe beside the schedule


class CollectorRoll(Protocol):
    """Rows go with their process: see `Agents.forget_process` and `forget_silent`."""

    async def elsewhere(self, process_id: str, alive_since_ms: int) -> Sequence[Seated]:
        """Those of the other processes that have beaten since, by zone, name and process."""
        ...

    def seated(self, process_id: str, seats: Sequence[Seated]) -> Write:
        """The complete list of one process."""
        ...
