"""Ingest: observations become durable before anybody is told that they were taken."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.observations import Observations
from vedette.ports.unit import Commit

MOST_WAITING = 10_000
"""How many observations may be on their way to the disk; further reports wait for room."""

_longest_status = 256
_longest_text = 4096
_renames = {"cert_subject_alternate_names": "cert_subject_alternative_names"}


class Ingest:
    """Takes what collectors and agents report."""

    def __init__(
        self, observations: Observations, commit: Commit, wake: Callable[[], None], most_waiting: int = MOST_WAITING
    ) -> None:
        """`wake` is called after each append: evaluation has something to read."""
        self._observations = observations
        self._commit = commit
        self._wake = wake
        self._room = Room(most_waiting)
        self._most_at_once = max(most_waiting // 4, 1)

    async def __call__(self, observations: Sequence[Observation]) -> None:
        """Appends observations to the log and returns when they are on disk.

        Waits while too many are on their way. Raises `StoreUnavailable` when they are not durable; then those after
        the first part of a very long report were not taken and it is to be reported again (duplicates are known as
        such).
        """
        normal = [normalised(observation) for observation in observations]
        for start in range(0, len(normal), self._most_at_once):
            await self._append(normal[start : start + self._most_at_once])

    async def _append(self, observations: Sequence[Observation]) -> None:
        await self._room.take(len(observations))
        try:
            await self._commit(self._observations.append(observations))
        finally:
            self._room.give(len(observations))
        self._wake()


class Room:
    """A bounded number of places, taken several at a time, first come first served."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, places: int) -> None:
        if not self._waiting and places <= self._free:
            self._free -= places
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((places, turn))
        try:
            await turn
        except asyncio.CancelledError:
            self.give(places if turn.done() and not turn.cancelled() else 0)
            raise

    def give(self, places: int) -> None:
        self._free += places
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= self._free):
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= wanted
                turn.set_result(None)


def normalised(observation: Observation) -> Observation:
    """With units in lower case, metrics by their known names, and texts of bounded length.

    A status has at most 256 characters. A metric's text has at most 4,096: what tenants' expressions look through, and
    so what bounds how long they take.
    """
    if all(name not in _renames and _is_normal(metric) for name, metric in observation.metrics.items()):
        return _cut(observation)
    metrics = {_renames.get(name, name): _normal(metric) for name, metric in observation.metrics.items()}
    return _cut(msgspec.structs.replace(observation, metrics=metrics))


def _is_normal(metric: Metric) -> bool:
    unit, value = metric.unit, metric.value
    return unit != "" and unit == unit.lower() and (not isinstance(value, str) or len(value) <= _longest_text)


def _normal(metric: Metric) -> Metric:
    if _is_normal(metric):
        return metric
    value = metric.value[:_longest_text] if isinstance(metric.value, str) else metric.value
    return Metric(metric.type, value, metric.unit.lower() or "unknown")


def _cut(observation: Observation) -> Observation:
    if len(observation.status) <= _longest_status:
        return observation
    return msgspec.structs.replace(observation, status=observation.status[:_longest_status])
