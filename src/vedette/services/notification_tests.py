"""Sending a notification to see whether it arrives (reference: test a notification)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.attributes import Attribute, parse_new
from vedette.domain.ids import Entropy
from vedette.domain.resources import NOTIFICATION
from vedette.domain.states import State
from vedette.domain.timeline import new_key, uuid_of
from vedette.ports.accounts import Accounts
from vedette.ports.notifying import Message, Notify
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit
from vedette.services import sealing
from vedette.services.audits import Auditor
from vedette.services.documents import DocumentService
from vedette.services.requests import Body, Request

STATUS = "Test notification"
_TAKEN = frozenset({"type", "details"})
DESCRIBED = tuple(attribute for attribute in NOTIFICATION.attributes if attribute.name in _TAKEN)
"""What a described notification says of itself."""


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes."""

    notifications: DocumentService
    accounts: Accounts
    keyring: Keyring
    auditor: Auditor
    commit: Commit


class NotificationTests:
    """Each sends once, by the very notifier that dispatch sends by."""

    def __init__(self, stores: Stores, notifiers: Mapping[str, Notify], entropy: Entropy) -> None:
        self._stores = stores
        self._notifiers = notifiers
        self._entropy = entropy

    async def of_stored(self, request: Request, key: str) -> dict[str, str]:
        """`{status, message}` of sending to a notification that is there, the built-in ones too."""
        type_, details = await self._read(request, key)
        return await self._send(request, type_, details)

    async def of_described(self, request: Request, body: Body) -> dict[str, str]:
        """The same for one that is only described. Raises faults as its creation would."""
        values = parse_new(_attributes(body.get("type")), body).values
        return await self._send(request, values["type"], values["details"])

    async def _read(self, request: Request, key: str) -> tuple[str, Mapping[str, Any]]:
        shown: dict[str, Any] = msgspec.json.decode((await self._stores.notifications.show(request, key)).body)
        return shown["type"], shown["details"] or {}

    async def _send(self, request: Request, type_: str, details: Mapping[str, Any]) -> dict[str, str]:
        # The intent is on record before the effect.
        await self._stores.commit(self._stores.auditor.entry(request, 200))
        notify = self._notifiers.get(type_)
        if notify is None:
            return {"status": "error", "message": f"Notifications of type {type_} cannot be sent by this server"}
        sent = await notify(await self._message(request, details))
        return {"status": "success" if sent.success else "error", "message": sent.message}

    async def _message(self, request: Request, details: Mapping[str, Any]) -> Message:
        tenant = await self._stores.accounts.find_tenant(request.tenant_id)
        token = None if tenant is None else tenant.webhook_token
        context = sealing.webhook_token_context(request.tenant_id)
        event_id = f"{request.tenant_id}:enTest:alTest:chTest:{request.now_ms}:{State.OK}"
        return Message(
            event_id=event_id,
            state=State.OK,
            payload=made_up_event(request, event_id, uuid_of(new_key(request.now_ms, self._entropy))),
            details=details,
            webhook_token=None if token is None else self._stores.keyring.open(token, context).decode(),
        )


def _attributes(type_: Any) -> tuple[Attribute, ...]:
    return tuple(attribute for attribute in NOTIFICATION.attributes_for(type_) if attribute.name in _TAKEN)


def made_up_event(request: Request, event_id: str, log_entry_id: str) -> bytes:
    """The event of a webhook, about made-up objects; `test` is an addition."""
    stamps = {"created_at": request.now_ms, "updated_at": request.now_ms}
    none = dict.fromkeys(("metadata", "confd_name", "confd_hash", "active_suppressions", "scheduled_suppressions"))
    event = {
        "event_id": event_id,
        "log_entry_id": log_entry_id,
        "details": {
            "target": None,
            "timestamp": request.now_ms,
            "metrics": {},
            "state": State.OK,
            "status": STATUS,
            "txn_id": request.transaction_id,
            "collector_address_v4": None,
            "collector_address_v6": None,
            "observations": [],
        },
        "entity": {"id": "enTest", "label": "Test entity", "ip_addresses": {}, "metadata": None, "managed": False,
                   "uri": None, "agent_id": None, **stamps},
        "check": {"id": "chTest", "label": "Test check", "type": "remote.http", "details": {},
                  "monitoring_zones_poll": [], "timeout": 30, "period": 60, "target_alias": None,
                  "target_hostname": None, "target_resolver": None, "disabled": False, **none, **stamps},
        "alarm": {"id": "alTest", "label": "Test alarm", "check_id": "chTest", "entity_id": "enTest", "criteria": None,
                  "disabled": False, "notification_plan_id": "npTest", **none, **stamps},
        "tenant_id": request.tenant_id,
        "previous_state": State.OK,
        "test": True,
    }  # fmt: skip
    return msgspec.json.encode(event)
