"""Views (reference: views; clients' own addresses)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.doors.api.house import Caller, Cast, House
from vedette.app.storage import open_stores
from vedette.domain.ids import CheckId, EntityId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine.states import AlarmState

BY_ENTITY = ["/views/overview", "/views/latest_alarm_states", "/views/metric_list"]


def put_states(house: House, *states: AlarmState) -> None:
    async def put() -> None:
        async with open_stores(house.config) as stores:
            await stores.commit(*[stores.alarm_states.put(state, 0) for state in states])

    house.run(put())


def observe(house: House, *observations: Observation) -> None:
    async def append() -> None:
        async with open_stores(house.config) as stores:
            await stores.commit(stores.observations.append(observations))

    house.run(append())


def observation(caller: Caller, entity: str, check: str, **more: Any) -> Observation:
    plain: dict[str, Any] = {
        "tenant_id": caller.tenant,
        "entity_id": EntityId(entity),
        "check_id": CheckId(check),
        "check_type": "remote.http",
        "zone_id": ZoneId("mzdfw"),
        "agent_id": None,
        "sender": "test",
        "check_revision": 1,
        "at_ms": 1_700_000_000_000,
        "arrival_ms": 1_700_000_000_000,
        "available": True,
        "status": "code=200",
        "metrics": {"code": Metric("s", "200"), "duration": Metric("I", 5, "milliseconds")},
    }
    return Observation(**plain | more)


def keys(view: Any) -> list[str]:
    return [one["entity"]["id"] if "entity" in one else one["entity_id"] for one in view["values"]]


def test_the_overview_holds_what_the_single_objects_hold(house: House, cast: Cast) -> None:
    alice = cast.alice
    first, second = sorted(alice.entity(label=f"web{number}") for number in range(2))
    check, plan = alice.check(first, label="http"), alice.plan()
    decided, undecided = sorted(alice.alarm(first, check, plan) for _ in range(2))
    put_states(
        house,
        AlarmState(
            alarm_id=decided, tenant_id=alice.tenant, state=State.WARNING, previous=State.OK, status="slow",
            changed_ms=1234, analyzed_by="mzdfw",
        ),
        AlarmState(alarm_id=undecided, tenant_id=alice.tenant),
    )  # fmt: skip

    overview = cast.bob.get("/views/overview")

    assert overview["values"] == [
        {
            "entity": alice.get(f"/entities/{first}"),
            "checks": alice.get(f"/entities/{first}/checks")["values"],
            "alarms": alice.get(f"/entities/{first}/alarms")["values"],
            "latest_alarm_states": [
                {"timestamp": 1234, "entity_id": first, "alarm_id": decided, "check_id": check, "status": "slow",
                 "state": "WARNING", "previous_state": "OK", "analyzed_by_monitoring_zone_id": "mzdfw"}
            ],
        },
        {"entity": alice.get(f"/entities/{second}"), "checks": [], "alarms": [], "latest_alarm_states": []},
    ]  # fmt: skip
    assert overview["metadata"] == {"count": 2, "limit": 100, "marker": None, "next_marker": None, "next_href": None}


def test_the_overview_shows_secrets_only_to_those_who_may_see_them(cast: Cast) -> None:
    entity = cast.alice.entity()
    cast.alice.check(entity, details={"url": "http://example.org/", "auth_user": "u", "auth_password": "hunter2"})

    def password(caller: Caller) -> Any:
        return caller.get("/views/overview")["values"][0]["checks"][0]["details"].get("auth_password")

    assert (password(cast.carol), password(cast.bob)) == ("hunter2", None)


def test_what_is_suppressed_says_so_in_the_overview(cast: Cast) -> None:
    entity = cast.alice.entity()
    suppression = cast.alice.create("/suppressions", entities=[entity], start_time=0, end_time=4_000_000_000_000)

    [shown] = cast.alice.get("/views/overview")["values"]

    assert shown["entity"]["active_suppressions"] == [suppression]


@pytest.mark.parametrize("path", BY_ENTITY)
def test_a_view_is_paged_like_a_list(cast: Cast, path: str) -> None:
    entities = sorted(cast.alice.entity() for _ in range(5))

    first = cast.alice.get(path, limit=2)
    second = cast.alice.get(path, limit=2, marker=first["metadata"]["next_marker"])
    last = httpx.get(
        second["metadata"]["next_href"], headers={"X-Auth-Token": cast.alice.token}, trust_env=False
    ).json()

    assert [keys(first), keys(second), keys(last)] == [entities[:2], entities[2:4], entities[4:]]
    assert last["metadata"]["next_marker"] is None


@pytest.mark.parametrize("path", BY_ENTITY)
def test_a_view_is_narrowed_by_repeated_ids(cast: Cast, path: str) -> None:
    first, second, _ = sorted(cast.alice.entity() for _ in range(3))

    assert keys(cast.alice.get(path, entityId=[second, first])) == [first, second]
    page = cast.alice.get(path, entityId=[second, first], limit=1)
    assert (keys(page), page["metadata"]["next_marker"]) == ([first], second)
    assert keys(cast.alice.get(path, entityId=[second, first], limit=1, marker=second)) == [second]


@pytest.mark.parametrize("path", BY_ENTITY)
def test_one_unknown_id_is_not_found(cast: Cast, path: str) -> None:
    entity, theirs = cast.alice.entity(), cast.charlie.entity()

    for unknown in ("enNone", theirs):
        fault = cast.alice.refused("GET", path, params={"entityId": [entity, unknown]})
        assert (fault["type"], fault["details"]) == (
            "notFoundError", f'Object "Entity" with key "{unknown}" does not exist'
        )  # fmt: skip


@pytest.mark.parametrize("path", BY_ENTITY)
@pytest.mark.parametrize(("name", "attribute"), [("uri", "uri"), ("agentId", "agent_id")])
def test_unknown_uris_and_agents_are_ignored_unless_none_is_known(
    cast: Cast, path: str, name: str, attribute: str
) -> None:
    known = [cast.alice.entity(**{attribute: f"one-{number}"}) for number in range(2)]
    cast.alice.entity()
    cast.charlie.entity(**{attribute: "theirs"})

    assert keys(cast.alice.get(path, **{name: ["one-1", "none", "theirs"]})) == [known[1]]
    assert keys(cast.alice.get(path, **{name: ["one-0", "one-1"]})) == sorted(known)
    fault = cast.alice.refused("GET", path, params={name: ["none", "theirs"]})
    assert (fault["type"], fault["details"]) == ("notFoundError", 'Object "Entity" with key "none" does not exist')


def test_entities_may_share_a_uri_and_lose_it(cast: Cast) -> None:
    uri = "https://example.org/" + "ä" * 900
    entities = sorted(cast.alice.entity(uri=uri) for _ in range(3))

    assert keys(cast.alice.get("/views/overview", uri=uri)) == entities
    page = cast.alice.get("/views/overview", uri=uri, limit=2)
    assert keys(cast.alice.get("/views/overview", uri=uri, marker=page["metadata"]["next_marker"])) == entities[2:]
    assert keys(cast.alice.get("/views/overview", uri=uri, marker="enzzzzzzzzzzz")) == []
    cast.alice.update(f"/entities/{entities[0]}", uri=None)
    assert keys(cast.alice.get("/views/overview", uri=uri)) == entities[1:]


@pytest.mark.parametrize("others", [{"uri": "x"}, {"agentId": "x"}])
def test_entities_are_named_in_one_way_at_a_time(cast: Cast, others: dict[str, str]) -> None:
    entity = cast.alice.entity()

    fault = cast.alice.refused("GET", "/views/overview", params={"entityId": entity} | others)

    assert fault["message"] == f"Validation error for key '{next(iter(others))}'"


def test_at_most_a_hundred_entities_are_named(cast: Cast) -> None:
    fault = cast.alice.refused("GET", "/views/overview", params={"entityId": [f"en{number}" for number in range(101)]})

    assert fault["message"] == "Validation error for key 'entityId'"


def test_latest_alarm_states_come_with_labels(house: House, cast: Cast) -> None:
    alice = cast.alice
    entity = alice.entity(label="web", uri="https://example.org/1")
    check = alice.check(entity)
    alarm = alice.alarm(entity, check, alice.plan(), label="slow")
    put_states(
        house,
        AlarmState(alarm_id=alarm, tenant_id=alice.tenant, state=State.OK, status="fine", changed_ms=5),
    )

    [shown] = alice.get("/views/latest_alarm_states")["values"]

    assert shown == {
        "entity_id": entity,
        "entity_uri": "https://example.org/1",
        "entity_label": "web",
        "latest_alarm_states": [
            {"timestamp": 5, "entity_id": entity, "alarm_id": alarm, "check_id": check, "status": "fine", "state": "OK",
             "previous_state": "UNKNOWN", "analyzed_by_monitoring_zone_id": None, "alarm_label": "slow"}
        ],
    }  # fmt: skip


def test_latest_alarm_states_answer_without_a_tenant_in_the_path(cast: Cast) -> None:
    entity = cast.alice.entity()

    answer = httpx.get(
        f"{cast.alice.api}/v1.0/views/latest_alarm_states",
        params={"entityId": entity},
        headers={"X-Auth-Token": cast.alice.token, "X-Tenant-Id": cast.alice.tenant},
        trust_env=False,
    )

    assert keys(answer.json()) == [entity]


def test_the_metric_list_holds_what_was_last_observed(house: House, cast: Cast) -> None:
    alice = cast.alice
    entity = alice.entity(label="web")
    seen, failed, unseen = sorted(alice.check(entity, label="http") for _ in range(3))
    observe(
        house,
        observation(alice, entity, seen),
        observation(alice, entity, failed, available=False, metrics={}),
    )

    [shown] = alice.get("/views/metric_list")["values"]

    metrics = {check["id"]: check["metrics"] for check in shown["checks"]}
    assert (shown["entity_id"], shown["entity_label"]) == (entity, "web")
    assert [(check["label"], check["type"]) for check in shown["checks"]] == [("http", "remote.http")] * 3
    assert metrics[seen] == alice.get(f"/entities/{entity}/checks/{seen}/metrics")["values"]
    assert metrics[unseen] == []
    assert {"name": "mzdfw.duration", "unit": "milliseconds", "type": "I"} in metrics[failed]
    assert len({metric["name"] for metric in metrics[failed]}) == len(metrics[failed]) > 5


def test_alarms_are_listed_and_counted_by_plan(cast: Cast) -> None:
    alice = cast.alice
    entity = alice.entity()
    check, busy, idle = alice.check(entity), alice.plan(), alice.plan()
    alarms = sorted(alice.alarm(entity, check, busy) for _ in range(3))
    other = alice.alarm(entity, check, "npTechnicalContactsEmail")

    assert alice.get(f"/views/alarmsByNp/{busy}")["values"] == alice.get(
        f"/entities/{entity}/alarms", id=alarms
    )["values"]  # fmt: skip
    assert [one["id"] for one in alice.get("/views/alarmsByNp/npTechnicalContactsEmail")["values"]] == [other]
    assert alice.get(f"/views/alarmsByNp/{busy}", limit=1)["metadata"]["next_marker"] == alarms[1]
    assert alice.refused("GET", "/views/alarmsByNp/npNone")["type"] == "notFoundError"
    assert cast.charlie.refused("GET", f"/views/alarmsByNp/{busy}")["type"] == "notFoundError"
    counts = {one["notification_plan_id"]: one["alarm_count"] for one in alice.get("/views/alarmCountsPerNp")["values"]}
    assert counts == {busy: 3, idle: 0, "npTechnicalContactsEmail": 1, "npManaged": 0}


def test_the_managed_plan_comes_first(cast: Cast) -> None:
    own = sorted(cast.alice.plan() for _ in range(3))
    path = "/private/reach/notification_plans"
    rest = sorted([*own, "npTechnicalContactsEmail"])

    everything = [one["id"] for one in cast.alice.get(path)["values"]]
    pages: list[list[str]] = []
    marker: dict[str, str] = {}
    while True:
        page = cast.alice.get(path, limit=2, **marker)
        pages.append([one["id"] for one in page["values"]])
        if page["metadata"]["next_marker"] is None:
            break
        marker = {"marker": page["metadata"]["next_marker"]}

    assert everything == ["npManaged", *rest]
    assert [key for page in pages for key in page] == everything
    assert [len(page) for page in pages] == [2, 2, 1]


def test_plans_that_tell_an_atom_hopper_come_before_and_the_managed_one_not_at_all(cast: Cast) -> None:
    hopper = cast.alice.create("/notifications", label="ah", type="atomHopper", details={"category": "monitoring"})
    plain, hopping = cast.alice.plan(), sorted(cast.alice.plan(ok_state=[hopper]) for _ in range(2))
    path = "/private/reach/notification_plans"

    assert [one["id"] for one in cast.alice.get(path)["values"]] == [
        *hopping, *sorted([plain, "npTechnicalContactsEmail"])
    ]  # fmt: skip
    page = cast.alice.get(path, limit=1, marker=hopping[1])
    assert [one["id"] for one in page["values"]] == [hopping[1]]
    assert page["metadata"]["next_marker"] == min(plain, "npTechnicalContactsEmail")


def test_several_metrics_are_plotted_at_once(house: House, cast: Cast) -> None:
    alice = cast.alice
    entity = alice.entity()
    check = alice.check(entity)
    observe(house, observation(alice, entity, check))
    wanted = [
        {"entity_id": entity, "check_id": check, "metric": name} for name in ("mzdfw.duration", "mzdfw.code", "x")
    ]
    query = {"from": 1_699_999_999_999, "to": 1_700_000_000_001, "resolution": "FULL"}

    answer = cast.bob.call("POST", "/__experiments/multiplot", {"metrics": wanted}, params=query)

    duration, code, unknown = answer.json()["metrics"]
    assert answer.status_code == 200
    assert duration == wanted[0] | {
        "unit": "milliseconds", "type": "number",
        "data": [{"numPoints": 1, "timestamp": 1_700_000_000_000, "average": 5}],
    }  # fmt: skip
    assert (code["type"], [point["average"] for point in code["data"]]) == ("string", ["200"])
    assert unknown == wanted[2] | {"unit": "unknown", "type": "unknown", "data": []}


def test_a_plot_of_an_unknown_check_names_it(cast: Cast) -> None:
    entity = cast.alice.entity()
    body = {"metrics": [{"entity_id": entity, "check_id": "chNone", "metric": "x"}]}

    fault = cast.alice.refused("POST", "/__experiments/multiplot", body, params={"from": 1, "to": 2, "points": 1})

    assert (fault["type"], fault["details"]) == (
        "requiredNotFoundError", f'Object "Check" with key "{entity},chNone" does not exist'
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "query", "key"),
    [
        ({}, {}, "from"),
        ({}, {"from": "1", "to": "2", "points": "1"}, "metrics"),
        ({"metrics": [1]}, {"from": "1", "to": "2", "points": "1"}, "metrics.0"),
        ({"metrics": [{"entity_id": "enA"}]}, {"from": "1", "to": "2", "points": "1"}, "metrics.0.check_id"),
    ],
)
def test_a_plot_that_is_not_valid_names_the_key(
    cast: Cast, body: dict[str, Any], query: dict[str, str], key: str
) -> None:
    fault = cast.alice.refused("POST", "/__experiments/multiplot", body, params=query)

    assert fault["message"] == f"Validation error for key '{key}'"


def test_the_json_home_has_every_address(house: House, cast: Cast) -> None:
    home = cast.bob.get("/__experiments/json_home")["resources"]

    paths = httpx.get(f"{house.api}/openapi.json", trust_env=False).json()["paths"]
    assert len(home) == len([path for path in paths if path.startswith("/v1.0/")])
    entity = home[f"{house.api}/v1.0/{{tenantId}}/entities/{{key}}"]
    assert entity["href-template"] == "/v1.0/{tenantId}/entities/{key}"
    assert set(entity["href-vars"]) == {"tenantId", "key"}
    assert entity["hints"] == {"allow": ["DELETE", "GET", "PUT"], "representations": ["application/json"]}


def test_usage_counts_what_there_is(cast: Cast) -> None:
    entity = cast.alice.entity()
    cast.alice.check(entity)
    cast.charlie.entity()

    used = cast.bob.get("/usage")["resource"]

    assert used["entities"] == {"used": 1, "limit": None}
    assert used["checks"] == {"used": 1, "limit": cast.alice.get("/limits")["resource"]["checks"]}
    assert used["alarms"]["used"] == 0


def test_lists_are_narrowed_by_metadata(cast: Cast) -> None:
    linux = [cast.alice.entity(metadata={"os": "linux", "tier": tier}) for tier in ("1", "2")]
    cast.alice.entity(metadata={"os": "windows"})
    cast.alice.entity()

    def ids(**query: str) -> list[str]:
        return [one["id"] for one in cast.alice.get("/entities", **query)["values"]]

    assert ids(**{"metadata.os": "linux"}) == sorted(linux)
    assert ids(**{"metadata.os": "linux", "metadata.tier": "2"}) == [linux[1]]
    assert ids(**{"metadata.os": "Linux"}) == []
    page = cast.alice.get("/entities", **{"metadata.os": "linux", "limit": "1"})
    assert page["metadata"]["next_marker"] == sorted(linux)[1]
    assert "metadata.os=linux" in page["metadata"]["next_href"]


def test_a_view_does_not_show_another_tenants(cast: Cast) -> None:
    cast.charlie.check(cast.charlie.entity())

    for path in (*BY_ENTITY, "/agents"):
        assert cast.alice.get(path)["values"] == []
