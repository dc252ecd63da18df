"""Notification plans: whom to tell in which state (reference: notification plans)."""

from __future__ import annotations

from typing import Any

from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, required_not_found
from vedette.ports.documents import Documents
from vedette.ports.unit import Conflict, Write
from vedette.services.documents import Draft
from vedette.services.notifications import BUILT_IN_NOTIFICATIONS
from vedette.services.requests import Request

BUILT_IN_PLANS = frozenset({"npTechnicalContactsEmail", "npManaged"})


class PlanRules:
    """Every notification must exist. A plan that an alarm uses stays."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def complete(self, request: Request, _entity: Document | None, values: dict[str, Any]) -> Draft:
        lists = {name: values[name] or [] for name in ("critical_state", "warning_state", "ok_state")}
        used = sorted({receiver for receivers in lists.values() for receiver in receivers})
        own = [receiver for receiver in used if receiver not in BUILT_IN_NOTIFICATIONS]
        for receiver in own:
            if await self._documents.find(request.tenant_id, Kind.NOTIFICATION, receiver) is None:
                raise required_not_found("Notification", receiver)
        guards = (self._documents.require(request.tenant_id, own),) if own else ()
        return Draft(values=values | lists, refs=tuple(used), guards=guards)

    async def before_removal(self, request: Request, document: Document) -> tuple[Write, ...]:
        users = await self._documents.referrers(request.tenant_id, document.id, 100)
        if users:
            message = "Notification plans cannot be removed while alarms are using it: " + " ".join(users)
            raise Fault("forbiddenError", message)
        return (self._documents.unreferenced(request.tenant_id, document.id),)

    def explain(self, _conflict: Conflict, _draft: Draft) -> Fault | None:
        return None
