"""Alarm examples filled in (reference: alarm examples)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vedette.criteria import CriteriaError, compile_criteria
from vedette.domain.alarm_examples import ALARM_EXAMPLES
from vedette.domain.faults import invalid, not_found
from vedette.ports.unit import Commit
from vedette.services.audits import Auditor
from vedette.services.requests import Body, Request

NOUN = "AlarmExample"


class AlarmExampleService:
    """The same examples for every tenant."""

    def __init__(self, auditor: Auditor, commit: Commit) -> None:
        self._auditor = auditor
        self._commit = commit

    async def evaluate(self, request: Request, key: str, body: Body) -> str:
        """The example's criteria with the body's `values` in their places. Raises faults that name the value."""
        example = ALARM_EXAMPLES.get(key)
        if example is None:
            raise not_found(NOUN, key)
        criteria = example.bound(_values(body))
        try:
            compile_criteria(criteria)
        except CriteriaError as error:
            raise invalid("values", f"Expected values with which the criteria can be read: {error.message}") from error
        await self._commit(self._auditor.entry(request, 200))
        return criteria


def _values(body: Body) -> Mapping[str, Any]:
    values = body.get("values")
    if values is None or values == []:
        return {}
    if not isinstance(values, dict):
        raise invalid("values", "Expected an object with a value for each field")
    return values
