"""Paged lists and time series (reference: paginated collections, time series collections)."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.doors.api.house import Caller, Cast


def _walk(caller: Caller, href: str) -> list[list[str]]:
    """The ids of every page, following `next_href`."""
    pages = []
    next_href: str | None = href
    while next_href is not None:
        answer = httpx.get(next_href, headers={"X-Auth-Token": caller.token}, trust_env=False).json()
        pages.append([item["id"] for item in answer["values"]])
        next_href = answer["metadata"]["next_href"]
    return pages


def _address(caller: Caller, path: str) -> str:
    return f"{caller.api}/v1.0/{caller.tenant}{path}"


def test_an_empty_list_has_all_members_of_its_metadata(cast: Cast) -> None:
    assert cast.bob.get("/entities") == {
        "values": [],
        "metadata": {"count": 0, "limit": 100, "marker": None, "next_marker": None, "next_href": None},
    }


@pytest.mark.parametrize("path", ["/entities", "/agent_tokens", "/notifications"])
def test_a_walk_over_all_pages_sees_every_object_once_in_order(cast: Cast, path: str) -> None:
    bodies: dict[str, Any] = {"/notifications": {"type": "webhook", "details": {"url": "http://example.org/"}}}
    for number in range(7):
        cast.alice.create(path, label=f"x{number}", **bodies.get(path, {}))
    everything = [item["id"] for item in cast.alice.get(path)["values"]]

    pages = _walk(cast.alice, _address(cast.alice, f"{path}/?limit=3"))

    assert everything == sorted(everything, key=str.encode)
    assert [one for page in pages for one in page] == everything
    assert {len(page) for page in pages[:-1]} == {3}


def test_the_marker_is_the_first_item_of_the_page(cast: Cast) -> None:
    first, second, third = sorted(cast.alice.entity() for _ in range(3))

    page = cast.alice.get("/entities", marker=second, limit=1)

    assert [item["id"] for item in page["values"]] == [second]
    assert page["metadata"]["marker"] == second
    assert page["metadata"]["next_marker"] == third
    cast.alice.delete(f"/entities/{second}")
    assert [item["id"] for item in cast.alice.get("/entities", marker=second)["values"]] == [third]
    assert [item["id"] for item in cast.alice.get("/entities", marker="")["values"]] == [first, third]


def test_the_next_page_keeps_every_other_parameter_and_the_base(cast: Cast) -> None:
    entities = sorted(cast.alice.entity(label="a & b") for _ in range(3))
    query: list[tuple[str, str | int | float | bool | None]] = [
        ("label", "a & b"),
        *(("id", entity) for entity in entities),
        ("limit", "1"),
        ("x", "y z"),
    ]

    answer = cast.alice.call("GET", "/entities", params=httpx.QueryParams(query))

    href = answer.json()["metadata"]["next_href"]
    assert href.startswith(_address(cast.alice, "/entities?"))
    assert parse_qs(urlsplit(href).query) == {
        "label": ["a & b"], "id": entities, "limit": ["1"], "x": ["y z"], "marker": [entities[1]]
    }  # fmt: skip
    assert _walk(cast.alice, href) == [[entities[1]], [entities[2]]]


def test_the_next_page_of_a_tenantless_address_is_below_the_tenant(cast: Cast) -> None:
    for _ in range(2):
        cast.alice.entity()

    answer = httpx.get(
        f"{cast.alice.api}/v1.0/entities?limit=1", headers={"X-Auth-Token": cast.alice.token}, trust_env=False
    )

    assert answer.json()["metadata"]["next_href"].startswith(_address(cast.alice, "/entities?"))


def test_lists_are_filtered_by_id_and_label(cast: Cast) -> None:
    web, db = cast.alice.entity(label="web"), cast.alice.entity(label="db")

    def ids(query: str) -> list[str]:
        return [item["id"] for item in cast.alice.call("GET", f"/entities?{query}").json()["values"]]

    assert ids("label=db") == [db]
    assert ids(f"id={web}") == [web]
    assert ids(f"id={web}&id={db}&id=none") == sorted([web, db])
    assert ids(f"id={web}&label=db") == []


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "", "ten", "1.5", "1e2", "²", "99999999999999999999"])
@pytest.mark.parametrize("path", ["/entities", "/agent_tokens", "/audits", "/monitoring_zones", "/changelogs/alarms"])
def test_a_limit_outside_1_to_1000_is_an_invalid_limit(cast: Cast, path: str, limit: str) -> None:
    fault = cast.bob.refused("GET", path, params={"limit": limit})

    assert (fault["type"], fault["code"]) == ("invalidLimit", 400)


@pytest.mark.parametrize("limit", [1, 1000])
def test_a_limit_from_1_to_1000_is_taken(cast: Cast, limit: int) -> None:
    assert cast.bob.get("/entities", limit=limit)["metadata"]["limit"] == limit


def test_zones_are_paged_like_everything(cast: Cast) -> None:
    assert _walk(cast.bob, _address(cast.bob, "/monitoring_zones?limit=2")) == [["mzdfw", "mzlon"], ["mzord"]]


def test_a_time_series_is_oldest_first_and_walked_either_way(cast: Cast) -> None:
    for _ in range(5):
        cast.alice.entity()
    audits = [audit["id"] for audit in cast.alice.audits()]

    forward = _walk(cast.alice, _address(cast.alice, "/audits?limit=2"))
    back = _walk(cast.alice, _address(cast.alice, "/audits?limit=2&reverse=True"))

    assert len(audits) == 5
    assert forward == [audits[:2], audits[2:4], audits[4:]]
    assert back == [audits[:-3:-1], audits[-3:-5:-1], audits[:1]]
    assert {uuid.UUID(audit).version for audit in audits} == {1}


def test_a_time_series_is_cut_by_from_and_to(cast: Cast) -> None:
    cast.alice.entity()
    (audit,) = cast.alice.audits()
    at = audit["timestamp"]

    def found(**query: int) -> int:
        return int(cast.alice.get("/audits", **query)["metadata"]["count"])

    assert found(**{"from": at, "to": at + 1}) == 1
    assert found(**{"from": at + 1}) == 0
    assert found(to=at) == 0
    assert found(**{"from": 0, "to": 1}) == 0
    assert found(**{"from": 0}) == 1


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("value", ["", "now", "1.5", "9" * 16])
def test_a_moment_that_is_none_is_refused(cast: Cast, name: str, value: str) -> None:
    fault = cast.bob.refused("GET", "/audits", params={name: value})

    assert fault["message"] == f"Validation error for key '{name}'"


@pytest.mark.parametrize(
    "marker", ["x", "en0123456789", "0" * 36, "g" * 8 + "-" + "-".join(["g" * 4] * 3) + "-" + "g" * 12]
)
def test_a_marker_of_a_time_series_must_be_an_id_of_it(cast: Cast, marker: str) -> None:
    assert (
        cast.bob.refused("GET", "/audits", params={"marker": marker})["message"] == "Validation error for key 'marker'"
    )


def _plot(cast: Cast, **query: Any) -> str:
    entity = cast.alice.entity()
    check = cast.alice.check(entity)
    answer = cast.alice.call("GET", f"/entities/{entity}/checks/{check}/metrics/mzdfw.duration/plot", params=query)
    return "" if answer.status_code == 200 else f"{answer.json()['code']} {answer.json()['message']}"


def test_a_plot_needs_a_time_range_and_either_points_or_a_resolution(cast: Cast) -> None:
    span: dict[str, Any] = {"from": 0, "to": 1}
    assert (
        _plot(cast, **span, resolution="FULL")
        == _plot(cast, **span, resolution="full")
        == _plot(cast, **span, points=9)
        == ""
    )

    refused: dict[str, dict[str, Any]] = {
        "'from'": {"to": 1, "points": 1}, "'to'": {"from": 0, "points": 1}, "'resolution'": span,
        "'points'": span | {"points": "many"}, "'select'": span | {"points": 1, "select": "median"},
    }  # fmt: skip
    for key, query in refused.items():
        assert _plot(cast, **query) == f"400 Validation error for key {key}"
    assert _plot(cast, **span, points=1, resolution="FULL").startswith("400 Validation error")
    assert _plot(cast, **span, resolution="MIN7").startswith("400 Validation error")
