"""Telling what was held back: when a suppression ends or changes, and when an alarm gets another plan.

Which alarms are held is in the store, so nothing is lost by a restart. They are looked at when a window of one of their
tenant's suppressions opens or closes, and when the changes feed says that a suppression, an alarm or a check changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import msgspec

from vedette.domain.documents import Kind
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.engine.states import AlarmState
from vedette.engine.suppression import next_edge
from vedette.ports.observations import AlarmStates
from vedette.services.known_suppressions import KnownSuppressions

_every_ms = 1_000
_most = 256
_never = 1 << 63


class Due(msgspec.Struct, frozen=True):
    """Alarms of which somebody may have to be told now."""

    at_ms: int
    states: tuple[AlarmState, ...] = ()
    changed: tuple[str, ...] = ()  # the alarms among them that changed
    edges: Mapping[TenantId, int] | None = (
        None  # tenants whose held alarms are among them -> when to look at them again
    )


class Retelling:
    """What is due is named again until `done` is called with it."""

    def __init__(self, states: AlarmStates, suppressions: KnownSuppressions) -> None:
        self._states = states
        self._suppressions = suppressions
        self._changed: dict[str, None] = {}
        self._edges: dict[TenantId, int] = {}
        self._looked: dict[TenantId, int] = {}
        self._look_at_ms = 0

    def follow(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.kind == Kind.ALARM:
                self._changed[change.id] = None
            if change.kind in {Kind.ALARM, Kind.CHECK, Kind.SUPPRESSION}:
                self._look_again(change.tenant_id)

    def held(self, tenant_id: TenantId, at_ms: int) -> None:
        """An alarm of the tenant is held since a moment: we may have looked later than that, and missed an edge."""
        if at_ms <= self._looked.get(tenant_id, 0):
            self._look_again(tenant_id)

    def start_over(self) -> None:
        self._edges.clear()
        self._look_at_ms = 0

    def _look_again(self, tenant_id: TenantId) -> None:
        if self._edges.pop(tenant_id, None) is not None:
            self._look_at_ms = 0

    async def due(self, now_ms: int) -> Due:
        """The held alarms of tenants whose suppressions may no longer match, and the alarms that changed."""
        changed = tuple(islice(self._changed, _most))
        states = [state for alarm_id in changed if (state := await self._states.find(alarm_id)) is not None]
        if now_ms < self._look_at_ms:
            return Due(now_ms, tuple(states), changed)
        edges: dict[TenantId, int] = {}
        for tenant_id in await self._states.tenants_held():
            if now_ms >= self._edges.get(tenant_id, 0):
                states += await self._states.held(tenant_id)
                edges[tenant_id] = await self._next_edge(tenant_id, now_ms)
        return Due(now_ms, tuple(states), changed, edges)

    async def _next_edge(self, tenant_id: TenantId, now_ms: int) -> int:
        suppressions = await self._suppressions.of(tenant_id)
        edges = (next_edge(suppression, now_ms) for suppression in suppressions)
        return min((edge for edge in edges if edge is not None), default=_never)

    def done(self, due: Due) -> None:
        """It was told, or is not to be."""
        for alarm_id in due.changed:
            self._changed.pop(alarm_id, None)
        if due.edges is not None:
            self._edges |= due.edges
            self._looked |= dict.fromkeys(due.edges, due.at_ms)
            self._look_at_ms = due.at_ms + _every_ms
