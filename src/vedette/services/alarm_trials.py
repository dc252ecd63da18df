"""Trying criteria out on observations (reference: test an alarm; alarm language: `test-alarm`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vedette.criteria import Criteria
from vedette.domain.check_data import CheckDatum, check_datum
from vedette.domain.documents import Kind
from vedette.domain.faults import invalid, parent_not_found
from vedette.domain.resources import ALARM, ENTITY
from vedette.engine import trial
from vedette.engine.trial import Seen, Step
from vedette.ports.documents import Documents
from vedette.ports.unit import Commit
from vedette.services.alarms import parsed_criteria
from vedette.services.audits import Auditor
from vedette.services.requests import Body, Request

MOST_OBSERVATIONS = 1000
_CRITERIA = next(attribute for attribute in ALARM.attributes if attribute.name == "criteria")


class AlarmTrials:
    """Nothing is kept of a trial but its audit entry."""

    def __init__(self, documents: Documents, auditor: Auditor, commit: Commit) -> None:
        self._documents = documents
        self._auditor = auditor
        self._commit = commit

    async def run(self, request: Request, entity_id: str, body: Body, *, is_full: bool) -> list[dict[str, Any]]:
        """`{timestamp, state, status}` of every state that was reached.

        In full a line for each observation, under the criteria's own consecutive count, with `reason` and `votes`.
        """
        if await self._documents.find(request.tenant_id, Kind.ENTITY, entity_id) is None:
            raise parent_not_found(ENTITY.noun, entity_id)
        criteria = _criteria(body)
        seen = [_seen(datum, request.now_ms) for datum in _check_data(body)]
        await self._commit(self._auditor.entry(request, 200))
        count = (criteria.consecutive_count or 1) if is_full else 1
        steps = trial.steps(criteria, seen, count, not_yet_counts_as_false=not is_full)
        return [_in_full(step) for step in steps] if is_full else [_reached(step) for step in steps if step.is_change]


def _criteria(body: Body) -> Criteria:
    given = body.get("criteria")
    return parsed_criteria(None if given is None else _CRITERIA.type.parse(given, _CRITERIA.name))


def _check_data(body: Body) -> Sequence[CheckDatum]:
    given = body.get("check_data")
    if given is None:
        raise invalid("check_data", "Missing required key (check_data)")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_OBSERVATIONS:
        raise invalid("check_data", f"Expected an array with between 1 and {MOST_OBSERVATIONS} items")
    return [check_datum(item, f"check_data.{place}") for place, item in enumerate(given)]


def _seen(datum: CheckDatum, now_ms: int) -> Seen:
    return Seen(
        at_ms=now_ms if datum.timestamp is None else datum.timestamp,
        zone=datum.monitoring_zone_id or "",
        available=datum.available,
        status=datum.status,
        metrics=datum.metrics,
    )


def _reached(step: Step) -> dict[str, Any]:
    return {"timestamp": step.at_ms, "state": step.state, "status": step.status}


def _in_full(step: Step) -> dict[str, Any]:
    return _reached(step) | {"reason": step.reason, "votes": step.votes}
