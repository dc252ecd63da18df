"""Points of elsewhere, or of another time, into the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vedette.domain.observations import Observation
from vedette.ports.unit import Write


class PointImport(Protocol):
    """Writes past the observation log: evaluation and back-tests never see what is added, plots do."""

    async def added(self, observations: Sequence[Observation]) -> Write:
        """Adds observations of one check from one place, of one UTC day. Those of a time are to be new."""
        ...
