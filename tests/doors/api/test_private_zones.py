"""Private monitoring zones (reference: create, update and delete a private monitoring zone)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.api.house import Caller, Cast, http_check


def zone(caller: Caller, **more: Any) -> str:
    return caller.create("/monitoring_zones", **{"label": "attic"} | more)


def check(caller: Caller, entity: str, *zones: str) -> str:
    return caller.check(entity, monitoring_zones_poll=list(zones))


def test_the_documented_request_creates_a_zone(cast: Cast) -> None:
    answer = cast.alice.call("POST", "/monitoring_zones/", {"label": "Zone A Information"})

    key = answer.headers["X-Object-ID"]
    assert answer.status_code == 201
    assert key.startswith("pz")
    assert answer.headers["Location"].endswith(f"/v1.0/{cast.alice.tenant}/private_monitoring_zones/{key}")
    shown = cast.bob.get(f"/monitoring_zones/{key}")
    assert shown == {
        "id": key, "label": "Zone A Information", "maximum_checks": None, "maximum_agents": None, "disabled": False,
        "metadata": None, "created_at": shown["created_at"], "updated_at": shown["created_at"],
    }  # fmt: skip


def test_a_zone_is_changed_in_part(cast: Cast) -> None:
    key = zone(cast.alice, maximum_checks="7", metadata={"a": "b"})

    answer = cast.carol.update(f"/monitoring_zones/{key}", label="cellar", disabled=True)

    assert answer.headers["Location"].endswith(f"/private_monitoring_zones/{key}")
    shown = cast.alice.get(f"/monitoring_zones/{key}")
    assert (shown["label"], shown["disabled"], shown["maximum_checks"]) == ("cellar", True, 7)


def test_the_list_mixes_built_in_and_private_zones_by_id(cast: Cast) -> None:
    built_in = [one["id"] for one in cast.charlie.get("/monitoring_zones")["values"]]
    own = sorted(zone(cast.alice) for _ in range(2))

    assert [one["id"] for one in cast.alice.get("/monitoring_zones")["values"]] == [*built_in, *own]
    page = cast.alice.get("/monitoring_zones", limit=2, marker=built_in[-1])
    assert [one["id"] for one in page["values"]] == [built_in[-1], own[0]]
    assert page["metadata"]["next_marker"] == own[1]
    assert [one["id"] for one in cast.charlie.get("/monitoring_zones")["values"]] == built_in


def test_zones_of_both_kinds_are_found_by_label(cast: Cast) -> None:
    own = zone(cast.alice, label="attic", metadata={"floor": "5"})
    built_in = cast.alice.get("/monitoring_zones/mzdfw")

    assert [one["id"] for one in cast.alice.get("/monitoring_zones", label="attic")["values"]] == [own]
    assert cast.alice.get("/monitoring_zones", label=built_in["label"])["values"] == [built_in]
    assert [one["id"] for one in cast.alice.get("/monitoring_zones", **{"metadata.floor": "5"})["values"]] == [own]
    assert [one["id"] for one in cast.alice.get("/monitoring_zones", id=["mzord", own])["values"]] == ["mzord", own]


@pytest.mark.parametrize(("method", "body"), [("PUT", {"label": "x"}), ("DELETE", None)])
def test_built_in_zones_cannot_be_changed(cast: Cast, method: str, body: dict[str, Any] | None) -> None:
    assert cast.alice.refused(method, "/monitoring_zones/mzdfw", body)["type"] == "forbiddenError"


def test_another_tenants_zone_is_none(cast: Cast) -> None:
    key = zone(cast.alice)

    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        fault = cast.charlie.refused(method, f"/monitoring_zones/{key}", body)
        assert (fault["type"], fault["details"]) == (
            "notFoundError", f'Object "MonitoringZone" with key "{key}" does not exist'
        )  # fmt: skip
    entity = cast.charlie.entity()
    fault = cast.charlie.refused("POST", f"/entities/{entity}/checks", http_check(monitoring_zones_poll=[key]))
    assert fault["type"] == "requiredNotFoundError"


@pytest.mark.parametrize("key", ["label", "maximum_checks", "disabled", "metadata"])
def test_wrong_values_are_named(cast: Cast, key: str) -> None:
    wrong = {"label": "", "maximum_checks": -1, "disabled": "perhaps", "metadata": {"a": 1}}[key]

    fault = cast.alice.refused("POST", "/monitoring_zones", {"label": "x"} | {key: wrong})

    assert fault["message"].startswith(f"Validation error for key '{key}")


def test_no_more_checks_are_polled_from_a_zone_than_it_may_have(cast: Cast) -> None:
    key, entity = zone(cast.alice, maximum_checks=2), cast.alice.entity()
    first, _ = check(cast.alice, entity, key), check(cast.alice, entity, key, "mzdfw")
    elsewhere = check(cast.alice, entity, "mzdfw")

    fault = cast.alice.refused("POST", f"/entities/{entity}/checks", http_check(monitoring_zones_poll=[key]))
    assert (fault["type"], fault["code"]) == ("limitReached", 400)
    assert fault["details"] == f"As many checks are polled from {key} as it may have"
    into = {"monitoring_zones_poll": ["mzdfw", key]}
    assert cast.alice.refused("PUT", f"/entities/{entity}/checks/{elsewhere}", into)["type"] == "limitReached"
    cast.alice.update(f"/entities/{entity}/checks/{first}", label="it stays where it is")

    cast.alice.update(f"/monitoring_zones/{key}", maximum_checks=1)
    cast.alice.update(f"/entities/{entity}/checks/{first}", period=90)
    cast.alice.update(f"/monitoring_zones/{key}", maximum_checks=None)
    cast.alice.update(f"/entities/{entity}/checks/{elsewhere}", **into)


def test_a_zone_that_is_deleted_is_taken_off_its_checks(cast: Cast) -> None:
    key, entity = zone(cast.alice), cast.alice.entity()
    shared = check(cast.alice, entity, "mzdfw", key, "mzord")
    before = cast.alice.get(f"/entities/{entity}/checks/{shared}")

    cast.alice.delete(f"/monitoring_zones/{key}")

    after = cast.alice.get(f"/entities/{entity}/checks/{shared}")
    assert after["monitoring_zones_poll"] == ["mzdfw", "mzord"]
    assert after["updated_at"] >= before["updated_at"]
    assert {**before, **{name: after[name] for name in ("monitoring_zones_poll", "updated_at")}} == after
    assert cast.alice.refused("GET", f"/monitoring_zones/{key}")["code"] == 404


def test_checks_polled_from_nowhere_else_go_with_their_alarms(cast: Cast) -> None:
    key, entity = zone(cast.alice), cast.alice.entity()
    lost, kept = check(cast.alice, entity, key), check(cast.alice, entity, "mzdfw")
    alarm = cast.alice.alarm(entity, lost, cast.alice.plan())
    suppression = cast.alice.create("/suppressions", checks=[f"{entity}:{lost}", f"{entity}:{kept}"], end_time=0)

    cast.alice.delete(f"/monitoring_zones/{key}")

    assert [one["id"] for one in cast.alice.get(f"/entities/{entity}/checks")["values"]] == [kept]
    assert cast.alice.get(f"/entities/{entity}/alarms")["values"] == []
    assert cast.alice.get(f"/suppressions/{suppression}")["checks"] == [f"{entity}:{kept}"]
    audit = cast.alice.audits()[-1]
    assert {one["id"] for one in audit["previous_state"]} == {key, lost, alarm, suppression}


@pytest.mark.parametrize("switch", ["true", "True", "1"])
def test_keep_disables_them_instead(cast: Cast, switch: str) -> None:
    key, entity = zone(cast.alice), cast.alice.entity()
    lost, shared = check(cast.alice, entity, key), check(cast.alice, entity, key, "mzdfw")
    alarm = cast.alice.alarm(entity, lost, cast.alice.plan())

    assert cast.alice.call("DELETE", f"/monitoring_zones/{key}", params={"keep": switch}).status_code == 204

    shown = {one["id"]: one for one in cast.alice.get(f"/entities/{entity}/checks")["values"]}
    assert (shown[lost]["disabled"], shown[lost]["monitoring_zones_poll"]) == (True, [])
    assert (shown[shared]["disabled"], shown[shared]["monitoring_zones_poll"]) == (False, ["mzdfw"])
    assert cast.alice.get(f"/entities/{entity}/alarms/{alarm}")["check_id"] == lost


def test_only_an_administrator_deletes_a_zone(cast: Cast) -> None:
    key = zone(cast.carol)

    assert cast.carol.refused("DELETE", f"/monitoring_zones/{key}")["type"] == "missingCapabilitiesError"
    assert cast.bob.refused("POST", "/monitoring_zones", {"label": "x"})["type"] == "missingCapabilitiesError"
