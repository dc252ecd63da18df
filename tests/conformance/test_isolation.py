"""Whatever Charlie does with what he knows of Alice, he learns nothing: hers looks as if there were none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conformance.case import Case, filled
from tests.conformance.stage import AGENT_ID, Stage
from tests.conformance.test_documented_operations import CASES
from tests.doors.api.house import Caller

# What stands in requests and is nobody's id.
_OWN = frozenset({"hook", "page", "tenant", "later", "far"})
_VOLATILE = re.compile(rb"\"(txnId|request_id)\":\"[0-9a-f]{24}\"")
# The connection's own words, and what counts or names each request.
_VOLATILE_HEADERS = {"x-response-id", "x-ratelimit-used", "x-ratelimit-remaining", "content-length", "date"}

WITH_IDS = [case for case in CASES if case.names_ids]
IN_BODIES = [case for case in CASES if not case.names_ids and "<" in str(case.body) + str(case.query)]


def _name(case: Case) -> str:
    return f"{case.operation} {case.path}"


def _nothing(ids: dict[str, Any]) -> dict[str, Any]:
    """Ids that no tenant has, and everything else as it is."""
    return {name: value if name in _OWN else _twisted(value) for name, value in ids.items()}


def _twisted(value: str) -> str:
    """Another id of the same make: the letters after the prefix, the wrong way round."""
    if value == AGENT_ID:
        return "99-host.example.org"
    if value.count("-") == 4:  # of a time series
        return value[:-4] + f"{int(value[-4:], 16) ^ 0xFFFF:04x}"
    key, dot, tenant = value.partition(".")
    twisted = key[:2] + key[:1:-1]
    return (twisted if twisted != key else f"{key[:-1]}0") + dot + tenant


def _seen(answer: httpx.Response, ids: dict[str, Any]) -> tuple[Any, ...]:
    """An answer without what must differ: the transaction and the ids that were asked for."""
    body = _VOLATILE.sub(b"", answer.content).decode()
    for name in ids.keys() - _OWN:
        body = body.replace(ids[name], f"<{name}>").replace(f"{ids[name][:8]}...", f"<{name}>")
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in _VOLATILE_HEADERS)
    return answer.status_code, headers, body


@pytest.fixture
def stranger(stage: Stage) -> Iterator[Caller]:
    """Charlie at Alice's address."""
    caller = Caller(stage.house.api, stage.cast.alice.login, stage.cast.charlie.token)
    with caller.http:
        yield caller


@pytest.fixture(scope="module")
def newcomer(stage: Stage) -> Caller:
    """Somebody who has done nothing yet, so that nothing of Alice's is in his own audit."""
    return stage.house.cast().charlie


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_another_tenants_address_is_forbidden_whatever_is_there(stage: Stage, stranger: Caller, case: Case) -> None:
    hers, none = case.sent(stranger, stage.ids), case.sent(stranger, _nothing(stage.ids))

    assert (hers.status_code, hers.json()["type"]) == (403, "forbiddenError")
    assert _seen(hers, stage.ids) == _seen(none, _nothing(stage.ids))


@pytest.mark.parametrize("case", WITH_IDS, ids=_name)
def test_anothers_objects_are_not_there_at_ones_own_address(stage: Stage, case: Case) -> None:
    charlie = stage.cast.charlie

    hers, none = case.sent(charlie, stage.ids), case.sent(charlie, _nothing(stage.ids))

    # An agent id is a name that tenants choose; one that was never seen has a fault of its own.
    by_agent = "/host_info" in case.path
    assert hers.status_code == (400 if by_agent else 404), hers.text
    assert hers.json()["type"] in ({"agentDoesNotExist"} if by_agent else {"notFoundError", "parentNotFoundError"})
    assert _seen(hers, stage.ids) == _seen(none, _nothing(stage.ids))


@pytest.mark.parametrize("case", IN_BODIES, ids=_name)
def test_what_names_anothers_objects_fails_as_if_there_were_none(stage: Stage, case: Case) -> None:
    charlie = stage.cast.charlie

    hers, none = case.sent(charlie, stage.ids), case.sent(charlie, _nothing(stage.ids))

    assert _seen(hers, stage.ids) == _seen(none, _nothing(stage.ids))


@pytest.mark.parametrize("case", [one for one in CASES if one.method == "GET" and not one.names_ids], ids=_name)
def test_lists_show_nothing_of_another_tenant(stage: Stage, newcomer: Caller, case: Case) -> None:
    answer = newcomer.call(case.method, case.path)

    assert answer.status_code == 200, answer.text
    assert not [name for name in stage.ids.keys() - {"later", "far"} if stage.ids[name] in answer.text]


def test_alice_still_has_everything_that_charlie_tried_to_take(stage: Stage) -> None:
    deletions = [case for case in CASES if case.method == "DELETE"]

    for case in deletions:
        case.sent(stage.cast.charlie, stage.ids)

    left = [stage.cast.alice.call("GET", filled(case.path, stage.ids)).status_code for case in deletions]
    assert left == [200] * 8
