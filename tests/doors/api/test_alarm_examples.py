"""Reference: alarm examples."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.api.house import Cast

ONE = "/alarm_examples/remote.http_body_match_1"


def test_all_are_listed_without_pages(cast: Cast) -> None:
    listed = cast.bob.get("/alarm_examples")
    none = {"limit": None, "marker": None, "next_marker": None, "next_href": None}
    assert listed["metadata"] == {"count": 18} | none
    assert len(listed["values"]) == 18
    assert listed["values"] == sorted(listed["values"], key=lambda example: str(example["id"]))


def test_one_is_shown_as_documented(cast: Cast) -> None:
    shown = cast.bob.get(ONE)
    assert list(shown) == ["id", "label", "description", "check_type", "criteria", "fields"]
    assert shown["check_type"] == "remote.http"
    assert "${string}" in shown["criteria"]
    [field] = shown["fields"]
    assert (field["name"], field["type"]) == ("string", "string")


def test_values_take_the_places_of_fields(cast: Cast) -> None:
    answer = cast.carol.call("POST", ONE, {"values": {"string": "12345"}})
    assert answer.status_code == 200
    assert list(answer.json()) == ["bound_criteria"]
    assert "regex '12345'" in answer.json()["bound_criteria"]


def test_an_evaluated_example_makes_an_alarm(cast: Cast) -> None:
    entity = cast.alice.entity()
    bound = cast.alice.call("POST", ONE, {"values": {"string": 'it\'s "there"'}}).json()["bound_criteria"]
    alarm = cast.alice.alarm(entity, cast.alice.check(entity), cast.alice.plan(), criteria=bound)
    assert cast.alice.get(f"/entities/{entity}/alarms/{alarm}")["criteria"] == bound


@pytest.mark.parametrize("body", [None, b'""', b"null", {}, {"values": None}, {"values": []}, {"values": {"x": 1}}])
def test_an_example_without_fields_needs_no_values(cast: Cast, body: Any) -> None:
    answer = cast.carol.call("POST", "/alarm_examples/agent.memory_usage", body)
    assert answer.status_code == 200
    assert "percentage" in answer.json()["bound_criteria"]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "values.string"),
        ({"values": {"other": "x"}}, "values.string"),
        ({"values": {"string": 5}}, "values.string"),
        ({"values": "x"}, "values"),
        ({"values": {"string": "("}}, "values"),  # no regular expression
    ],
)
def test_wrong_values_are_named(cast: Cast, body: dict[str, Any], key: str) -> None:
    fault = cast.carol.refused("POST", ONE, body)
    assert (fault["type"], fault["message"]) == ("badRequest", f"Validation error for key '{key}'")


def test_text_longer_than_criteria_compare_a_metric_with_is_refused(cast: Cast) -> None:
    address, values = "/alarm_examples/remote.ssh_fingerprint_match", {"fingerprint": "x" * 81}
    fault = cast.carol.refused("POST", address, {"values": values})
    assert fault["message"] == "Validation error for key 'values'"
    assert "80" in fault["details"]


def test_one_that_is_not_there_is_not_found(cast: Cast) -> None:
    for method, caller in (("GET", cast.bob), ("POST", cast.carol)):
        fault = caller.refused(method, "/alarm_examples/remote.http_nothing", {} if method == "POST" else None)
        assert fault["details"] == 'Object "AlarmExample" with key "remote.http_nothing" does not exist'


def test_evaluating_needs_creator_and_is_audited(cast: Cast) -> None:
    assert cast.bob.refused("POST", ONE, {"values": {"string": "x"}})["type"] == "missingCapabilitiesError"
    cast.carol.call("POST", ONE, {"values": {"string": "x"}})
    assert [(one["app"], one["statusCode"]) for one in cast.alice.audits()] == [
        ("alarm_examples", 403),
        ("alarm_examples", 200),
    ]
