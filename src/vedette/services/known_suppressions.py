"""Suppressions of tenants, kept in memory ready for matching: a tenant without any costs one read, ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.engine.recurrence import Recurrence, RecurrenceError
from vedette.engine.suppression import Suppression
from vedette.ports.documents import Documents, Filter

_PAGE = 1000


class KnownSuppressions:
    """Whoever keeps one tells it of changes (`follow`, `forget`); a tenant's are read when they are next asked for."""

    def __init__(self, documents: Documents, most: int = 100_000) -> None:
        """At most `most` tenants, the first kept forgotten first."""
        self._documents = documents
        self._most = most
        self._kept: dict[TenantId, tuple[Suppression, ...]] = {}
        self._forgotten = 0

    async def of(self, tenant_id: TenantId) -> tuple[Suppression, ...]:
        """All of a tenant's, past ones too, by id."""
        kept = self._kept.get(tenant_id)
        if kept is not None:
            return kept
        forgotten = self._forgotten
        found = tuple(read(document) for document in await listed(self._documents, tenant_id))
        if forgotten == self._forgotten:  # else what was read may be older than what was told meanwhile
            self._kept[tenant_id] = found
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return found

    def forget(self, tenant_id: TenantId) -> None:
        self._forgotten += 1
        self._kept.pop(tenant_id, None)

    def forget_all(self) -> None:
        self._forgotten += 1
        self._kept.clear()

    def follow(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if change.kind == Kind.SUPPRESSION:
                self.forget(change.tenant_id)


async def listed(documents: Documents, tenant_id: TenantId) -> list[Document]:
    """All suppressions of a tenant as they are stored, by id."""
    found: list[Document] = []
    marker: str | None = None
    while True:
        page = await documents.list(tenant_id, Kind.SUPPRESSION, Filter(), marker, _PAGE + 1)
        found += page[:_PAGE]
        if len(page) <= _PAGE:
            return found
        marker = page[_PAGE].id


def read(document: Document) -> Suppression:
    """A stored suppression, ready for matching."""
    public: dict[str, Any] = msgspec.json.decode(document.public)
    return Suppression(
        id=document.id,
        start_ms=public["start_time"],
        end_ms=public["end_time"],
        plans=frozenset(public["notification_plans"]),
        entities=frozenset(public["entities"]),
        checks=frozenset(public["checks"]),
        alarms=frozenset(public["alarms"]),
        recurrence=_recurrence(public),
    )


def _recurrence(public: dict[str, Any]) -> Recurrence | None:
    if not public["recurrence"]:
        return None
    try:
        return Recurrence(public["recurrence"], public["timezone"], public["start_time"])
    except RecurrenceError:
        # Rules are read when they are written; only another version, or another list of time zones, can have let it in.
        return None
