"""Audits, changelogs, the outbox and its attempts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec

from vedette.domain.history import Attempt, AuditEntry, Delivery, StateChange
from vedette.domain.ids import TenantId
from vedette.ports.unit import Write


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a time series: keys `first <= key < last`, from `marker` (inclusive) on, in order or reversed."""

    first: bytes
    last: bytes
    marker: bytes | None
    limit: int
    reverse: bool = False


class Audits(Protocol):
    """Audit entries of a tenant."""

    async def list(self, tenant_id: TenantId, span: Span) -> list[AuditEntry]: ...

    def add(self, entry: AuditEntry) -> Write: ...

    def forget_before(self, key: bytes, limit: int) -> Write: ...


class Changelogs(Protocol):
    """State changes of alarms."""

    async def list(self, tenant_id: TenantId, entity_id: str | None, span: Span) -> list[StateChange]: ...

    def add(self, change: StateChange) -> Write: ...

    def forget_before(self, key: bytes, limit: int) -> Write: ...


class Outbox(Protocol):
    """Deliveries and their attempts."""

    async def due(self, now_ms: int, limit: int, without: Collection[str] = ()) -> list[Delivery]:
        """Pending ones whose `next_at_ms` is not after now, the oldest first, and at most one of each
        (alarm, notification): the oldest pending one, so that a receiver hears an alarm's changes in order.

        Those of the tenants and notifications whose ids are in `without` are left out: so many deliveries to a dead
        receiver cannot fill the answer and keep others waiting.
        """
        ...

    async def next_due_ms(self) -> int | None:
        """When the earliest pending delivery is due, None when there is none."""
        ...

    async def history(self, tenant_id: TenantId, alarm_id: str, check_id: str | None, span: Span) -> list[Delivery]: ...

    async def attempts(self, delivery_key: bytes) -> list[Attempt]: ...

    def add(self, delivery: Delivery) -> Write: ...

    def claim(self, delivery: Delivery, until_ms: int, attempt: Attempt) -> Write:
        """Takes a due delivery until `until_ms` and writes its attempt before anything is sent.

        Compare-and-set over (pending, attempts, next_at_ms): guard `claim` when another process was first.
        """
        ...

    def finish(self, delivery: Delivery, attempt: Attempt) -> Write:
        """Stores the delivery's new state and its finished attempt. Guard `claim` when the lease was lost."""
        ...

    def release(self, now_ms: int) -> Write:
        """Makes every claimed delivery due now: for a store that no other process dispatches from, at the start.

        One that waits for its next attempt goes on waiting.
        """
        ...

    def forget_before(self, key: bytes, limit: int) -> Write:
        """Delivered and dead ones only."""
        ...
