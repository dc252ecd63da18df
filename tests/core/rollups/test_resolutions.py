"""Which resolution suits a plot (reference: metrics, data granularity)."""

from __future__ import annotations

import pytest

from vedette.rollups.resolutions import DAY_MS, MOST_POINTS, Resolution, chosen, finest

NOW = 20_000 * DAY_MS


def test_two_days_have_as_many_points_as_documented() -> None:
    assert {str(one): one.expected(2 * DAY_MS) for one in Resolution} == {
        "FULL": 5760, "MIN5": 576, "MIN20": 144, "MIN60": 48, "MIN240": 12, "MIN1440": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    ("points", "resolution"),
    [(10**9, "MIN5"), (360, "MIN5"), (359, "MIN20"), (96, "MIN20"), (95, "MIN60"), (30, "MIN60"), (29, "MIN240"),
     (7, "MIN240"), (6, "MIN1440"), (0, "MIN1440")],
)  # fmt: skip
def test_the_documented_numbers_of_points_in_two_days_choose_the_documented_resolution(
    points: int, resolution: str
) -> None:
    """But for full resolution, which has more points in two days than an answer."""
    assert chosen(points, NOW - 2 * DAY_MS, NOW, NOW) == resolution


@pytest.mark.parametrize(("points", "resolution"), [(396, "FULL"), (395, "MIN5"), (1, "MIN240"), (0, "MIN1440")])
def test_few_hours_can_be_seen_at_full_resolution(points: int, resolution: str) -> None:
    """The mean of 720 and 72 points is where one gives way to the other."""
    assert chosen(points, NOW - DAY_MS // 4, NOW, NOW) == resolution


def test_a_resolution_that_is_not_kept_so_long_is_not_chosen() -> None:
    hour = DAY_MS // 24
    for days, resolution in [(1, "FULL"), (3, "MIN5"), (11, "MIN20"), (21, "MIN60"), (156, "MIN240"), (301, "MIN1440")]:
        begin = NOW - days * DAY_MS
        assert chosen(10**6, begin, begin + hour, NOW) == resolution
    assert chosen(1, 0, hour, NOW) == "MIN1440"


@pytest.mark.parametrize("days", [0, 0.5, 0.6, 5, 5.1, 20, 60, 240, 1_440, 10_000])
def test_the_finest_resolution_is_the_first_one_that_fits(days: float) -> None:
    span = int(days * DAY_MS)
    fits = [one for one in Resolution if one.expected(span) <= MOST_POINTS]
    assert finest(span) is (fits[0] if fits else Resolution.MIN1440)


def test_windows_do_not_reach_over_midnight() -> None:
    for resolution in Resolution:
        assert resolution.window(NOW) == NOW
        assert resolution.window(NOW - 1) == NOW - (resolution.width_ms or 1)
