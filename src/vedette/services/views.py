"""Views: several kinds of object in one answer, with a bounded number of reads a page (reference: views)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.documents import Document, Kind
from vedette.domain.ids import TenantId
from vedette.domain.metrics import type_letters
from vedette.engine.states import LatestState
from vedette.ports.documents import Documents, Filter
from vedette.ports.observations import AlarmStates
from vedette.ports.points import MetricName, MetricPoints
from vedette.services.documents import DocumentService, Page
from vedette.services.entity_selection import Named, selected
from vedette.services.requests import Request

_AT_ONCE = 100  # entities a read: an account is seldom larger than one
_encode = msgspec.json.Encoder().encode


class _Entity(msgspec.Struct, frozen=True):
    """What views show of an entity beside its children."""

    label: str | None = None
    uri: str | None = None


class _Check(msgspec.Struct, frozen=True):
    type: str
    label: str | None = None


_entity = msgspec.json.Decoder(_Entity).decode
_check = msgspec.json.Decoder(_Check).decode


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """The services whose objects views show."""

    entities: DocumentService
    checks: DocumentService
    alarms: DocumentService
    plans: DocumentService


class Views:
    """Reads only."""

    def __init__(self, resources: Resources, documents: Documents, states: AlarmStates, points: MetricPoints) -> None:
        self._resources = resources
        self._documents = documents
        self._states = states
        self._points = points

    async def overview(self, request: Request, named: Named, marker: str | None, limit: int) -> Page:
        """Entities with their checks, alarms and latest alarm states."""
        found = await selected(self._documents, request, named, marker, limit)
        items: list[bytes] = []
        for entities in _parts(found[:limit]):
            items += await self._overviews(request, entities)
        return _page(items, found, limit)

    async def _overviews(self, request: Request, entities: Sequence[Document]) -> list[bytes]:
        tenant_id, ids = request.tenant_id, [one.id for one in entities]
        checks = await self._documents.of_entities(tenant_id, Kind.CHECK, ids)
        alarms = await self._documents.of_entities(tenant_id, Kind.ALARM, ids)
        states = await self._latest(tenant_id, ids)
        shown_checks = _by_entity(checks, await self._resources.checks.shown(request, checks))
        shown_alarms = _by_entity(alarms, await self._resources.alarms.shown(request, alarms))
        shown_states = _states_by_entity(alarms, states)
        shown = await self._resources.entities.shown(request, entities)
        return [
            b"".join(
                (
                    b'{"entity":', body,
                    b',"checks":[', b",".join(shown_checks.get(key, ())),
                    b'],"alarms":[', b",".join(shown_alarms.get(key, ())),
                    b'],"latest_alarm_states":[', b",".join(shown_states.get(key, ())), b"]}",
                )
            )
            for key, body in zip(ids, shown, strict=True)
        ]  # fmt: skip

    async def latest_alarm_states(self, request: Request, named: Named, marker: str | None, limit: int) -> Page:
        """Entities with the latest states of their alarms, each with its alarm's label."""
        found = await selected(self._documents, request, named, marker, limit)
        items: list[bytes] = []
        for entities in _parts(found[:limit]):
            ids = [one.id for one in entities]
            alarms = await self._documents.of_entities(request.tenant_id, Kind.ALARM, ids)
            states = await self._latest(request.tenant_id, ids)
            shown = _states_by_entity(alarms, states, has_label=True)
            for one in entities:
                known = _entity(one.public)
                place = {"entity_id": one.id, "entity_uri": known.uri, "entity_label": known.label}
                listed = b",".join(shown.get(one.id, ()))
                items.append(_encode(place)[:-1] + b',"latest_alarm_states":[' + listed + b"]}")
        return _page(items, found, limit)

    async def _latest(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> dict[str, LatestState]:
        """By alarm; an alarm that was never decided is in state UNKNOWN, and not listed."""
        found = await self._states.latest(tenant_id, entity_ids)
        return {one.alarm_id: one for one in found if one.changed_ms is not None}

    async def alarms_of_plan(self, request: Request, plan_id: str, marker: str | None, limit: int) -> Page:
        """Raises `notFoundError` when there is no such plan."""
        await self._resources.plans.show(request, plan_id)
        return await self._resources.alarms.page(request, Filter(refs=(plan_id,)), marker, limit)

    async def metric_list(self, request: Request, named: Named, marker: str | None, limit: int) -> Page:
        """Entities with their checks and the metrics of each.

        Of a check that has been observed and never had a metric, those that its type is known to report.
        """
        found = await selected(self._documents, request, named, marker, limit)
        items: list[bytes] = []
        for entities in _parts(found[:limit]):
            ids = [one.id for one in entities]
            checks = await self._documents.of_entities(request.tenant_id, Kind.CHECK, ids)
            names = await self._points.latest_names(request.tenant_id, ids)
            shown = _by_entity(checks, [_metrics(check, names) for check in checks])
            for one in entities:
                place = {"entity_id": one.id, "entity_label": _entity(one.public).label}
                items.append(_encode(place)[:-1] + b',"checks":[' + b",".join(shown.get(one.id, ())) + b"]}")
            await asyncio.sleep(0)  # others get their turn in a long list
        return _page(items, found, limit)


def _parts(entities: Sequence[Document]) -> list[Sequence[Document]]:
    return [entities[start : start + _AT_ONCE] for start in range(0, len(entities), _AT_ONCE)]


def _page(items: list[bytes], found: Sequence[Document], limit: int) -> Page:
    return Page(items=items, next_marker=next((one.id for one in islice(found, limit, None)), None))


def _by_entity(documents: Sequence[Document], shown: Sequence[bytes]) -> dict[str | None, list[bytes]]:
    grouped: dict[str | None, list[bytes]] = {}
    for document, body in zip(documents, shown, strict=True):
        grouped.setdefault(document.entity_id, []).append(body)
    return grouped


def _states_by_entity(
    alarms: Sequence[Document], states: Mapping[str, LatestState], *, has_label: bool = False
) -> dict[str | None, list[bytes]]:
    decided = [alarm for alarm in alarms if alarm.id in states]
    return _by_entity(decided, [_state(alarm, states[alarm.id], has_label=has_label) for alarm in decided])


def _state(alarm: Document, state: LatestState, *, has_label: bool) -> bytes:
    shown: dict[str, Any] = {
        "timestamp": state.changed_ms,
        "entity_id": alarm.entity_id,
        "alarm_id": alarm.id,
        "check_id": alarm.check_id,
        "status": state.status,
        "state": state.state,
        "previous_state": state.previous,
        "analyzed_by_monitoring_zone_id": state.analyzed_by,
    }
    return _encode(shown | ({"alarm_label": alarm.label or None} if has_label else {}))


def _metrics(check: Document, names: Mapping[str, Sequence[MetricName]]) -> bytes:
    public = _check(check.public)
    metrics = names.get(check.id)
    listed = _known(public.type, check.refs) if metrics == [] else metrics or []
    return _encode({"id": check.id, "label": public.label, "type": public.type, "metrics": listed})


def _known(type: str, places: Sequence[str]) -> list[MetricName]:
    """What checks of a type report from every place."""
    check_type = CHECK_TYPES.get(type)
    known = [one for one in check_type.metrics if "<" not in one.name] if check_type is not None else []
    prefixes = [f"{place}." for place in places] or [""]
    return sorted(
        [
            MetricName(name=prefix + one.name, unit=one.unit or "unknown", type=type_letters[one.type])
            for prefix in prefixes
            for one in known
        ],
        key=lambda name: name.name,
    )
