"""ETag and If-Match on every configuration object and the account (api decisions: headers)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.doors.api.house import Caller, Cast, House

FAR = 4_102_444_800_000
FUTURE = {"start_time": FAR, "end_time": FAR + 1000}


class Case(NamedTuple):
    """How to make an object, and a change of it."""

    make: Callable[[Caller], str]  # gives its path
    change: dict[str, Any]
    can_be_deleted: bool = True


def _of_entity(kind: str) -> Callable[[Caller], str]:
    def make(caller: Caller) -> str:
        entity = caller.entity()
        check = caller.check(entity)
        key = check if kind == "checks" else caller.alarm(entity, check, "npTechnicalContactsEmail")
        return f"/entities/{entity}/{kind}/{key}"

    return make


CASES = {
    "entities": Case(lambda caller: f"/entities/{caller.entity()}", {"label": "new"}),
    "checks": Case(_of_entity("checks"), {"label": "new"}),
    "alarms": Case(_of_entity("alarms"), {"label": "new"}),
    "notifications": Case(lambda caller: f"/notifications/{caller.notification()}", {"label": "new"}),
    "notification_plans": Case(lambda caller: f"/notification_plans/{caller.plan()}", {"label": "new"}),
    "suppressions": Case(
        lambda caller: "/suppressions/" + caller.create("/suppressions", entities=[caller.entity()], **FUTURE),
        {"label": "new"},
    ),
    "monitoring_zones": Case(
        lambda caller: "/monitoring_zones/" + caller.create("/monitoring_zones", label="ours"), {"label": "new"}
    ),
    "agent_tokens": Case(lambda caller: "/agent_tokens/" + caller.create("/agent_tokens"), {"label": "new"}),
    "account": Case(lambda _caller: "/account", {"metadata": {"a": "b"}}, can_be_deleted=False),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def alice(stored_house: House) -> Caller:
    return stored_house.cast().alice


def tag_of(caller: Caller, path: str) -> str:
    answer = caller.call("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.headers["ETag"]


def test_the_etag_changes_with_the_object_and_only_then(alice: Caller, case: Case) -> None:
    path = case.make(alice)
    tag = tag_of(alice, path)
    assert re.fullmatch('"[0-9]+"', tag)
    alice.update(path)
    assert tag_of(alice, path) == tag
    alice.update(path, **case.change)
    assert tag_of(alice, path) != tag


def test_an_update_is_for_what_was_seen(alice: Caller, case: Case) -> None:
    path = case.make(alice)
    for good in ("{}", "*", '"77", {}', '{} ,W/"x"'):
        headers = {"If-Match": good.format(tag_of(alice, path))}
        assert alice.call("PUT", path, case.change, headers=headers).status_code == 204
    before, tag = alice.get(path), tag_of(alice, path)
    for stale in ('"77"', f"W/{tag}", '"another"'):
        fault = alice.refused("PUT", path, {"label": "lost", "metadata": {}}, headers={"If-Match": stale})
        assert (fault["code"], fault["type"]) == (412, "badRequest")
        assert tag in fault["details"]
    assert alice.get(path) == before


def test_a_removal_is_of_what_was_seen(alice: Caller, case: Case) -> None:
    if not case.can_be_deleted:
        assert alice.call("DELETE", case.make(alice)).status_code == 405
        return
    path = case.make(alice)
    stale = tag_of(alice, path)
    alice.update(path, **case.change)
    assert alice.refused("DELETE", path, headers={"If-Match": stale})["code"] == 412
    assert alice.call("DELETE", path, headers={"If-Match": tag_of(alice, path)}).status_code == 204
    assert alice.refused("DELETE", path, headers={"If-Match": "*"})["code"] == 404


def test_what_is_no_list_of_etags_is_refused(alice: Caller, case: Case) -> None:
    path = case.make(alice)
    for method, body in (("PUT", case.change), *((("DELETE", None),) if case.can_be_deleted else ())):
        for wrong in ("1", '"1', "", '"1" "2"'):
            assert alice.refused(method, path, body, headers={"If-Match": wrong})["code"] == 400


def test_of_two_that_change_what_they_saw_one_is_told(alice: Caller, case: Case) -> None:
    path = case.make(alice)
    tag = tag_of(alice, path)
    codes = [alice.call("PUT", path, case.change, headers={"If-Match": tag}).status_code for _ in range(2)]
    assert codes == [204, 412]


def test_a_refused_precondition_is_audited(alice: Caller) -> None:
    entity = alice.entity()
    alice.call("PUT", f"/entities/{entity}", {"label": "x"}, headers={"If-Match": '"77"'})
    assert [audit["statusCode"] for audit in alice.audits()] == [201, 412]


def test_what_is_built_in_has_an_etag_too(cast: Cast) -> None:
    for path in ("/notification_plans/npManaged", "/monitoring_zones/mzdfw"):
        assert tag_of(cast.bob, path) == '"0"'


def test_changes_around_an_object_leave_its_etag(alice: Caller) -> None:
    """A suppression that begins shows in an entity, and changes nothing in it."""
    entity = alice.entity()
    tag = tag_of(alice, f"/entities/{entity}")
    alice.create("/suppressions", entities=[entity], end_time=FAR)
    assert alice.get(f"/entities/{entity}")["active_suppressions"]
    assert tag_of(alice, f"/entities/{entity}") == tag
