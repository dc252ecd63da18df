"""Alarms: criteria bound to a check and a notification plan (reference: alarms)."""

from __future__ import annotations

from typing import Any

from vedette.criteria import Criteria, CriteriaError, compile_criteria
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, required_not_found
from vedette.ports.documents import Documents
from vedette.ports.unit import Conflict, Write
from vedette.services.documents import Draft
from vedette.services.plans import BUILT_IN_PLANS
from vedette.services.requests import Request


class AlarmRules:
    """Criteria are parsed when they are written; the check and the plan must exist."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def complete(self, request: Request, entity: Document | None, values: dict[str, Any]) -> Draft:
        parsed_criteria(values["criteria"])
        check_id, plan_id = values["check_id"], values["notification_plan_id"]
        check = await self._documents.find(request.tenant_id, Kind.CHECK, check_id)
        if check is None or entity is None or check.entity_id != entity.id:
            raise required_not_found("Check", check_id)
        guards = await self._require_plan(request, plan_id)
        return Draft(values=values, refs=(plan_id,), check_id=check_id, guards=guards)

    async def _require_plan(self, request: Request, plan_id: str) -> tuple[Write, ...]:
        if plan_id in BUILT_IN_PLANS:
            return ()
        if await self._documents.find(request.tenant_id, Kind.PLAN, plan_id) is None:
            raise required_not_found("NotificationPlan", plan_id)
        return (self._documents.require(request.tenant_id, [plan_id]),)

    async def before_removal(self, _request: Request, _document: Document) -> tuple[Write, ...]:
        return ()

    def explain(self, _conflict: Conflict, _draft: Draft) -> Fault | None:
        return None


def parsed_criteria(criteria: str | None) -> Criteria:
    """Raises `alarmParseError`."""
    try:
        return compile_criteria(criteria)
    except CriteriaError as error:
        details = {
            "input": error.input,
            "error_position": error.position,
            "error_line": error.line,
            "error_column": error.column,
            "error_token": error.token,
            "message": error.message,
        }
        raise Fault("alarmParseError", "Validation error for key 'criteria'", details) from error
