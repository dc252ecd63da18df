"""Each documented operation takes its documented request and gives the documented answer."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from tests.conformance import configuration_cases, observation_cases
from tests.conformance.case import Case, judge
from tests.conformance.operations import ADDITIONAL, DOCUMENTED_PAGES, ONE_ROUTE, OPERATIONS, OUTSIDE, unnamed
from tests.conformance.stage import Stage
from tests.doors.api.house import House

CASES = (*configuration_cases.CASES, *observation_cases.CASES)


def _name(case: Case) -> str:
    return f"{case.operation} {case.path}"


def test_the_list_of_operations_is_as_long_as_the_reference() -> None:
    assert len(OPERATIONS) == len({one.name for one in OPERATIONS}) == DOCUMENTED_PAGES
    twice = {address for address, times in Counter(one.address for one in OPERATIONS).items() if times > 1}
    assert twice == {("POST", "/entities/{}/test-check"), ("GET", "/changelogs/alarms")}


def test_no_documented_operation_lacks_a_case() -> None:
    assert {case.operation for case in CASES} == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_case_is_at_the_address_of_its_operation(case: Case) -> None:
    operation = next(one for one in OPERATIONS if one.name == case.operation)
    given, documented = case.path.rstrip("/").split("/"), operation.path.split("/")

    assert len(given) == len(documented)
    assert all(mine == theirs or theirs.startswith("{") for mine, theirs in zip(given, documented, strict=True))


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_the_documented_request_gets_the_documented_answer(stage: Stage, case: Case) -> None:
    answer = case.sent(stage.cast.alice, stage.ids)

    wrong = judge(case, answer, stage.ids, stage.cast.alice)
    assert wrong is None, wrong


def test_every_route_is_documented_or_known_to_be_additional(stage: Stage) -> None:
    routes = _routes(stage.house)
    documented = {operation.address for operation in OPERATIONS if "/host_info/" not in operation.path}

    assert routes - OUTSIDE == documented | ADDITIONAL | {ONE_ROUTE}


def _routes(house: House) -> set[tuple[str, str]]:
    """As `/openapi.json` has them, which other tests hold to the router's own."""
    paths = httpx.get(f"{house.api}/openapi.json", trust_env=False).json()["paths"]
    found = {(method.upper(), unnamed(path)) for path, operations in paths.items() for method in operations}
    assert found >= OUTSIDE
    return {(method, path.removeprefix("/v1.0") if path != "/v1.0" else path) for method, path in found}
