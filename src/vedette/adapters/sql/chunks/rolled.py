"""Chunks of rollups: the windows of one resolution of all metrics of a check from one place.

What is stored folds again, as differences that are small: of the greatest value from the least, of the sum from what it
would be were all values the least. Where that does not fit 64 bits the statistics themselves are stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress

import msgspec

from vedette.adapters.sql.chunks import frame, numbers
from vedette.adapters.sql.chunks.columns import Column, Runs, column, runs, spread, values_of
from vedette.adapters.sql.chunks.frame import Damaged
from vedette.adapters.sql.chunks.numbers import Numbers
from vedette.rollups.decimals import scaled
from vedette.rollups.folding import Fold, Rollup, deviation, power_of_ten, statistics

Window = Fold | Rollup
Windows = Mapping[int, Window]
"""By their beginning. What is known of each: as it was folded, or the statistics when no more is kept."""

_FEW_PLACES = 15
_MISMADE = (ValueError, IndexError, OverflowError, ZeroDivisionError)
"""What reading columns of other lengths than they say may raise."""


class _Exact(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Folds of so many decimal places."""

    places: int
    is_float: bool  # what `low` and `high` are
    counts: Numbers
    lows: Numbers
    ranges: Numbers  # high - low
    excesses: Numbers  # total - count * low
    deviations: Numbers  # see `folding.deviation`


class _Stated(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Statistics, as doubles."""

    counts: Numbers
    averages: Column
    variances: Column
    lows: Column
    highs: Column


class _Metric(msgspec.Struct, frozen=True, array_like=True):
    name: str
    held: Runs[bool] | None  # which windows it has; None for all
    windows: _Exact | _Stated


class _Chunk(msgspec.Struct, frozen=True, array_like=True):
    starts: Numbers
    metrics: list[_Metric]


_decoder = msgspec.msgpack.Decoder(_Chunk)


def packed(rolled: Mapping[str, Windows]) -> bytes:
    """Of the windows of each metric, by name."""
    starts = sorted({start for windows in rolled.values() for start in windows})
    return frame.packed(_Chunk(_packed(starts), [_metric(name, rolled[name], starts) for name in rolled]))


def metrics_of(data: bytes) -> dict[str, dict[int, Window]]:
    """What `packed` was given; raises `Damaged`."""
    chunk = _unpacked(data)
    return {metric.name: _windows(chunk, metric) for metric in chunk.metrics}


def rollups_of(data: bytes, name: str) -> dict[int, Rollup]:
    """The statistics of one metric's windows; raises `Damaged`."""
    chunk = _unpacked(data)
    return next((_rollups(chunk, metric) for metric in chunk.metrics if metric.name == name), {})


def rollup(start: int, window: Window) -> Rollup | None:
    """The statistics of a window."""
    return statistics(start, window) if isinstance(window, Fold) else window


def _unpacked(data: bytes) -> _Chunk:
    return frame.unpacked(data, _decoder)


def _metric(name: str, windows: Windows, starts: Sequence[int]) -> _Metric:
    held = None if len(windows) == len(starts) else runs([start in windows for start in starts])
    inside = sorted(windows)
    known = [windows[start] for start in inside]
    folds = [one for one in known if isinstance(one, Fold)]
    exact = _exact(folds) if len(folds) == len(known) else None
    return _Metric(name, held, exact or _stated([rollup(*pair) for pair in zip(inside, known, strict=True)]))


def _exact(folds: Sequence[Fold]) -> _Exact | None:
    bounds = _bounds([edge for one in folds for edge in (one.low, one.high)])
    if bounds is None:
        return None
    places = max([bounds[1], *[one.places for one in folds]])
    is_float = isinstance(folds[0].low, float)
    if places > (_FEW_PLACES if is_float else 0):
        return None
    edges = [one * power_of_ten(places - bounds[1]) for one in bounds[0]]
    lows, highs = edges[::2], edges[1::2]
    raised = [power_of_ten(places - one.places) for one in folds]
    columns = [
        [one.count for one in folds],
        lows,
        [high - low for low, high in zip(lows, highs, strict=True)],
        [one.total * by - one.count * low for one, low, by in zip(folds, lows, raised, strict=True)],
        [deviation(one) * by * by for one, by in zip(folds, raised, strict=True)],
    ]
    made = [numbers.packed(one) for one in columns]
    whole = [one for one in made if one is not None]
    return _Exact(places, is_float, *whole) if len(whole) == len(made) else None


def _bounds(edges: Sequence[float]) -> tuple[Sequence[int], int] | None:
    if all(type(edge) is int for edge in edges):
        return [int(edge) for edge in edges], 0
    if all(type(edge) is float and math.isfinite(edge) for edge in edges):
        return scaled(edges)
    return None


def _stated(rollups: Sequence[Rollup | None]) -> _Stated:
    known = [one for one in rollups if one is not None]
    return _Stated(
        _packed([one.num_points for one in known]),
        column([one.average for one in known]),
        column([one.variance for one in known]),
        column([one.min for one in known]),
        column([one.max for one in known]),
    )


def _packed(values: Sequence[int]) -> Numbers:
    made = numbers.packed(values)
    if made is None:
        raise ValueError("counts or times beyond 64 bits")
    return made


def _inside(chunk: _Chunk, metric: _Metric) -> list[int]:
    starts = numbers.whole(chunk.starts)
    return starts if metric.held is None else list(compress(starts, spread(metric.held)))


def _windows(chunk: _Chunk, metric: _Metric) -> dict[int, Window]:
    """As they were put in."""
    try:
        inside = _inside(chunk, metric)
        match metric.windows:
            case _Exact() as exact:
                return dict(zip(inside, _folds(exact), strict=True))
            case _Stated() as stated:
                return {one.at_ms: one for one in _as_stated(inside, stated)}
    except _MISMADE as error:
        raise Damaged(str(error)) from error


def _rollups(chunk: _Chunk, metric: _Metric) -> dict[int, Rollup]:
    """What `statistics` makes of each, in half the time."""
    try:
        inside = _inside(chunk, metric)
        match metric.windows:
            case _Exact() as exact:
                made = _of_doubles(inside, exact) if exact.is_float else _of_integers(inside, exact)
            case _Stated() as stated:
                made = _as_stated(inside, stated)
        return {one.at_ms: one for one in made}
    except _MISMADE as error:
        raise Damaged(str(error)) from error


def _rows(exact: _Exact) -> Iterator[tuple[int, ...]]:
    """count, low, high - low, total, deviation."""
    packed = (exact.counts, exact.lows, exact.ranges, exact.excesses, exact.deviations)
    for count, low, range_, excess, deviated in zip(*map(numbers.whole, packed), strict=True):
        yield count, low, range_, excess + count * low, deviated


def _folds(exact: _Exact) -> list[Fold]:
    power = power_of_ten(exact.places)
    folds = []
    for count, low, range_, total, deviated in _rows(exact):
        edges = (low / power, (low + range_) / power) if exact.is_float else (low, low + range_)
        folds.append(Fold(count, exact.places, total, (deviated + total * total) // count, *edges))
    return folds


def _of_doubles(inside: Sequence[int], exact: _Exact) -> list[Rollup]:
    power = power_of_ten(exact.places)
    made = []
    for start, (count, low, range_, total, deviated) in zip(inside, _rows(exact), strict=True):
        least = low / power
        if range_ == 0:
            made.append(Rollup(start, count, least, 0, least, least))
        else:
            below = count * power
            made.append(Rollup(start, count, total / below, deviated / (below * below), least, (low + range_) / power))
    return made


def _of_integers(inside: Sequence[int], exact: _Exact) -> list[Rollup]:
    made = []
    for start, (count, low, range_, total, deviated) in zip(inside, _rows(exact), strict=True):
        if range_ == 0:
            made.append(Rollup(start, count, low, 0, low, low))
        else:
            whole, rest = divmod(total, count)
            mean = total / count if rest else whole
            made.append(Rollup(start, count, mean, deviated / (count * count), low, low + range_))
    return made


def _as_stated(inside: Sequence[int], stated: _Stated) -> list[Rollup]:
    columns = [values_of(one) for one in (stated.averages, stated.variances, stated.lows, stated.highs)]
    rows = zip(inside, numbers.whole(stated.counts), *columns, strict=True)
    return [
        Rollup(start, count, *[value for value in values if not isinstance(value, str)])
        for start, count, *values in rows
    ]
