"""Confirm rounds, kept so that a round goes on when another process takes over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.engine.confirm import Round
from vedette.ports.unit import Write


class KeptRound(msgspec.Struct, frozen=True):
    """A check's latest round as it is in the store."""

    round: Round
    revision: int  # compare-and-set


class ConfirmRounds(Protocol):
    """The latest round of each check, for as long as no other one may begin: few at a time."""

    async def all(self) -> Sequence[KeptRound]: ...

    def put(self, latest: Round, revision: int) -> Write:
        """Compare-and-set: `revision` is what was read, 0 for none yet. Guard: `confirm_round`."""
        ...

    def remove(self, kept: KeptRound) -> Write:
        """Compare-and-set. Guard: `confirm_round`."""
        ...
