"""Whom a change is told to, and the objects that they are told about."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.domain.documents import Kind
from vedette.domain.history import StateChange
from vedette.domain.ids import NotificationId, TenantId
from vedette.domain.states import State
from vedette.ports.documents import Documents
from vedette.services.events import Subjects
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.notifications import BUILT_IN_NOTIFICATIONS
from vedette.services.plans import BUILT_IN_PLANS
from vedette.services.shown_suppressions import standing


class Audience:
    """Reads configuration: done only when somebody is to be told."""

    def __init__(self, documents: Documents, suppressions: KnownSuppressions) -> None:
        self._documents = documents
        self._suppressions = suppressions

    async def subjects(self, change: StateChange, at_ms: int) -> Subjects | None:
        """None when one of them was deleted meanwhile."""
        tenant_id = change.tenant_id
        entity = await self._documents.find(tenant_id, Kind.ENTITY, change.entity_id)
        check = await self._documents.find(tenant_id, Kind.CHECK, change.check_id)
        alarm = await self._documents.find(tenant_id, Kind.ALARM, change.alarm_id)
        if entity is None or check is None or alarm is None:
            return None
        shown = standing(await self._suppressions.of(tenant_id), at_ms)
        return Subjects(entity=entity, check=check, alarm=alarm, suppressions=shown)

    async def receivers(self, tenant_id: TenantId, plan_id: str, state: State) -> list[NotificationId]:
        """The plan's notifications for a state, each once. The built-in ones have no technical contacts to go to."""
        if plan_id in BUILT_IN_PLANS:
            return []
        plan = await self._documents.find(tenant_id, Kind.PLAN, plan_id)
        if plan is None:
            return []
        public: dict[str, Any] = msgspec.json.decode(plan.public)
        listed = dict.fromkeys(public.get(f"{state.lower()}_state") or ())
        return [NotificationId(key) for key in listed if key not in BUILT_IN_NOTIFICATIONS]
