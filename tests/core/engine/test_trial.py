"""Criteria tried out on made-up observations: *test-alarm* of the alarm language."""

from __future__ import annotations

from typing import Any

import pytest

from vedette.criteria import compile_criteria
from vedette.domain.metrics import Metric
from vedette.engine.trial import Seen, Step, steps

CODE = """
if (metric['code'] >= 500) { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); }
if (metric['code'] >= 400) { return new AlarmStatus(WARNING); }
return new AlarmStatus(OK);
"""


def seen(code: int | None, zone: str = "mzdfw", at_ms: int = 1, **more: Any) -> Seen:
    metrics = {} if code is None else {"code": Metric("i", code)}
    plain: dict[str, Any] = {"at_ms": at_ms, "zone": zone, "available": True, "status": "", "metrics": metrics}
    return Seen(**plain | more)


def tried(criteria: str, *given: Seen, count: int = 1, forgiving: bool = True) -> list[Step]:
    return steps(compile_criteria(criteria), given, count, not_yet_counts_as_false=forgiving)


def reached(*given: Seen, criteria: str = CODE, count: int = 1) -> list[str]:
    return [step.state.value for step in tried(criteria, *given, count=count) if step.is_change]


def test_every_state_that_is_reached_is_told_in_order() -> None:
    assert reached(seen(200), seen(200), seen(404), seen(500), seen(500), seen(200)) == [
        "OK", "WARNING", "CRITICAL", "OK"
    ]  # fmt: skip


def test_the_first_state_is_a_change_from_unknown() -> None:
    [step] = tried(CODE, seen(503))

    assert (step.state.value, step.status, step.is_change) == ("CRITICAL", "HTTP 503", True)


def test_timestamps_may_repeat_go_back_and_leave_gaps() -> None:
    given = [seen(200, at_ms=9), seen(500, at_ms=9), seen(200, at_ms=1), seen(500, at_ms=10**14)]

    assert [(step.at_ms, step.state.value) for step in tried(CODE, *given)] == [
        (9, "OK"), (9, "CRITICAL"), (1, "OK"), (10**14, "CRITICAL")
    ]  # fmt: skip


def test_the_zones_are_those_seen_so_far() -> None:
    """The first zone decides alone, then two of two must agree, then two of three."""
    given = [seen(500, "mzdfw"), seen(200, "mzord"), seen(200, "mzlon"), seen(200, "mzdfw")]

    assert [step.state.value for step in tried(CODE, *given)] == ["CRITICAL", "CRITICAL", "OK", "OK"]


def test_without_zones_there_is_one_nameless_one() -> None:
    assert reached(seen(200, ""), seen(500, "")) == ["OK", "CRITICAL"]


def test_all_asks_every_zone_seen() -> None:
    given = [seen(500, zone) for zone in ("mza", "mzb", "mzc")]

    assert reached(*given, seen(200, "mzb"), criteria=":set consistencyLevel=ALL" + CODE) == ["CRITICAL"]


def test_what_was_not_available_is_critical_with_its_own_status() -> None:
    [step] = tried(CODE, seen(None, available=False, status="timed out"))

    assert (step.state.value, step.status) == ("CRITICAL", "timed out")


def test_without_criteria_availability_decides() -> None:
    assert reached(seen(200), seen(200, available=False), criteria="") == ["OK", "CRITICAL"]


RATE = "if (rate(metric['code']) > 1) { return new AlarmStatus(CRITICAL); } return new AlarmStatus(OK);"


def test_what_cannot_be_computed_yet_counts_as_false() -> None:
    assert reached(seen(0, at_ms=1000), seen(10, at_ms=2000), criteria=RATE) == ["OK", "CRITICAL"]


def test_in_full_what_cannot_be_computed_yet_says_so() -> None:
    first, second = tried(RATE, seen(0, at_ms=1000), seen(10, at_ms=2000), forgiving=False)

    assert (first.state.value, first.reason, first.is_change) == ("UNKNOWN", "NOT_YET_COMPUTABLE", False)
    assert (second.state.value, second.reason) == ("CRITICAL", "CHANGED")


def test_a_consecutive_count_must_be_filled() -> None:
    given = [seen(code, at_ms=at_ms) for at_ms, code in enumerate((200, 200, 500, 500, 200))]

    assert [(step.state.value, step.reason) for step in tried(CODE, *given, count=2)] == [
        ("UNKNOWN", "NO_FRESH_OBSERVATIONS"), ("OK", "CHANGED"), ("OK", "NOT_CONSECUTIVE_YET"), ("CRITICAL", "CHANGED"),
        ("CRITICAL", "NOT_CONSECUTIVE_YET"),
    ]  # fmt: skip


def test_the_votes_have_the_timestamps_that_were_given() -> None:
    last = tried(CODE, seen(500, "mzdfw", at_ms=70), seen(200, "mzord", at_ms=50))[-1]

    assert last.votes == {
        "mzdfw": {"state": "CRITICAL", "status": "HTTP 500", "timestamp": 70, "run": ["CRITICAL"], "counted": True},
        "mzord": {"state": "OK", "status": "Matched default return statement", "timestamp": 50, "run": ["OK"],
                  "counted": True},
    }  # fmt: skip


@pytest.mark.parametrize("given", [[], [seen(200)]])
def test_there_is_a_step_for_each_observation(given: list[Seen]) -> None:
    assert len(tried(CODE, *given)) == len(given)
