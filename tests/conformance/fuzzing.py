"""Requests made up from `/openapi.json`, by schemathesis, and what the server must never answer to any of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig
from schemathesis.openapi.loaders import from_dict
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conformance.case import filled
from tests.conformance.operations import unnamed

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""Of each operation; `make fuzz-api` asks for many, the suite itself takes a few, the same ones every time."""

SETTINGS = settings(
    max_examples=EXAMPLES or 10,
    deadline=None,
    database=None,
    derandomize=not EXAMPLES,
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
}
_MEMBERS: Mapping[str, Any] = {
    "check_id": "<check>",
    "notification_plan_id": "<plan>",
    "entity_id": "<entity>",
    "target_alias": "default",
    "entities": ["<entity>"],
    "checks": ["<entity>:<check>"],
    "alarms": ["<entity>:<alarm>"],
    "notification_plans": ["<plan>"],
    "monitoring_zones_poll": ["mzdfw"],
    "critical_state": ["<notification>"],
    "warning_state": ["<notification>"],
    "ok_state": ["<notification>"],
}


def loaded(api: str) -> BaseSchema:
    """A server's document."""
    document = requests.get(f"{api}/openapi.json", timeout=30).json()
    generation = GenerationConfig(with_security_parameters=False)
    config = schemathesis.Config(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
    return from_dict(document, config=config)


def operations(schema: BaseSchema) -> dict[tuple[str, str], Any]:
    """By (method, path without the names of its parameters)."""
    found = [result.ok() for result in schema.get_all_operations()]
    return {(one.method.upper(), unnamed(one.path)): one for one in found}


def requests_of(operation: APIOperation[Any, Any, Any, Any]) -> SearchStrategy[Case]:
    """What the document allows, and what it does not."""
    allowed = operation.as_strategy(GenerationMode.POSITIVE)
    has_input = bool(operation.body or operation.query or operation.path_parameters)
    return allowed | operation.as_strategy(GenerationMode.NEGATIVE) if has_input else allowed


def led_somewhere(case: Case, ids: Mapping[str, Any]) -> None:
    """Puts ids of what is there in the place of those made up, so that more than the first 404 is seen."""
    parts = case.operation.path.split("/")
    for before, part in zip(parts, parts[1:], strict=False):
        if part.startswith("{") and before in _AFTER and case.path_parameters is not None:
            case.path_parameters[part[1:-1]] = filled(_AFTER[before], ids)
    if isinstance(case.body, dict):
        case.body.update({name: filled(_MEMBERS[name], ids) for name in case.body.keys() & _MEMBERS.keys()})


def wrong_with(case: Case, api: str, session: requests.Session) -> str | None:
    """What is wrong with the answer, None when nothing is."""
    answer = case.call(base_url=api, session=session)
    open("/tmp/fuzz.log","a").write(f"{case.operation.method.upper()} {case.operation.path} {answer.status_code} {case.meta.generation.mode if case.meta else None} {answer.text[:150]!r}\n")
    is_declined = answer.status_code == 501 and "501" in case.operation.definition.raw["responses"]
    if answer.status_code >= 500 and not is_declined:
        return f"{case.as_curl_command()}: {answer.status_code} {answer.text}"
    case.validate_response(answer, checks=_CHECKS)
    return None
