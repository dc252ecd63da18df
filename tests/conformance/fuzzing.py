"""Requests made up from `/openapi.json`, by schemathesis, and what the server must never answer to any of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode, Response
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.core.result import Ok
from schemathesis.openapi.loaders import from_dict
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conformance.case import Case as Documented
from tests.conformance.case import filled
from tests.conformance.operations import OPERATIONS, unnamed

Request = Case[Any]
IS_SUITE = "FUZZ_EXAMPLES" not in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
"""Of each operation; `make fuzz-api` asks for many, the suite itself takes a few, the same ones every time."""

SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.generate,),  # a server remembers: what failed is not made smaller by trying it again
    derandomize=IS_SUITE,
    suppress_health_check=list(HealthCheck),
)
_CHECKS: list[Any] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What is in a path -> whose id stands after it. Ids that lead to nothing schemathesis makes up by itself.
_AFTER = {
    "entities": "<entity>",
    "checks": "<remote>",
    "alarms": "<alarm>",
    "notification_history": "<check>",
    "notifications": "<notification>",
    "notification_plans": "<plan>",
    "alarmsByNp": "<plan>",
    "monitoring_zones": "<zone>",
    "suppressions": "<coming>",
    "agent_tokens": "<token>",
    "agents": "<agent>",
    "connections": "<connection>",
    "host_info": "memory",
    "check_types": "agent.filesystem",
    "alarm_examples": "remote.http_body_match_1",
    "notification_types": "webhook",
    "metrics": "used",
    "{check_id}": "<history>",  # in the notification history
    "agent_installers": "<installer>",
    "tokens": "<identity-token>",
}
_SPARE = {
    "entities": "<spare-entity>",
    "checks": "<spare-check>",
    "alarms": "<spare-alarm>",
    "notifications": "<spare-notification>",
    "notification_plans": "<spare-plan>",
    "monitoring_zones": "<spare-zone>",
    "suppressions": "<spare-suppression>",
    "agent_tokens": "<spare-token>",
    "tokens": "<spare-identity-token>",
}
_MORE_EXAMPLES: Mapping[tuple[str, str], tuple[Any, Mapping[str, Any]]] = {
    ("POST", "/agent_installers"): ({"entity_id": "<entity>"}, {}),
    ("POST", "/__experiments/multiplot"): (
        {"metrics": [{"entity_id": "<entity>", "check_id": "<check>", "metric": "used"}]},
        {"from": 0, "to": 1, "points": 10},
    ),
    ("POST", "/test-notifications"): ({"type": "webhook", "details": {"url": "<hook>"}}, {}),
    ("GET", "/views/connections"): (None, {"agentId": "<agent>"}),
    ("GET", "/views/agent_host_info"): (None, {"agentId": "<agent>", "include": "memory"}),
}


def examples(cases: Sequence[Documented]) -> dict[tuple[str, str], tuple[Any, Mapping[str, Any]]]:
    """(body, query) of a request that is right, by address."""
    by_name = {operation.name: operation for operation in OPERATIONS}
    found = {by_name[case.operation].address: (case.body, case.query) for case in cases}
    return {(method, f"/v1.0{path}"): example for (method, path), example in {**found, **_MORE_EXAMPLES}.items()}


def loaded(api: str) -> BaseSchema:
    """A server's document."""
    return of(requests.get(f"{api}/openapi.json", timeout=30).json())


def of(document: dict[str, Any]) -> BaseSchema:
    """Any document."""
    generation = GenerationConfig(with_security_parameters=False)
    config = schemathesis.Config(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    return from_dict(document, config=config)


def operations(schema: BaseSchema) -> dict[tuple[str, str], Any]:
    """By (method, path without the names of its parameters)."""
    found: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {(one.method.upper(), unnamed(one.path)): one for one in found}


def requests_of(operation: APIOperation[Any, Any, Any, Any]) -> SearchStrategy[Request]:
    """What the document allows, and what it does not."""
    allowed = operation.as_strategy(GenerationMode.POSITIVE)
    has_input = bool(operation.body or operation.query or operation.path_parameters)
    return allowed | operation.as_strategy(GenerationMode.NEGATIVE) if has_input else allowed


def led_somewhere(case: Request, ids: Mapping[str, Any]) -> None:
    """Puts ids of what is there in the place of those made up, so that more is seen than the first 404."""
    is_deleted = case.operation.method.upper() == "DELETE"
    parts = case.operation.path.split("/")
    for before, part in pairwise(parts):
        if part.startswith("{") and before in _AFTER:
            is_last = is_deleted and part == parts[-1]
            name = _SPARE.get(before, _AFTER[before]) if is_last else _AFTER[before]
            case.path_parameters[part[1:-1]] = filled(name, ids)


def mended(case: Request, example: tuple[Any, Mapping[str, Any]], ids: Mapping[str, Any], pick: int) -> None:
    """Makes it the request that is right but for one member of the body and one of the query: those made up stay."""
    case.headers.pop("If-Match", None)
    body, query = filled(example[0], ids), filled(dict(example[1]), ids)
    if isinstance(body, dict) and isinstance(case.body, dict):
        case.body = {**body, **_one_of(case.body, pick)}
    case.query = {**query, **_one_of(case.query, pick)}


def _one_of(members: Mapping[str, Any], pick: int) -> dict[str, Any]:
    """One of them, or none."""
    names = sorted(members)
    return {name: members[name] for name in names[pick : pick + 1]}


def status_of(case: Request, api: str, session: requests.Session) -> int:
    """The status of the answer, when that is as documented. Fails with a command that repeats the request."""
    answer = case.call(base_url=api, session=session)
    judge(case, answer)
    return answer.status_code


def judge(case: Request, answer: Response) -> None:
    """Fails with a command that repeats the request when its answer is not as documented."""
    is_declined = answer.status_code == 501 and "501" in case.operation.definition.raw["responses"]
    if answer.status_code >= 500 and not is_declined:
        pytest.fail(f"{case.as_curl_command()}: {answer.status_code} {answer.text}")
    case.validate_response(answer, checks=_CHECKS)
