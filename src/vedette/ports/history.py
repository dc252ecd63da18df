"""Audits, changelogs, the outbox and its attempts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from vedette.domain.history import Attempt, AuditEntry, Delivery, StateChange, SuppressionLog
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
    """Audit entries of a tenant. What becomes of them afterwards is `audit_chain.AuditChain`'s."""

    async def list(self, tenant_id: TenantId, span: Span) -> list[AuditEntry]: ...

    def add(self, entry: AuditEntry) -> Write:
        """Guard `tenant`: it is gone."""
        ...


class Changelogs(Protocol):
    """State changes of alarms."""

    async def list(self, tenant_id: TenantId, entity_id: str | None, span: Span) -> list[StateChange]: ...

    async def of_alarm(self, tenant_id: TenantId, entity_id: str, alarm_id: str, span: Span) -> Sequence[StateChange]:
        """Those of one alarm of the entity."""
        ...

    def add(self, change: StateChange) -> Write:
        """Guard `tenant`: it is gone."""
        ...

    def forget_before(self, key: bytes, limit: int) -> Write: ...


class SuppressionLogs(Protocol):
    """Changes of which nobody was told, because suppressions matched."""

    async def list(self, tenant_id: TenantId, span: Span) -> list[SuppressionLog]: ...

    def add(self, log: SuppressionLog) -> Write:
        """Guard `tenant`: it is gone."""
        ...

    def forget_before(self, key: bytes, limit: int) -> Write: ...


class Outbox(Protocol):
    """Deliveries and their attempts."""

    async def due(self, now_ms: int, limit: int, without: Collection[str] = ()) -> list[Delivery]:
        """Pending ones whose `next_at_ms` is not after now, first those due longest, and at most one of each
        (alarm, notification): the oldest pending one, so that a receiver hears an alarm's changes in order.

        Those of the tenants and notifications whose ids are in `without` are left out: so many deliveries to a dead
        receiver cannot fill the answer and keep others waiting.
        """
        ...

    async def next_due_ms(self) -> int | None:
        """When the earliest pending delivery is due that no older one of its (alarm, notification) holds back.

        None when there is none.
        """
        ...

    async def history(self, tenant_id: TenantId, alarm_id: str, check_id: str | None, span: Span) -> list[Delivery]:
        """All deliveries of the span's entries (see `domain.history.entry_of`); its marker and limit count entries."""
        ...

    async def history_checks(self, tenant_id: TenantId, alarm_id: str) -> list[str]:
        """Ids of the checks that the alarm's history is about, in order."""
        ...

    async def attempts(self, delivery_keys: Sequence[bytes]) -> list[Attempt]:
        """Of all these deliveries, by delivery and number."""
        ...

    def add(self, delivery: Delivery) -> Write:
        """Guard `tenant`: it is gone."""
        ...

    def claim(self, delivery: Delivery, until_ms: int, attempt: Attempt) -> Write:
        """Takes a due delivery until `until_ms` and writes its attempt, whose number is one more than the delivery's
        attempts so far, before anything is sent.

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
        """All but pending ones."""
        ...
