"""Cutting live connections: a slice at each turn of the event loop, so that ten thousand of them stall nobody.

Telling an agent first takes as long as cutting it, and all must be gone in time: of very many at once, those beyond
`MOST_TOLD` are cut without a word and learn the reason at their next handshake.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import islice

from vedette.domain.tokens import Reason
from vedette.services.agent_connections import Live

SLICE = 50
MOST_TOLD = 2_000


class Cutter:
    """Call it with each connection that must go."""

    def __init__(self) -> None:
        self._condemned: dict[Live, Reason] = {}
        self._told = 0  # since nobody was condemned
        self.counts: Counter[Reason] = Counter()
        """Connections cut since the start."""

    def __call__(self, live: Live, reason: Reason) -> None:
        if not self._condemned:
            self._told = 0
            asyncio.get_running_loop().call_soon(self._cut_some)
        self._condemned.setdefault(live, reason)

    def _cut_some(self) -> None:
        try:
            for live in list(islice(self._condemned, SLICE)):
                reason = self._condemned.pop(live)
                self._told += 1
                if live.cut(reason, with_notice=self._told <= MOST_TOLD):
                    self.counts[reason] += 1
        finally:
            if self._condemned:
                asyncio.get_running_loop().call_soon(self._cut_some)
