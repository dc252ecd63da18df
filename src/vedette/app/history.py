"""The history of points: what rolls it up, and what forgets it."""

from __future__ import annotations

from vedette.adapters.local.clock import now_ms
from vedette.app.base import Base
from vedette.app.loops import Loop
from vedette.app.measures import Measures
from vedette.services.point_expiry import PointExpiry
from vedette.services.roll_up import RollUp

_ROLL_UP_S = 5.0
_EXPIRE_S = 10.0


def rolling_up(base: Base, measures: Measures) -> Loop:
    """Empties the log into chunks; says how many chunks were found damaged."""
    stores = base.stores
    measures.gauge("vedette_damaged_chunks", "Chunks of points that could not be read", lambda: len(stores.damaged))
    return Loop("roll_up", RollUp(stores.chunks, stores.commit, now_ms).step, _ROLL_UP_S)


def forgetting(base: Base) -> Loop:
    """Forgets points that have had their time."""
    stores = base.stores
    expiry = PointExpiry(stores.chunks, stores.commit, now_ms, base.config.history_size)
    return Loop("forget_points", expiry.step, _EXPIRE_S)
