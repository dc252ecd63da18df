"""Suppressions: for which alarms, and when, nobody is told (reference: suppressions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, bad_request, invalid, required_not_found
from vedette.domain.ids import TenantId
from vedette.domain.resources import ALARM, CHECK, ENTITY, PLAN
from vedette.engine.recurrence import Recurrence, RecurrenceError, zone
from vedette.ports.documents import Documents, Filter
from vedette.ports.unit import Conflict, Write
from vedette.services.documents import Draft
from vedette.services.plans import BUILT_IN_PLANS
from vedette.services.requests import Request

GRACE_MS = 60_000
"""How far in the past a time may lie to be taken for now."""

_LISTS = {"notification_plans": PLAN, "entities": ENTITY, "checks": CHECK, "alarms": ALARM}


def settled(request: Request, before: Mapping[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with their times made out; `before` is None for a new suppression."""
    has_begun = before is not None and before["start_time"] <= request.now_ms
    if before is not None and has_begun:
        _check_that_only_the_end_changes(before, values)
    changed = [key for key in ("start_time", "end_time") if before is None or values[key] != before[key]]
    after = {**values, **{key: _moment(key, values[key], request.now_ms) for key in changed}}
    if after["end_time"] < after["start_time"]:
        raise invalid("end_time", "Expected a time that is not before start_time")
    if has_begun and "end_time" in changed and after["recurrence"]:
        if after["end_time"] > request.now_ms:
            raise invalid("end_time", "Expected 0: a recurring suppression that has begun can only be ended")
        after["recurrence"] = None
    return after


def _check_that_only_the_end_changes(before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if key != "end_time" and value != before[key]:
            raise invalid(key, "Expected the same value as before: once it has begun, only end_time can be changed")


def _moment(key: str, value: int, now_ms: int) -> int:
    if value >= now_ms:
        return value
    if value and now_ms - value > GRACE_MS:
        raise invalid(key, "Expected 0, which is now, or a time in the future")
    return now_ms


class SuppressionRules:
    """What is listed must exist."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def complete(self, request: Request, _entity: Document | None, values: dict[str, Any]) -> Draft:
        if not any(values[name] for name in _LISTS):
            raise bad_request(
                f"Validation error for key '{', '.join(_LISTS)}'", "Expected at least one item in one of them"
            )
        _check_recurrence(values)
        listed: list[str] = []
        for name in _LISTS:
            listed += await self._existing(request.tenant_id, name, values[name])
        guards = (self._documents.require(request.tenant_id, listed),) if listed else ()
        return Draft(values=values, guards=guards)

    async def _existing(self, tenant_id: TenantId, name: str, items: Sequence[str]) -> list[str]:
        """The ids of the objects, which must hold until the suppression is stored; built-in plans always do."""
        resource = _LISTS[name]
        ids = {item: item.rpartition(":")[2] for item in items if item not in BUILT_IN_PLANS}
        if not ids:
            return []
        where = Filter(ids=tuple(ids.values()))
        found = {one.id: one for one in await self._documents.list(tenant_id, resource.kind, where, None, len(ids))}
        for item, key in ids.items():
            if key not in found or scoped(found[key]) != item:
                raise required_not_found(resource.noun, item)
        return list(found)

    async def before_removal(self, _request: Request, _document: Document) -> tuple[Write, ...]:
        return ()

    def explain(self, conflict: Conflict, _draft: Draft) -> Fault | None:
        return None


def _check_recurrence(values: Mapping[str, Any]) -> None:
    try:
        zone(values["timezone"])
    except RecurrenceError as error:
        raise invalid("timezone", str(error)) from error
    try:
        if values["recurrence"]:
            Recurrence(values["recurrence"], values["timezone"], values["start_time"])
    except RecurrenceError as error:
        raise invalid("recurrence", str(error)) from error


def scoped(document: Document) -> str:
    """How a suppression names an object."""
    if document.kind in {Kind.CHECK, Kind.ALARM}:
        return f"{document.entity_id}:{document.id}"
    return document.id
