"""The observation behind a vote: what people are shown of a change that no observation of the moment brought."""

from __future__ import annotations

from vedette.domain.observations import Observation
from vedette.engine.ballots import time_of
from vedette.engine.states import Ballot
from vedette.ports.past import PastObservations

_most = 1_000  # of one check in one millisecond


async def speaker(past: PastObservations, check_id: str, place: str, ballot: Ballot) -> Observation | None:
    """The place's latest evaluated observation, None when it is no longer kept. Raises `StoreUnavailable`."""
    at_ms, arrived_ms = ballot.evaluated_ms, ballot.arrived_ms
    if at_ms is None:
        return None
    found: Observation | None = None
    for logged in await past.between(check_id, arrived_ms, arrived_ms + 1, 0, _most):
        entry = logged.entry
        if not isinstance(entry, Observation) or entry.place != place or entry.is_blind:
            continue
        if time_of(entry) == at_ms:
            found = entry
    return found
