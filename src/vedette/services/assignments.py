"""Assignments: the remote checks of each zone as its collectors get them, kept in step with the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import msgspec

from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.ports.documents import Documents, Filter
from vedette.ports.probing import Assignment
from vedette.ports.secrets import Keyring
from vedette.services import sealing

AT_A_TIME = 100
"""Checks of a long list between two turns of others: a few milliseconds."""
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
        alias=public["target_alias"],
    )


def target_of(public: Mapping[str, Any], entity: Document) -> str | None:
    """The host that a check names; None where its details do."""
    alias: str | None = public["target_alias"]
    if alias is None:
        hostname: str | None = public["target_hostname"]
        return hostname
    addresses: dict[str, str] = msgspec.json.decode(entity.public)["ip_addresses"] or {}
    return addresses.get(alias, alias)


async def _give_way(number: int) -> None:
    """SQLite is read on the event loop: in a long list others get their turn now and then."""
    if number % AT_A_TIME == 0:
        await asyncio.sleep(0)


class ZoneLists:
    """The complete lists of the zones that somebody collects for in this process."""

    def __init__(self, documents: Documents, keyring: Keyring) -> None:
        self._documents = documents
        self._keyring = keyring
        self._lists: dict[str, dict[str, Assignment]] = {}  # zone -> check id

    def of(self, zone_id: str) -> Mapping[str, Assignment]:
        """By check id; empty for a zone that is not kept."""
        return self._lists.get(zone_id, {})

    def forget(self, zone_id: str) -> None:
        """Nobody collects for it any more."""
        self._lists.pop(zone_id, None)

    async def keep_built_in(self, zone_ids: Collection[str]) -> None:
        """Reads the lists of those that are not kept yet, in one look over all tenants. Raises `StoreUnavailable`."""
        new: dict[str, dict[str, Assignment]] = {zone: {} for zone in zone_ids if zone not in self._lists}
        if not new:
            return
        entities: dict[str, Document | None] = {}
        seen = 0
        async for check in self._every_check():
            zones = new.keys() & set(check.refs)
            seen += 1
            await _give_way(seen)
            found = await self._assignment(check, entities) if zones else None
            if found is not None:
                for zone in zones:
                    new[zone][check.id] = found
        self._lists |= new

    async def keep_private(self, tenant_id: TenantId, zone_id: str) -> None:
        """Reads the list of a tenant's own zone, if it is not kept yet. Raises `StoreUnavailable`."""
        if zone_id in self._lists:
            return
        entities: dict[str, Document | None] = {}
        found: dict[str, Assignment] = {}
        for number, check in enumerate(await self._checks(tenant_id, Filter(refs=(zone_id,))), 1):
            await _give_way(number)
            one = await self._assignment(check, entities)
            if one is not None:
                found[check.id] = one
        self._lists[zone_id] = found

    async def follow(self, changes: Sequence[Change]) -> Mapping[str, set[str]]:
        """Takes over what changed: zone -> the checks of its list that are other now, or gone."""
        touched: dict[str, set[str]] = {}
        if self._lists:
            for tenant_id, check_id in await self._touched(changes):
                for zone in await self._refresh(tenant_id, check_id):
                    touched.setdefault(zone, set()).add(check_id)
        return touched

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

    async def _touched(self, changes: Sequence[Change]) -> set[tuple[TenantId, str]]:
        touched = {(change.tenant_id, change.id) for change in changes if change.kind == Kind.CHECK}
        for change in changes:
            if change.kind == Kind.ENTITY:
                checks = await self._checks(change.tenant_id, Filter(entity_id=change.id))
                touched |= {(change.tenant_id, check.id) for check in checks}
        return touched

    async def _checks(self, tenant_id: TenantId, where: Filter) -> list[Document]:
        found: list[Document] = []
        marker: str | None = None
        while True:
            page = await self._documents.list(tenant_id, Kind.CHECK, where, marker, _PAGE + 1)
            found += page[:_PAGE]
            if len(page) <= _PAGE:
                return found
            marker = page[_PAGE].id

    async def _refresh(self, tenant_id: TenantId, check_id: str) -> list[str]:
        """The zones whose lists it changes."""
        check = await self._documents.find(tenant_id, Kind.CHECK, check_id)
        found = await self._assignment(check, {}) if check is not None else None
        changed = []
        for zone, kept in self._lists.items():
            now = found if check is not None and zone in check.refs else None
            if kept.get(check_id) == now:
                continue
            changed.append(zone)
            if now is None:
                del kept[check_id]
            else:
                kept[check_id] = now
        return changed
