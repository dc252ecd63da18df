from __future__ import annotations

from typing import Any

import pytest

from vedette.engine.recurrence import Recurrence
from vedette.engine.suppression import Subject, Suppression, covers, is_active, is_scheduled, matches, next_edge

ALARM = Subject("enA", "chA", "alA")
DAY = 86_400_000


def suppression(**lists: Any) -> Suppression:
    values: dict[str, Any] = {
        name: frozenset(items) if isinstance(items, set) else items for name, items in lists.items()
    }
    defaults: dict[str, Any] = {"id": "spA", "start_ms": 100, "end_ms": 200}
    return Suppression(**(defaults | values))


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"plans": {"npA"}}, True),
        ({"plans": {"npB"}}, False),
        ({"entities": {"enA"}}, True),
        ({"entities": {"enB"}}, False),
        ({"checks": {"enA:chA"}}, True),
        ({"checks": {"enB:chA"}}, False),
        ({"checks": {"enA:chB"}}, False),
        ({"alarms": {"enA:alA"}}, True),
        ({"alarms": {"enA:alB"}}, False),
        ({"entities": {"enB"}, "checks": {"enA:chA"}}, True),
        ({"plans": {"npA"}, "entities": {"enA"}}, True),
        ({"plans": {"npB"}, "entities": {"enA"}}, False),
        ({"plans": {"npA"}, "alarms": {"enA:alB"}}, False),
        ({}, False),
    ],
)
def test_it_covers_what_it_lists(lists: dict[str, Any], expected: bool) -> None:
    assert covers(suppression(**lists), ALARM, "npA") is expected


@pytest.mark.parametrize(("at_ms", "expected"), [(99, False), (100, True), (199, True), (200, False)])
def test_it_matches_from_its_start_up_to_its_end(at_ms: int, expected: bool) -> None:
    assert matches(suppression(entities={"enA"}), ALARM, "npA", at_ms) is expected


def test_one_that_ends_when_it_starts_is_never_active_nor_scheduled() -> None:
    empty = suppression(end_ms=100)
    assert [is_active(empty, at_ms) or is_scheduled(empty, at_ms) for at_ms in (99, 100, 101)] == [False] * 3
    assert next_edge(empty, 50) is None


@pytest.mark.parametrize(("at_ms", "edge"), [(50, 100), (100, 200), (199, 200), (200, None)])
def test_its_edges_are_its_start_and_its_end(at_ms: int, edge: int | None) -> None:
    assert next_edge(suppression(), at_ms) == edge


def test_one_is_scheduled_until_it_starts() -> None:
    assert [is_scheduled(suppression(), at_ms) for at_ms in (99, 100, 200)] == [True, False, False]


def test_a_recurring_one_opens_again_for_as_long() -> None:
    daily = suppression(recurrence=Recurrence("FREQ=DAILY;COUNT=3", None, 100))
    moments = [100, 200, DAY + 99, DAY + 100, DAY + 199, DAY + 200, 2 * DAY + 150, 3 * DAY + 150]
    assert [is_active(daily, at_ms) for at_ms in moments] == [True, False, False, True, True, False, True, False]
    assert [is_scheduled(daily, at_ms) for at_ms in (50, 200, DAY + 150, 2 * DAY + 200)] == [True, True, False, False]
    assert [next_edge(daily, at_ms) for at_ms in (50, 150, 250, DAY + 150)] == [100, 200, DAY + 100, DAY + 200]
    assert next_edge(daily, 2 * DAY + 200) is None


def test_windows_that_overlap_are_one() -> None:
    always = suppression(end_ms=100 + 2 * DAY, recurrence=Recurrence("FREQ=DAILY", None, 100))
    assert all(is_active(always, at_ms) for at_ms in range(100, 5 * DAY, DAY // 7))
