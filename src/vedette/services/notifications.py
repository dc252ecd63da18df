"""Notifications: where an alert is sent (reference: notifications)."""

from __future__ import annotations

from typing import Any

from vedette.domain.documents import Document
from vedette.domain.faults import Fault
from vedette.domain.notification_types import NOTIFICATION_TYPES
from vedette.ports.documents import Documents
from vedette.ports.unit import Conflict, Write
from vedette.services import sealing
from vedette.services.documents import Draft
from vedette.services.requests import Request

BUILT_IN_NOTIFICATIONS = frozenset({"ntTechnicalContactsEmail"})


class NotificationRules:
    """Details are checked by type. One that a plan uses stays."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def complete(self, _request: Request, _entity: Document | None, values: dict[str, Any]) -> Draft:
        declared = NOTIFICATION_TYPES[values["type"]]
        details = declared.details.parse(values["details"], "details")
        shown, secret = sealing.split(declared.attributes, details)
        return Draft(values=values | {"details": shown}, secrets=secret)

    async def before_removal(self, request: Request, document: Document) -> tuple[Write, ...]:
        users = await self._documents.referrers(request.tenant_id, document.id, 100)
        if users:
            raise Fault(
                "childrenExistError",
                "Notifications cannot be removed while notification plans are using them",
                {"type": "NotificationPlan", "message": "Used by: " + " ".join(users)},
            )
        return (self._documents.unreferenced(request.tenant_id, document.id),)

    def explain(self, _conflict: Conflict, _draft: Draft) -> Fault | None:
        return None
