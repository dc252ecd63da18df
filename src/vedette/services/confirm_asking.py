"""Asking this process's collectors for the confirm rounds that any process of ours began.

Whoever evaluates asks the collectors it reaches; a collector may be connected to another process. Asked twice for one
round, a collector probes once.
"""

from __future__ import annotations

import asyncio

from vedette.domain.ids import ZoneId
from vedette.engine import confirm
from vedette.engine.confirm import Round
from vedette.ports.clock import Clock
from vedette.ports.confirming import ConfirmRounds
from vedette.ports.probing import AskToConfirm, Confirmation

ASK_EVERY_S = 2.0

_TURN = 100


class ConfirmAsking:
    """`step` every `ASK_EVERY_S`."""

    def __init__(self, store: ConfirmRounds, ask: AskToConfirm, clock: Clock) -> None:
        self._store = store
        self._ask = ask
        self._clock = clock

    async def step(self) -> bool:
        """Always done: the next look has its time. Raises `StoreUnavailable`."""
        now_ms = self._clock()
        every = [kept.round for kept in await self._store.all()]
        for number, latest in enumerate((one for one in every if confirm.is_open(one, now_ms)), 1):
            ask_for(latest, self._ask, now_ms)
            if number % _TURN == 0:
                await asyncio.sleep(0)
        return False


def ask_for(latest: Round, ask: AskToConfirm, now_ms: int) -> None:
    """Asks the zones that have not answered."""
    in_ms = min(max(latest.probes_ms - now_ms, 0), latest.after_ms)
    asked = Confirmation(check_id=latest.check_id, round_id=latest.id, in_ms=in_ms)
    for zone in latest.unanswered:
        ask(ZoneId(zone), asked)
