"""Blindness: telling a dead target from a collector that cannot see. The decisions, without the asking.

A round asks every canary; it fails when none answers. A failing observation waits for a round that began after its
probe ended, and is marked blind if that round failed or the last one before its probe began did.
"""

from __future__ import annotations

from collections import deque

import msgspec

from vedette.domain.observations import Observation


class Canary(msgspec.Struct, frozen=True):
    """A host that is asked whether we see. With a port: it must take a TCP connection there. Without: see `asking`."""

    host: str
    port: int | None = None


class Sight:
    """What the rounds so far say. `counts_from_first_answer` is for the default gateway: many never answer."""

    def __init__(self, *, counts_from_first_answer: bool) -> None:
        self._counts = not counts_from_first_answer
        self.is_blind = False  # what the last round said

    @property
    def counts(self) -> bool:
        """Whether a failing round would mean anything."""
        return self._counts

    def ended(self, *, answered: bool) -> bool:
        """Whether the round failed."""
        self._counts = self._counts or answered
        self.is_blind = self._counts and not answered
        return self.is_blind


class _Waiting(msgspec.Struct, frozen=True):
    observation: Observation
    ended_at: float  # of its probe, monotonic
    was_blind: bool  # by the last round before its probe began


class Held:
    """Failing observations that wait for a round."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()  # by the end of the probe

    def __len__(self) -> int:
        return len(self._waiting)

    def hold(self, observation: Observation, ended_at: float, *, was_blind: bool) -> None:
        self._waiting.append(_Waiting(observation, ended_at, was_blind))

    def release(self, round_began_at: float, *, failed: bool) -> list[Observation]:
        """Those whose probe had ended when the round began, marked."""
        released = []
        while self._waiting and self._waiting[0].ended_at <= round_began_at:
            waiting = self._waiting.popleft()
            released.append(_marked(waiting.observation, is_blind=failed or waiting.was_blind))
        return released

    def give_up(self) -> list[Observation]:
        """All, marked blind: no round has said that what they saw was there to be seen."""
        return self.release(float("inf"), failed=True)


def _marked(observation: Observation, *, is_blind: bool) -> Observation:
    return msgspec.structs.replace(observation, is_blind=True) if is_blind else observation
