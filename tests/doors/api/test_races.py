"""Two at once: what somebody else commits between our look and our commit is seen, and nothing is half done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.doors.api.house import Cast, House, http_check
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.ports.unit import Write


class Race:
    """What somebody else does just before the next recorded write commits; `times` how often."""

    act: Callable[[], object] | None = None
    times = 0

    def set(self, act: Callable[[], object], times: int = 1) -> None:
        self.act, self.times = act, times

    async def run(self, writes: tuple[Write, ...]) -> None:
        if self.act is None or self.times == 0 or "INSERT INTO audit (" not in repr(writes):
            return
        act, self.act = self.act, None  # what it does itself is no race
        self.times -= 1
        await asyncio.to_thread(act)
        self.act = act


_race = Race()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    commit = SqliteDatabase.commit

    async def committing(self: SqliteDatabase, *writes: Write) -> None:
        await _race.run(writes)
        await commit(self, *writes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "commit", committing)
        with House(tmp_path_factory.mktemp("house") / "var") as running:
            yield running


@pytest.fixture
def race() -> Iterator[Race]:
    yield _race
    _race.act = None


def test_an_alarm_whose_plan_goes_meanwhile_is_refused(cast: Cast, race: Race) -> None:
    entity, plan = cast.alice.entity(), cast.alice.plan()
    body = {"check_id": cast.alice.check(entity), "notification_plan_id": plan}
    race.set(lambda: cast.alice.delete(f"/notification_plans/{plan}"))

    fault = cast.alice.refused("POST", f"/entities/{entity}/alarms", body)

    assert fault["type"] == "requiredNotFoundError"
    assert fault["details"] == f'Object "NotificationPlan" with key "{plan}" does not exist'
    assert cast.alice.get(f"/entities/{entity}/alarms")["values"] == []


def test_a_check_whose_entity_goes_meanwhile_has_no_parent(cast: Cast, race: Race) -> None:
    entity = cast.alice.entity()
    race.set(lambda: cast.alice.delete(f"/entities/{entity}"))

    assert cast.alice.refused("POST", f"/entities/{entity}/checks", http_check())["type"] == "parentNotFoundError"


def test_an_alarm_whose_check_goes_meanwhile_is_refused(cast: Cast, race: Race) -> None:
    entity = cast.alice.entity()
    check = cast.alice.check(entity)
    race.set(lambda: cast.alice.delete(f"/entities/{entity}/checks/{check}"))

    body = {"check_id": check, "notification_plan_id": "npManaged"}
    fault = cast.alice.refused("POST", f"/entities/{entity}/alarms", body)

    assert fault["details"] == f'Object "Check" with key "{check}" does not exist'


def test_a_plan_that_an_alarm_takes_meanwhile_stays(cast: Cast, race: Race) -> None:
    entity, plan = cast.alice.entity(), cast.alice.plan()
    check = cast.alice.check(entity)
    race.set(lambda: cast.alice.alarm(entity, check, plan))

    fault = cast.alice.refused("DELETE", f"/notification_plans/{plan}")

    assert (fault["type"], fault["code"]) == ("forbiddenError", 403)
    assert cast.alice.get(f"/notification_plans/{plan}")["id"] == plan


def test_of_two_updates_at_once_neither_is_lost(cast: Cast, race: Race) -> None:
    path = f"/entities/{cast.alice.entity()}"
    race.set(lambda: cast.carol.update(path, label="carol's"))

    cast.alice.update(path, uri="https://example.org/alice")

    shown = cast.alice.get(path)
    assert (shown["label"], shown["uri"]) == ("carol's", "https://example.org/alice")
    previous = [audit["previous_state"][0]["label"] for audit in cast.alice.audits() if audit["method"] == "PUT"]
    assert sorted(previous) == ["carol's", "web1"]


def test_an_object_that_never_stands_still_is_a_503(cast: Cast, race: Race) -> None:
    path = f"/entities/{cast.alice.entity()}"
    labels = iter(range(100))
    race.set(lambda: cast.carol.update(path, label=f"carol's {next(labels)}"), times=100)

    answer = cast.alice.call("PUT", path, {"uri": "x"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["type"] == "systemFailureError"


def test_what_is_removed_meanwhile_is_not_found(cast: Cast, race: Race) -> None:
    for method, body in (("PUT", {"label": "x"}), ("DELETE", None)):
        path = f"/entities/{cast.alice.entity()}"
        race.set(partial(cast.alice.delete, path))

        assert cast.alice.refused(method, path, body)["type"] == "notFoundError"


def test_what_is_changed_meanwhile_is_removed_as_it_then_was(cast: Cast, race: Race) -> None:
    path = f"/entities/{cast.alice.entity()}"
    race.set(lambda: cast.carol.update(path, label="carol's"))

    cast.alice.delete(path)

    (removal,) = [audit for audit in cast.alice.audits() if audit["method"] == "DELETE"]
    assert removal["previous_state"][0]["label"] == "carol's"


def test_an_agent_is_bound_to_the_entity_that_was_first(cast: Cast, race: Race) -> None:
    race.set(lambda: cast.carol.entity(agent_id="web1"))

    fault = cast.alice.refused("POST", "/entities", {"label": "x", "agent_id": "web1"})

    assert fault["type"] == "indexCardinalityConstraintViolation"


def test_the_last_free_place_is_taken_once(house: House, cast: Cast, race: Race) -> None:
    house.limit(cast.alice.tenant, checks=1)
    entity = cast.alice.entity()
    race.set(lambda: cast.carol.check(entity))

    assert cast.alice.refused("POST", f"/entities/{entity}/checks", http_check())["type"] == "limitReached"
    assert cast.alice.get(f"/entities/{entity}/checks")["metadata"]["count"] == 1
