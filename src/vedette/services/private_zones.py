"""Private monitoring zones: a tenant's own, beside the built-in ones (reference: private monitoring zones)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault
from vedette.ports.documents import Documents, Filter
from vedette.ports.unit import Conflict, Write
from vedette.services import suppressed_removals
from vedette.services.documents import DocumentService, Draft, Store, going
from vedette.services.redaction import redacted_object
from vedette.services.requests import Request, Revisions, expect_revision

_TRIES = 5
_PAGE = 500


class PrivateZoneRules:
    """Nothing but the attributes themselves; what a zone's going does is `PrivateZoneRemoval`'s."""

    async def complete(self, _request: Request, _entity: Document | None, values: dict[str, Any]) -> Draft:
        return Draft(values=values)

    async def before_removal(self, _request: Request, _document: Document) -> tuple[Write, ...]:
        return ()

    def explain(self, _conflict: Conflict, _draft: Draft) -> Fault | None:
        return None


class _Fate(msgspec.Struct, frozen=True):
    """What becomes of the checks that are polled from a zone."""

    changed: Sequence[tuple[Document, Document]]  # before and after
    gone: Sequence[Document]  # checks, and then their alarms


class PrivateZoneRemoval:
    """Takes a zone off the checks that are polled from it."""

    def __init__(self, zones: DocumentService, store: Store) -> None:
        self._zones = zones
        self._store = store

    async def remove(self, request: Request, key: str, wanted: Revisions, *, keeps_checks: bool) -> None:
        """In one transaction. Checks polled from nowhere else go with their alarms, or are kept, disabled."""
        documents = self._store.documents
        for _ in range(_TRIES):
            zone = await self._zones.find(request.tenant_id, key)
            expect_revision(wanted, zone.revision)
            fate = await self._fate(request, zone, keeps_checks=keeps_checks)
            suppressed = await suppressed_removals.without(documents, request, fate.gone)
            before = [zone, *(one for one, _ in fate.changed), *fate.gone, *suppressed.before]
            writes = (
                *(documents.update(after, one.revision) for one, after in fate.changed),
                *suppressed.writes,
                *(documents.remove(going(one, request)) for one in fate.gone if one.kind is Kind.CHECK),
                documents.unreferenced(request.tenant_id, key),
                documents.remove(zone),
                self._store.auditor.entry(request, 204, [redacted_object(one.public) for one in before]),
            )
            try:
                await self._store.commit(*writes)
            except Conflict:
                continue
            self._store.suppressions.forget(request.tenant_id)
            return
        raise Fault(
            "systemFailureError", "The object is being changed by others", "Try again", headers={"Retry-After": "1"}
        )

    async def _fate(self, request: Request, zone: Document, *, keeps_checks: bool) -> _Fate:
        checks = await _every(self._store.documents, zone, Filter(refs=(zone.id,)), Kind.CHECK)
        lost = [check for check in checks if not keeps_checks and not _zones_left(check, zone)]
        alarms = [
            alarm
            for check in lost
            for alarm in await _every(self._store.documents, zone, _alarms_of(check), Kind.ALARM)
        ]
        changed = [(check, _without(check, zone, request.now_ms)) for check in checks if check not in lost]
        return _Fate(changed, [*lost, *alarms])


async def _every(documents: Documents, zone: Document, where: Filter, kind: Kind) -> list[Document]:
    found: list[Document] = []
    marker: str | None = None
    while True:
        page = await documents.list(zone.tenant_id, kind, where, marker, _PAGE + 1)
        found += page[:_PAGE]
        if len(page) <= _PAGE:
            return found
        marker = page[_PAGE].id


def _alarms_of(check: Document) -> Filter:
    return Filter(entity_id=check.entity_id, check_id=check.id)


def _zones_left(check: Document, zone: Document) -> list[str]:
    return [key for key in check.refs if key != zone.id]


def _without(check: Document, zone: Document, now_ms: int) -> Document:
    """The check polled from its other zones; where it has none, disabled."""
    public: dict[str, Any] = msgspec.json.decode(check.public)
    zones = [key for key in public["monitoring_zones_poll"] if key != zone.id]
    stamp = max(now_ms, check.updated_at)
    after: Mapping[str, Any] = {
        "monitoring_zones_poll": zones,
        "disabled": public["disabled"] or not zones,
        "updated_at": stamp,
    }
    return msgspec.structs.replace(
        check,
        refs=tuple(_zones_left(check, zone)),
        revision=check.revision + 1,
        updated_at=stamp,
        public=msgspec.json.encode({**public, **after}),
    )
