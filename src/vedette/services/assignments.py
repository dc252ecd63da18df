"""Assignments: which zone's collectors run which remote check, kept in step with the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.ports.documents import Documents, Filter
from vedette.ports.probing import Assignment, Collector
from vedette.ports.secrets import Keyring
from vedette.services import sealing

_PAGE = 500
_MOST_KEPT = 10_000


def assignment(keyring: Keyring, check: Document, entity: Document) -> Assignment | None:
    """A remote check as a collector gets it; None for an agent's or a disabled one."""
    public: dict[str, Any] = msgspec.json.decode(check.public)
    check_type = CHECK_TYPES.get(public["type"])  # none: left behind by a newer server
    if check_type is None or not check_type.is_remote or public["disabled"]:
        return None
    return Assignment(
        tenant_id=check.tenant_id,
        entity_id=EntityId(entity.id),
        check_id=CheckId(check.id),
        check_type=check_type.id,
        revision=check.revision,
        period_s=public["period"],
        timeout_s=public["timeout"],
        target=target_of(public, entity),
        resolver=public["target_resolver"],
        details=check_type.completed(sealing.full_details(keyring, check)),
    )


def target_of(public: Mapping[str, Any], entity: Document) -> str | None:
    """The host that a check names; None where its details do."""
    alias: str | None = public["target_alias"]
    if alias is None:
        hostname: str | None = public["target_hostname"]
        return hostname
    addresses: dict[str, str] = msgspec.json.decode(entity.public)["ip_addresses"] or {}
    return addresses.get(alias, alias)


class Assigner:
    """Tells the collectors of this process what to run."""

    def __init__(self, documents: Documents, keyring: Keyring, collectors: Mapping[str, Collector]) -> None:
        self._documents = documents
        self._keyring = keyring
        self._collectors = collectors

    async def load(self) -> None:
        """The complete lists, at start."""
        lists: dict[str, list[Assignment]] = {zone: [] for zone in self._collectors}
        entities: dict[str, Document | None] = {}
        async for check in self._every_check():
            found = await self._assignment(check, entities)
            if found is not None:
                for zone in lists.keys() & set(check.refs):
                    lists[zone].append(found)
        for zone, collector in self._collectors.items():
            collector.assign(lists[zone])

    async def _every_check(self) -> AsyncIterator[Document]:
        marker: str | None = None
        while page := await self._documents.every(Kind.CHECK, marker, _PAGE + 1):
            for check in page[:_PAGE]:
                yield check
            if len(page) <= _PAGE:
                return
            marker = page[_PAGE].id

    async def _assignment(self, check: Document, entities: dict[str, Document | None]) -> Assignment | None:
        entity_id = check.entity_id or ""
        if entity_id not in entities:
            if len(entities) >= _MOST_KEPT:
                entities.clear()
            entities[entity_id] = await self._documents.find(check.tenant_id, Kind.ENTITY, entity_id)
        entity = entities[entity_id]
        return assignment(self._keyring, check, entity) if entity is not None else None

    async def follow(self, changes: Sequence[Change]) -> None:
        """Takes over what changed."""
        for tenant_id, check_id in await self._touched(changes):
            await self._refresh(tenant_id, check_id)

    async def _touched(self, changes: Sequence[Change]) -> set[tuple[TenantId, str]]:
        touched = {(change.tenant_id, change.id) for change in changes if change.kind == Kind.CHECK}
        for change in changes:
            if change.kind == Kind.ENTITY:
                touched |= {(change.tenant_id, check_id) for check_id in await self._checks_of(change)}
        return touched

    async def _checks_of(self, change: Change) -> list[str]:
        where = Filter(entity_id=change.id)
        ids: list[str] = []
        marker: str | None = None
        while True:
            page = await self._documents.list(change.tenant_id, Kind.CHECK, where, marker, _PAGE + 1)
            ids += [check.id for check in page[:_PAGE]]
            if len(page) <= _PAGE:
                return ids
            marker = page[_PAGE].id

    async def _refresh(self, tenant_id: TenantId, check_id: str) -> None:
        check = await self._documents.find(tenant_id, Kind.CHECK, check_id)
        found = await self._assignment(check, {}) if check is not None else None
        for zone, collector in self._collectors.items():
            if check is not None and found is not None and zone in check.refs:
                collector.put(found)
            else:
                collector.drop(CheckId(check_id))
