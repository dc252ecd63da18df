"""Metrics of a check and their plots (reference: metrics operations)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.doors.api.house import Caller, Cast, House
from tests.doors.api.test_views import observation, observe
from vedette.domain.metrics import Metric, Value
from vedette.domain.observations import Observation

MIDNIGHT = 19_675 * 86_400_000
MINUTE = 60_000


class Watched:
    """A check of Alice's and what was seen of it."""

    def __init__(self, house: House, caller: Caller) -> None:
        self._house = house
        self.caller = caller
        self.entity = caller.entity()
        self.check = caller.check(self.entity)
        self._path = f"/entities/{self.entity}/checks/{self.check}/metrics"

    def sees(self, name: str, values: Mapping[int, Value]) -> None:
        """By minute."""
        observe(self._house, *[self._observation(minute, name, value) for minute, value in values.items()])

    def _observation(self, minute: int, name: str, value: Value) -> Observation:
        at_ms = MIDNIGHT + minute * MINUTE
        letter = "s" if isinstance(value, str) else "D"
        return observation(
            self.caller, self.entity, self.check, at_ms=at_ms, arrival_ms=at_ms, metrics={name: Metric(letter, value)}
        )

    def plot(self, name: str, minutes: int, **query: Any) -> dict[str, Any]:
        plotted: dict[str, Any] = self.caller.get(f"{self._path}/mzdfw.{name}/plot", **self._span(minutes), **query)
        return plotted

    def refused(self, name: str, minutes: int, **query: Any) -> dict[str, Any]:
        return self.caller.refused("GET", f"{self._path}/mzdfw.{name}/plot", params=self._span(minutes) | query)

    def names(self) -> Sequence[dict[str, Any]]:
        found: Sequence[dict[str, Any]] = self.caller.get(self._path)["values"]
        return found

    def _span(self, minutes: int) -> dict[str, Any]:
        return {"from": MIDNIGHT, "to": MIDNIGHT + minutes * MINUTE}


@pytest.fixture
def watched(house: House, cast: Cast) -> Watched:
    return Watched(house, cast.alice)


def test_rolled_up_points_stand_at_the_beginning_of_their_window(watched: Watched) -> None:
    watched.sees("n", {0: 1, 1: 2, 4: 6, 5: 7, 60: 3})
    assert watched.plot("n", 61, resolution="MIN5")["values"] == [
        {"numPoints": 3, "timestamp": MIDNIGHT, "average": 3},
        {"numPoints": 1, "timestamp": MIDNIGHT + 5 * MINUTE, "average": 7},
        {"numPoints": 1, "timestamp": MIDNIGHT + 60 * MINUTE, "average": 3},
    ]
    everything = watched.plot("n", 61, resolution="min1440", select=["variance", "max", "min", "average"])
    (day,) = everything["values"]
    assert day == {"numPoints": 5, "timestamp": MIDNIGHT, "variance": 5.36, "max": 7, "min": 1, "average": 3.8}
    assert "resolution" not in everything["metadata"]


def test_a_plot_by_points_names_the_resolution_it_took(watched: Watched) -> None:
    """Nothing finer is kept of a time so long ago."""
    watched.sees("n", {0: 1, 700: 3})
    plotted = watched.plot("n", 1_440, points=1_000)
    assert plotted["metadata"]["resolution"] == "MIN1440"
    assert plotted["values"] == [{"numPoints": 2, "timestamp": MIDNIGHT, "average": 2}]


def test_more_points_than_an_answer_holds_are_refused_and_what_fits_is_named(watched: Watched) -> None:
    watched.sees("n", dict.fromkeys(range(1_441), 1))
    assert len(watched.plot("n", 1_440, resolution="FULL")["values"]) == 1_440
    fault = watched.refused("n", 1_441, resolution="FULL")
    assert (fault["code"], fault["type"]) == (413, "requestTooLargeError")
    assert "resolution=MIN5" in fault["details"]
    assert len(watched.plot("n", 1_441, resolution="MIN5")["values"]) == 289


@pytest.mark.parametrize("resolution", ["FULL", "MIN20"])
def test_text_is_shown_wherever_it_changed(watched: Watched, resolution: str) -> None:
    watched.sees("code", {**dict.fromkeys(range(2_000), "200"), 2_000: "500", 2_001: "500", 2_002: "200"})
    assert watched.plot("code", 3_000, resolution=resolution)["values"] == [
        {"numPoints": 2_000, "timestamp": MIDNIGHT, "average": "200"},
        {"numPoints": 2, "timestamp": MIDNIGHT + 2_000 * MINUTE, "average": "500"},
        {"numPoints": 1, "timestamp": MIDNIGHT + 2_002 * MINUTE, "average": "200"},
    ]


def test_numbers_keep_every_digit_and_what_is_none_is_null(watched: Watched) -> None:
    watched.sees("n", {0: 2**64 - 1, 1: float("nan"), 2: float("inf")})
    points = watched.plot("n", 9, resolution="FULL", select=["average", "max"])["values"]
    assert [(one["average"], one["max"]) for one in points] == [(2**64 - 1, 2**64 - 1), (None, None), (None, None)]


def test_a_metric_that_is_not_known_has_no_points(watched: Watched) -> None:
    for resolution in ("FULL", "MIN60"):
        assert watched.plot("none", 60, resolution=resolution)["values"] == []


def test_metrics_are_listed_with_their_zone(watched: Watched) -> None:
    watched.sees("n", {0: 1})
    watched.sees("code", {1: "200"})
    assert watched.names() == [
        {"name": "mzdfw.code", "unit": "unknown", "type": "s"},
        {"name": "mzdfw.n", "unit": "unknown", "type": "D"},
    ]


def test_the_plot_of_another_tenants_check_is_of_nothing(watched: Watched, cast: Cast) -> None:
    watched.sees("n", {0: 1})
    path = f"/entities/{watched.entity}/checks/{watched.check}/metrics/mzdfw.n/plot"
    query = {"from": MIDNIGHT, "to": MIDNIGHT + MINUTE, "resolution": "FULL"}
    assert cast.charlie.refused("GET", path, params=query)["code"] == 404
