"""From the points of a metric to the windows of each resolution."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from vedette.domain.metrics import Value
from vedette.rollups.folding import Fold, folded, in_one_unit, merged
from vedette.rollups.resolutions import Resolution


def rolled_up(points: Sequence[tuple[int, Value]], resolution: Resolution) -> dict[int, Fold]:
    """Beginning of the window -> what is in it; of (time, value) in the order of time, each time once.

    Text and NaN are in no window.
    """
    numbers = [(at_ms, value) for at_ms, value in points if not isinstance(value, str) and value == value]  # noqa: PLR0124
    times, values = [at_ms for at_ms, _ in numbers], [value for _, value in numbers]
    whole, places = in_one_unit(values)
    windows = {}
    begin = 0
    while begin < len(times):
        start = resolution.window(times[begin])
        end = bisect_left(times, start + resolution.width_ms, begin)
        windows[start] = folded(values[begin:end], whole[begin:end], places)
        begin = end
    return windows


def coarser(windows: Mapping[int, Fold], resolution: Resolution) -> dict[int, Fold]:
    """The windows of a coarser resolution, each from the finer ones in it."""
    inside: dict[int, list[Fold]] = {}
    for start, known in windows.items():
        inside.setdefault(resolution.window(start), []).append(known)
    return {start: merged(folds) for start, folds in inside.items()}
