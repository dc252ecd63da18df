"""Handing points on: from the observation log, by a cursor of its own, into a store of metrics that is not ours."""

from __future__ import annotations

from vedette.domain.observations import Observation
from vedette.ports.observations import Observations
from vedette.ports.points import PointSink, PointsUnavailable
from vedette.ports.unit import Commit, Conflict, StoreUnavailable

METRIC_STORE = "metric_store"
REMOTE_WRITE = "remote_write"
CURSORS = (METRIC_STORE, REMOTE_WRITE)
"""The readers that there may be."""

_BATCH = 256


class Forwarding:
    """Reads the log after its cursor, batch by batch. A crash hands the last batch on once more, and loses none."""

    def __init__(self, name: str, observations: Observations, sink: PointSink, commit: Commit) -> None:
        self._name = name
        self._observations = observations
        self._sink = sink
        self._commit = commit
        self._cursor: int | None = None

    async def step(self) -> bool:
        """Hands one batch on; False when there was none.

        Raises `StoreUnavailable` when the sink cannot take it now; then it is offered again.
        """
        if self._cursor is None:
            self._cursor = await self._observations.cursor(self._name)
        logged = await self._observations.after(self._cursor, _BATCH)
        if not logged:
            return False
        try:
            await self._sink.take([one.entry for one in logged if isinstance(one.entry, Observation)])
        except PointsUnavailable as error:
            raise StoreUnavailable(str(error)) from error
        try:
            await self._commit(self._observations.advance(self._name, self._cursor, logged[-1].seq))
        except Conflict:  # another process hands them on too: it is ahead
            self._cursor = None
            return True
        self._cursor = logged[-1].seq
        return True
