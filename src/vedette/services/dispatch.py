"""Dispatch: from the outbox to receivers, at least once, with the same event id each time.

The attempt is on disk before anything is sent. A claimed delivery is leased: when we die while sending, it becomes due
again when the lease ends. What one tenant or one receiver can occupy is bounded, so a dead receiver delays nobody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

import msgspec
import structlog

from vedette.domain.history import Attempt, Delivery, DeliveryState
from vedette.ports.accounts import Accounts
from vedette.ports.clock import Clock, Entropy
from vedette.ports.documents import Documents
from vedette.ports.history import Outbox
from vedette.ports.notifying import Notify, Sent
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict, StoreUnavailable
from vedette.services.retries import is_expired, retry_at
from vedette.services.sender import Sender

LEASE_MS = 60_000
"""For how long a claimed delivery is ours; longer than any notifier's own time-out."""

_log = structlog.get_logger(__name__)


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """How many sends may be under way at once."""

    overall: int = 256
    a_tenant: int = 16
    a_notification: int = 4


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What dispatch reads and writes."""

    outbox: Outbox
    documents: Documents
    accounts: Accounts
    keyring: Keyring
    commit: Commit


class Dispatcher:
    """Sends what is due."""

    def __init__(
        self,
        stores: Stores,
        notifiers: Mapping[str, Notify],
        clock: Clock,
        entropy: Entropy,
        wake: Callable[[], None],
        caps: Caps | None = None,
    ) -> None:
        """`notifiers` by notification type. `wake` is called when a send has ended: there is room for another."""
        self._stores = stores
        self._sender = Sender(stores.documents, stores.accounts, stores.keyring, notifiers)
        self._clock = clock
        self._entropy = entropy
        self._wake = wake
        self._caps = caps or Caps()
        self._sends: dict[asyncio.Task[None], Delivery] = {}
        self._is_stopping = False

    async def step(self) -> bool:
        """Claims what is due and begins to send it, without waiting for the receivers; False when nothing was due.

        Raises `StoreUnavailable`: nothing was claimed then, or what was is being sent.
        """
        room = self._caps.overall - len(self._sends)
        if room <= 0 or self._is_stopping:
            return False
        due = await self._stores.outbox.due(self._clock(), room, self._busy())
        claims = [self._claim(delivery) for delivery in self._within_caps(due)]
        results = await asyncio.gather(*claims, return_exceptions=True)
        claimed = [result for result in results if isinstance(result, Delivery)]
        for delivery in claimed:
            self._begin(delivery)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return bool(claimed)

    async def stop(self, deadline_s: float) -> None:
        """Begins nothing new, and waits for the sends under way; what is not done by then is left to its lease.

        No `step` may be running.
        """
        self._is_stopping = True
        if not self._sends:
            return
        _, late = await asyncio.wait(self._sends, timeout=deadline_s)
        for send in late:
            send.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def next_due_ms(self) -> int | None:
        """When there may be something to do again, None when nothing is pending."""
        return await self._stores.outbox.next_due_ms()

    @property
    def in_flight(self) -> int:
        return len(self._sends)

    def _under_way(self) -> tuple[Counter[str], Counter[str]]:
        """Sends by tenant and by notification."""
        deliveries = self._sends.values()
        by_tenant = Counter[str](delivery.tenant_id for delivery in deliveries)
        return by_tenant, Counter[str](delivery.notification_id for delivery in deliveries)

    def _busy(self) -> list[str]:
        """The tenants and notifications that may not have another send now."""
        tenants, notifications = self._under_way()
        full = [key for key, count in tenants.items() if count >= self._caps.a_tenant]
        return full + [key for key, count in notifications.items() if count >= self._caps.a_notification]

    def _within_caps(self, due: list[Delivery]) -> list[Delivery]:
        tenants, notifications = self._under_way()
        chosen = []
        for delivery in due:
            tenant, notification = delivery.tenant_id, delivery.notification_id
            if tenants[tenant] < self._caps.a_tenant and notifications[notification] < self._caps.a_notification:
                tenants[tenant] += 1
                notifications[notification] += 1
                chosen.append(delivery)
        return chosen

    async def _claim(self, delivery: Delivery) -> Delivery | None:
        """The delivery as claimed; None when another process was first."""
        now_ms = self._clock()
        attempt = Attempt(delivery_key=delivery.key, number=delivery.attempts + 1, started_ms=now_ms)
        until_ms = now_ms + LEASE_MS
        try:
            await self._stores.commit(self._stores.outbox.claim(delivery, until_ms, attempt))
        except Conflict:
            return None
        return msgspec.structs.replace(delivery, attempts=attempt.number, next_at_ms=until_ms)

    def _begin(self, delivery: Delivery) -> None:
        send = asyncio.create_task(self._send(delivery, self._clock()))
        self._sends[send] = delivery
        send.add_done_callback(self._end)

    def _end(self, send: asyncio.Task[None]) -> None:
        del self._sends[send]
        if not send.cancelled() and send.exception() is not None:
            _log.error("send_failed", exc_info=send.exception())
        self._wake()

    async def _send(self, delivery: Delivery, started_ms: int) -> None:
        sent = await self._sender.send(delivery)
        now_ms = self._clock()
        attempt = Attempt(
            delivery_key=delivery.key,
            number=delivery.attempts,
            started_ms=started_ms,
            finished_ms=now_ms,
            success=sent.success,
            message=sent.message,
        )
        after = self._after(delivery, sent, now_ms)
        try:
            await self._stores.commit(self._stores.outbox.finish(after, attempt))
        except (Conflict, StoreUnavailable) as reason:
            # The lease was lost, or will end: the delivery goes out once more, with the same event id.
            _log.warning("delivery_unfinished", event_id=delivery.event_id, reason=type(reason).__name__)
            return
        _log.info(
            "delivery_attempted",
            event_id=delivery.event_id,
            notification_id=delivery.notification_id,
            attempt=delivery.attempts,
            delivery_state=after.delivery_state.value,
            message=sent.message,
        )

    def _after(self, delivery: Delivery, sent: Sent, now_ms: int) -> Delivery:
        if sent.success:
            return msgspec.structs.replace(delivery, delivery_state=DeliveryState.DELIVERED, message=sent.message)
        if sent.permanent or is_expired(delivery, now_ms):
            message = f"Notification failed after {delivery.attempts} attempts"
            return msgspec.structs.replace(delivery, delivery_state=DeliveryState.DEAD, message=message)
        next_at_ms = retry_at(now_ms, delivery.attempts, int.from_bytes(self._entropy(2)) / 65_536)
        return msgspec.structs.replace(delivery, next_at_ms=next_at_ms, message=sent.message)
