"""Test an alarm (reference: test an alarm)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.api.house import Cast

CRITERIA = 'if (metric["code"] == "404") { return new AlarmStatus(CRITICAL, "not found"); } return new AlarmStatus(OK);'


def datum(code: str = "200", **more: Any) -> dict[str, Any]:
    """As the reference's example has it, with values of our own."""
    plain = {
        "timestamp": 1_700_000_000_123,
        "monitoring_zone_id": "mzdfw",
        "available": True,
        "status": f"code={code},duration=12",
        "metrics": {
            "code": {"type": "s", "data": code},
            "bytes": {"type": "i", "data": "0"},
            "duration": {"type": "I", "data": "12", "unit": "milliseconds"},
        },
    }
    return plain | more


def tried(cast: Cast, *data: dict[str, Any], criteria: str | None = CRITERIA, query: str = "") -> Any:
    body = {"criteria": criteria, "check_data": list(data)}
    answer = cast.carol.call("POST", f"/entities/{cast.alice.entity()}/test-alarm{query}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_documented_request_gets_the_documented_answer(cast: Cast) -> None:
    assert tried(cast, datum()) == [
        {"timestamp": 1_700_000_000_123, "state": "OK", "status": "Matched default return statement"}
    ]


def test_every_state_that_was_reached_is_listed_whatever_the_consecutive_count(cast: Cast) -> None:
    data = [datum(code, timestamp=at_ms) for at_ms, code in enumerate(("200", "404", "404", "200"))]

    found = tried(cast, *data, criteria=":set consecutiveCount=3 " + CRITERIA)

    assert [(one["timestamp"], one["state"]) for one in found] == [(0, "OK"), (1, "CRITICAL"), (3, "OK")]


def test_in_full_there_is_a_line_for_each_observation(cast: Cast) -> None:
    data = [datum(code, timestamp=at_ms) for at_ms, code in enumerate(("200", "200", "404"))]

    found = tried(cast, *data, criteria=":set consecutiveCount=2 " + CRITERIA, query="?mode=full")

    assert [(one["state"], one["reason"]) for one in found] == [
        ("UNKNOWN", "NO_FRESH_OBSERVATIONS"), ("OK", "CHANGED"), ("OK", "NOT_CONSECUTIVE_YET")
    ]  # fmt: skip
    assert found[2]["votes"]["mzdfw"]["run"] == ["OK", "CRITICAL"]


@pytest.mark.parametrize("criteria", [None, ""])
def test_without_criteria_availability_decides(cast: Cast, criteria: str | None) -> None:
    [found] = tried(cast, datum(available=False, status="timed out"), criteria=criteria)

    assert (found["state"], found["status"]) == ("CRITICAL", "timed out")


def test_what_is_left_out_of_an_observation_is_made_up(cast: Cast) -> None:
    [found] = tried(cast, {"metrics": {"code": {"type": "s", "data": "404"}}, "debug_info": {}, "id": None})

    assert (found["state"], found["status"]) == ("CRITICAL", "not found")
    assert found["timestamp"] > 1_700_000_000_000


@pytest.mark.parametrize(
    ("type_", "data"), [("I", "12"), ("I", 12), ("D", "12.0"), ("double", 12.5), ("uint64", "1.3e1"), ("L", " 12 ")]
)
def test_numbers_are_numbers_however_they_are_written(cast: Cast, type_: str, data: Any) -> None:
    criteria = "if (metric['x'] > 11) { return new AlarmStatus(WARNING); } return new AlarmStatus(OK);"

    [found] = tried(cast, {"metrics": {"x": {"type": type_, "data": data}}}, criteria=criteria)

    assert found["state"] == "WARNING"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"criteria": CRITERIA}, "check_data"),
        ({"criteria": CRITERIA, "check_data": []}, "check_data"),
        ({"criteria": CRITERIA, "check_data": {}}, "check_data"),
        ({"criteria": CRITERIA, "check_data": [{}] * 1001}, "check_data"),
        ({"criteria": CRITERIA, "check_data": [{}, 1]}, "check_data.1"),
        ({"criteria": 1, "check_data": [{}]}, "criteria"),
        ({"criteria": CRITERIA, "check_data": [{"timestamp": "now"}]}, "check_data.0.timestamp"),
        ({"criteria": CRITERIA, "check_data": [{"available": "perhaps"}]}, "check_data.0.available"),
        ({"criteria": CRITERIA, "check_data": [{"metrics": [1]}]}, "check_data.0.metrics"),
        ({"criteria": CRITERIA, "check_data": [{"metrics": {"a": 1}}]}, "check_data.0.metrics.a"),
        ({"criteria": CRITERIA, "check_data": [{"metrics": {"a": {"type": "?", "data": 1}}}]},
         "check_data.0.metrics.a.type"),
        ({"criteria": CRITERIA, "check_data": [{"metrics": {"a": {"type": "D", "data": "x"}}}]},
         "check_data.0.metrics.a.data"),
        ({"criteria": CRITERIA, "check_data": [{"metrics": {"a": {"type": "I", "data": []}}}]},
         "check_data.0.metrics.a.data"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_named(cast: Cast, body: dict[str, Any], key: str) -> None:
    fault = cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/test-alarm", body)

    assert (fault["type"], fault["message"]) == ("badRequest", f"Validation error for key '{key}'")


def test_criteria_that_cannot_be_read_say_where(cast: Cast) -> None:
    body = {"criteria": "return OK else", "check_data": [datum()]}

    fault = cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/test-alarm", body)

    assert fault["type"] == "alarmParseError"
    assert fault["details"]["error_line"] == 1


def test_a_mode_that_there_is_none_of_is_refused(cast: Cast) -> None:
    body = {"criteria": "", "check_data": [datum()]}

    fault = cast.alice.refused("POST", f"/entities/{cast.alice.entity()}/test-alarm?mode=half", body)

    assert fault["message"] == "Validation error for key 'mode'"


def test_it_needs_an_entity_of_the_tenants_own_and_the_right_to_create(cast: Cast) -> None:
    body = {"criteria": "", "check_data": [datum()]}

    fault = cast.alice.refused("POST", f"/entities/{cast.charlie.entity()}/test-alarm", body)
    assert fault["type"] == "parentNotFoundError"
    fault = cast.bob.refused("POST", f"/entities/{cast.alice.entity()}/test-alarm", body)
    assert fault["type"] == "missingCapabilitiesError"


def test_trials_are_counted_and_audited(cast: Cast) -> None:
    body = {"criteria": "", "check_data": [datum()]}

    answer = cast.carol.call("POST", f"/entities/{cast.alice.entity()}/test-alarm", body)

    assert (answer.headers["X-RateLimit-Type"], answer.headers["X-RateLimit-Used"]) == ("test_alarm", "1")
    assert cast.alice.get("/limits")["rate"]["test_alarm"]["used"] == 1
    audit = cast.alice.audits()[-1]
    assert (audit["app"], audit["statusCode"], audit["previous_state"]) == ("alarms", 200, [])
