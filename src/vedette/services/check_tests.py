"""Running a check once to see what comes of it (reference: test a check, test an existing check)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.attributes import parse_new
from vedette.domain.check_data import shown_metric
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import parent_not_found
from vedette.domain.ids import CheckId, EntityId
from vedette.domain.resources import CHECK, ENTITY
from vedette.ports.clock import Clock
from vedette.ports.documents import Documents
from vedette.ports.probing import Assignment, ProbeFrom, ProbeResult
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit
from vedette.services import sealing
from vedette.services.agent_questions import AgentQuestions
from vedette.services.assignments import target_of
from vedette.services.audits import Auditor
from vedette.services.checks import CheckRules
from vedette.services.documents import DocumentService
from vedette.services.requests import Body, Request

LONGEST_S = 60
"""A caller waits for the answer, so a test takes no longer, whatever the check's time limit."""
_AT_ONCE = 32
_BODY = "body"  # the metric that holds what a server sent


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What tests of checks are made of."""

    documents: Documents
    checks: DocumentService
    rules: CheckRules
    keyring: Keyring
    probe: ProbeFrom
    questions: AgentQuestions
    auditor: Auditor
    commit: Commit
    clock: Clock


class CheckTests:
    """The observations are answered and not kept."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def of_described(
        self, request: Request, entity_id: str, body: Body, *, has_debug: bool
    ) -> list[dict[str, Any]]:
        """Of a check that is only described. Raises faults as its creation would."""
        entity = await self._entity(request, entity_id)
        values = parse_new(CHECK.attributes_for(body.get("type")), body).values
        draft = await self._parts.rules.complete(request, entity, values)
        details = draft.values["details"] | draft.secrets
        return await self._run(request, entity, draft.values, details, has_debug=has_debug)

    async def of_stored(self, request: Request, entity_id: str, key: str, *, has_debug: bool) -> list[dict[str, Any]]:
        """Of a duplicate of a check that is there, a disabled one too."""
        check = await self._parts.checks.find(request.tenant_id, key, entity_id)
        entity = await self._entity(request, entity_id)
        values: dict[str, Any] = msgspec.json.decode(check.public)
        details = sealing.full_details(self._parts.keyring, check)
        return await self._run(request, entity, values, details, has_debug=has_debug)

    async def _run(
        self, request: Request, entity: Document, values: Mapping[str, Any], details: dict[str, Any], *, has_debug: bool
    ) -> list[dict[str, Any]]:
        assignment = _assignment(entity, values, details)
        if values["type"].startswith("agent."):
            connections = await self._parts.questions.connections(request, entity.agent_id)
            found = [self._shown(None, await self._parts.questions.ask.run(connections, assignment))]
        else:
            zones: list[str] = values["monitoring_zones_poll"]
            wanted = _with_body(assignment) if has_debug and values["type"] == "remote.http" else assignment
            results = await asyncio.gather(*[self._probe(zone, wanted) for zone in zones])
            found = [
                self._shown(zone, result) | (_debug(result, details) if has_debug else {})
                for zone, result in zip(zones, results, strict=True)
            ]
        await self._parts.commit(self._parts.auditor.entry(request, 200))
        return found

    async def _probe(self, zone: str, assignment: Assignment) -> ProbeResult:
        async with self._room:
            return await self._parts.probe(zone, assignment)

    def _shown(self, zone: str | None, result: ProbeResult) -> dict[str, Any]:
        return {
            "timestamp": self._parts.clock(),
            "monitoring_zone_id": zone,
            "available": result.available,
            "status": result.status,
            "metrics": {name: shown_metric(metric) for name, metric in result.metrics.items()},
        }

    async def _entity(self, request: Request, entity_id: str) -> Document:
        entity = await self._parts.documents.find(request.tenant_id, Kind.ENTITY, entity_id)
        if entity is None:
            raise parent_not_found(ENTITY.noun, entity_id)
        return entity


def _assignment(entity: Document, values: Mapping[str, Any], details: Mapping[str, Any]) -> Assignment:
    return Assignment(
        tenant_id=entity.tenant_id,
        entity_id=EntityId(entity.id),
        check_id=CheckId("chTest"),
        check_type=values["type"],
        revision=0,
        period_s=values["period"],
        timeout_s=min(values["timeout"], LONGEST_S),
        target=target_of(values, entity),
        resolver=values["target_resolver"],
        details=CHECK_TYPES[values["type"]].completed(details),
    )


def _with_body(assignment: Assignment) -> Assignment:
    return msgspec.structs.replace(assignment, details={**assignment.details, "include_body": True})


def _debug(result: ProbeResult, details: Mapping[str, Any]) -> dict[str, Any]:
    """`debug_info` with what the server sent, taken out of the metrics where the check itself has no such metric."""
    if _BODY not in result.metrics:
        return {"debug_info": {}}
    told: dict[str, Any] = {"debug_info": {_BODY: result.metrics[_BODY].value}}
    if not details.get("include_body"):
        others = {name: metric for name, metric in result.metrics.items() if name != _BODY}
        told["metrics"] = {name: shown_metric(metric) for name, metric in others.items()}
    return told
