"""One attempt of one delivery: its message, made and handed to the notifier of its type."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Delivery
from vedette.ports.accounts import Accounts, Tenant
from vedette.ports.documents import Documents
from vedette.ports.notifying import Message, Notify, Sent
from vedette.ports.secrets import Keyring
from vedette.services import sealing


class Sender:
    """`notifiers` by notification type."""

    def __init__(
        self, documents: Documents, accounts: Accounts, keyring: Keyring, notifiers: Mapping[str, Notify]
    ) -> None:
        self._documents = documents
        self._accounts = accounts
        self._keyring = keyring
        self._notifiers = notifiers

    async def send(self, delivery: Delivery) -> Sent:
        """How the attempt went; what can never be sent is a permanent failure."""
        key = delivery.notification_id
        notification = await self._documents.find(delivery.tenant_id, Kind.NOTIFICATION, key)
        tenant = await self._accounts.find_tenant(delivery.tenant_id)
        if notification is None or tenant is None:
            return _never(f"Notification {key} was deleted")
        type_ = msgspec.json.decode(notification.public)["type"]
        notify = self._notifiers.get(type_)
        if notify is None:
            return _never(f"Notifications of type {type_} cannot be sent by this server")
        try:
            message = self._message(delivery, notification, tenant)
        except ValueError:
            return _never(f"The secrets of notification {key} cannot be opened: the key they were sealed with is gone")
        return await notify(message)

    def _message(self, delivery: Delivery, notification: Document, tenant: Tenant) -> Message:
        token = tenant.webhook_token
        opened = None if token is None else self._keyring.open(token, sealing.webhook_token_context(tenant.id)).decode()
        return Message(
            event_id=delivery.event_id,
            state=delivery.state,
            payload=delivery.payload,
            details=sealing.full_details(self._keyring, notification),
            webhook_token=opened,
        )


def _never(message: str) -> Sent:
    return Sent(success=False, message=message, permanent=True)
