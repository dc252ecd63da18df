"""Chunks of observations of one check from one place, as exact as the log.

A column for the times, for each metric, and for whatever else an observation holds: that seldom changes. Entries are in
the order of time, those of one time in the order of the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec

from vedette.adapters.sql.chunks import frame, numbers
from vedette.adapters.sql.chunks.columns import Column, Runs, column, runs, spread, values_of
from vedette.adapters.sql.chunks.frame import Damaged
from vedette.adapters.sql.chunks.numbers import Numbers
from vedette.domain.ids import CheckId, ZoneId
from vedette.domain.metrics import Metric, Value
from vedette.domain.observations import Logged, Observation

SELDOM = (
    "tenant_id",
    "entity_id",
    "check_type",
    "agent_id",
    "sender",
    "check_revision",
    "available",
    "status",
    "target",
    "is_blind",
    "buffers",
    "round_id",
)
"""Members of an observation that are recorded on change, in the order of the chunk. New ones go to the end."""

_UNKNOWN = -1

_seldom = [attrgetter(name) for name in SELDOM]


class _Metric(msgspec.Struct, frozen=True, array_like=True):
    """One metric for as long as its type and unit stay; a name may have several."""

    name: str
    type: str
    unit: str
    held: Runs[bool] | None  # which observations have it; None for all
    column: Column


class _Chunk(msgspec.Struct, frozen=True, array_like=True):
    seqs: Numbers
    times: Numbers
    delays: Numbers  # from the time to the arrival
    took: Numbers  # -1: unknown
    seldom: list[Runs[Any]]
    metrics: list[_Metric]


_decoder = msgspec.msgpack.Decoder(_Chunk)


def packed(entries: Sequence[tuple[int, Observation]]) -> bytes:
    """Of (`seq`, observation) in any order; all of one check and place."""
    entries = sorted(entries, key=_by_time)
    observations = [observation for _, observation in entries]
    return frame.packed(
        _Chunk(
            seqs=_packed([seq for seq, _ in entries]),
            times=_packed([one.at_ms for one in observations]),
            delays=_packed([one.arrival_ms - one.at_ms for one in observations]),
            took=_packed([_UNKNOWN if one.took_ms is None else one.took_ms for one in observations]),
            seldom=[runs(list(map(member, observations))) for member in _seldom],
            metrics=_metrics(observations),
        )
    )


def entries_of(data: bytes, check_id: str, place: str) -> list[Logged]:
    """The observations in the order of time; raises `Damaged`."""
    chunk = frame.unpacked(data, _decoder)
    try:
        return _entries(chunk, CheckId(check_id), ZoneId(place) if place else None)
    except (ValueError, IndexError, OverflowError) as error:
        raise Damaged(str(error)) from error


def points_of(data: bytes, name: str) -> list[tuple[int, int, Value]]:
    """(time, `seq`, value) of one metric in the order of time; raises `Damaged`."""
    chunk = frame.unpacked(data, _decoder)
    wanted = [metric for metric in chunk.metrics if metric.name == name]
    if not wanted:
        return []
    keys = list(zip(numbers.whole(chunk.times), numbers.whole(chunk.seqs), strict=True))
    found = [
        (at_ms, seq, value)
        for metric in wanted
        for (at_ms, seq), value in zip(_held(keys, metric), values_of(metric.column), strict=True)
    ]
    return sorted(found, key=_by_key) if len(wanted) > 1 else found


def _by_time(entry: tuple[int, Observation]) -> tuple[int, int]:
    return entry[1].at_ms, entry[0]


def _by_key(point: tuple[int, int, Value]) -> tuple[int, int]:
    return point[0], point[1]


def _packed(values: Sequence[int]) -> Numbers:
    made = numbers.packed(values)
    if made is None:
        raise ValueError("times beyond 64 bits")
    return made


def _metrics(observations: Sequence[Observation]) -> list[_Metric]:
    held = [observation.metrics for observation in observations]
    names: dict[str, None] = {}
    for metrics in held:
        if not metrics.keys() <= names.keys():
            names |= dict.fromkeys(metrics)
    return [made for name in names for made in _named(name, [metrics.get(name) for metrics in held])]


def _named(name: str, metrics: Sequence[Metric | None]) -> Iterator[_Metric]:
    """One for each type and unit that it had."""
    known = [metric for metric in metrics if metric is not None]
    shapes = {_shape(metric): None for metric in known}
    if len(shapes) == 1 and len(known) == len(metrics):
        yield _Metric(name, known[0].type, known[0].unit, None, column([metric.value for metric in known]))
        return
    for shape in shapes:
        places = [place for place, metric in enumerate(metrics) if metric is not None and _shape(metric) == shape]
        values = [metric.value for metric in known if _shape(metric) == shape]
        yield _Metric(name, shape[0], shape[1], _presence(places, len(metrics)), column(values))


def _shape(metric: Metric) -> tuple[str, str, type]:
    return metric.type, metric.unit, type(metric.value)


def _presence(places: Sequence[int], count: int) -> Runs[bool] | None:
    if len(places) == count:
        return None
    held = [False] * count
    for place in places:
        held[place] = True
    return runs(held)


def _held(keys: Sequence[Any], metric: _Metric) -> list[Any]:
    return list(keys) if metric.held is None else list(compress(keys, spread(metric.held)))


def _entries(chunk: _Chunk, check_id: CheckId, zone_id: ZoneId | None) -> list[Logged]:
    metrics: list[dict[str, Metric]] = [{} for _ in range(chunk.times.count)]
    for one in chunk.metrics:
        for held, value in zip(_held(metrics, one), values_of(one.column), strict=True):
            held[one.name] = Metric(one.type, value, one.unit)
    seldom = zip(*map(spread, chunk.seldom), strict=True)
    columns = map(numbers.whole, (chunk.seqs, chunk.times, chunk.delays, chunk.took))
    rows = zip(*columns, metrics, seldom, strict=True)
    return [
        Logged(
            seq,
            Observation(
                check_id=check_id,
                zone_id=zone_id,
                at_ms=at_ms,
                arrival_ms=at_ms + delay,
                metrics=held,
                took_ms=None if took == _UNKNOWN else took,
                **dict(zip(SELDOM, members, strict=True)),
            ),
        )
        for seq, at_ms, delay, took, held, members in rows
    ]
