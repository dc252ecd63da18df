"""Points and their statistics out of a store by PromQL.

A metric whose unit or type has changed is several series. They are asked for together and read as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from vedette.adapters.prometheus import promql
from vedette.adapters.prometheus.client import Client, Refused, StoreDown
from vedette.ports.points import Point
from vedette.ports.unit import StoreUnavailable
from vedette.rollups.folding import Rollup

_PROBED_AT_S = "1700000000"
_BOTH_ENDS = 3  # what the probe gives where a window holds both its ends
MOST_WINDOWS = 10_000
"""Of one question; Prometheus answers 11,000."""

_PARTS = 1_000  # of a long span, when it is looked at from afar
_LONG_MS = 7 * 24 * 3600 * 1000  # a span that is counted before it is read
_INTEGERS = frozenset("iIlL")

Shape = TypeVar("Shape")
Labels = Mapping[str, str]
Stretches = dict[int, dict[str, int | float]]


class _Found(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    value: tuple[float, str] | None = None


class _Data(msgspec.Struct):
    result: list[_Found]


class _Answer(msgspec.Struct):
    data: _Data


class _Listed(msgspec.Struct):
    data: list[dict[str, str]]


class Reader:
    """Every method raises `StoreUnavailable` while the store does not answer, or not what such a store answers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._holds_both_ends: bool | None = None
        client.on_failure = self._forget  # it may come back as another version

    async def points(self, selector: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        """`from_ms <= at < to_ms`, oldest first, at most `limit`; of several at the same time one."""
        if to_ms <= from_ms:
            return []
        to_ms = await self._shortened(selector, from_ms, to_ms, limit)
        # A window that may be a little long, cut here: so it is the same whichever of its ends the store leaves out.
        form = {"query": f"{selector}[{to_ms - from_ms + 1}ms]", "time": promql.seconds(to_ms)}
        listed = await self._query("query", form)
        points: dict[int, int | float] = {}
        with _understood():
            for found in listed:
                for at, text in found.values:
                    points.setdefault(_ms(at), _number(text, found.metric))
        return [Point(at, points[at]) for at in sorted(points) if from_ms <= at < to_ms][:limit]

    async def rollups(self, selector: str, first_ms: int, last_ms: int, width_ms: int) -> list[Rollup]:
        """Of the windows that begin at `first_ms`, one width later, and so on until `last_ms`.

        Without those that have no points; at most `MOST_WINDOWS` are asked for.
        """
        query = promql.statistics(selector, width_ms - await self._surplus_ms())
        listed = await self._windows(query, first_ms, last_ms, width_ms)
        by_series: dict[frozenset[tuple[str, str]], Stretches] = {}
        with _understood():
            for found in listed:
                statistic = found.metric.pop(promql.STATISTIC, "")
                found.metric.pop("__name__", None)  # some statistics keep it, some do not
                stretches = by_series.setdefault(frozenset(found.metric.items()), {})
                for at, text in found.values:
                    stretches.setdefault(_ms(at) + 1 - width_ms, {})[statistic] = _number(text, found.metric)
            return _merged(by_series.values())

    async def series(self, selector: str, from_ms: int, to_ms: int) -> Sequence[Labels]:
        """The labels of the series that had points in the span."""
        form = {"match[]": selector, "start": promql.seconds(from_ms), "end": promql.seconds(to_ms)}
        return _decoded(await self._ask("series", form), _Listed).data

    async def counts(self, selector: str, first_ms: int, last_ms: int, width_ms: int) -> list[tuple[int, int]]:
        """When windows begin that have points, and how many, of all series together; windows as in `rollups`."""
        query = f"sum(count_over_time({selector}[{width_ms - await self._surplus_ms()}ms]))"
        listed = await self._windows(query, first_ms, last_ms, width_ms)
        with _understood():
            return [(_ms(at) + 1 - width_ms, round(float(text))) for found in listed for at, text in found.values]

    async def _shortened(self, selector: str, from_ms: int, to_ms: int, limit: int) -> int:
        """An end before which there are enough points, so that years of them are not read for a few."""
        if to_ms - from_ms <= _LONG_MS:
            return to_ms
        width = -(-(to_ms - from_ms) // _PARTS)
        count = 0
        for at, points in await self.counts(selector, from_ms, from_ms + (_PARTS - 1) * width, width):
            count += points
            if count >= 2 * limit:  # several series may have points of the same time
                return min(at + width, to_ms)
        return to_ms

    async def _windows(self, query: str, first_ms: int, last_ms: int, width_ms: int) -> list[_Found]:
        form = {
            "query": query,
            "start": promql.seconds(first_ms + width_ms - 1),
            "end": promql.seconds(last_ms + width_ms - 1),
            "step": promql.seconds(width_ms),
            "nocache": "1",  # VictoriaMetrics would move start and end otherwise
        }
        return await self._query("query_range", form)

    async def _surplus_ms(self) -> int:
        """1 where a window holds both its ends, 0 where it leaves its beginning out."""
        if self._holds_both_ends is None:
            found = await self._query("query", {"query": promql.INCLUSIVE_PROBE, "time": _PROBED_AT_S})
            value = found[0].value if found else None
            with _understood():
                self._holds_both_ends = value is not None and float(value[1]) >= _BOTH_ENDS
        return 1 if self._holds_both_ends else 0

    def _forget(self) -> None:
        self._holds_both_ends = None

    async def _query(self, path: str, form: Mapping[str, str]) -> list[_Found]:
        return _decoded(await self._ask(path, form), _Answer).data.result

    async def _ask(self, path: str, form: Mapping[str, str]) -> bytes:
        try:
            return await self._client.ask(path, form)
        except (StoreDown, Refused) as error:
            raise StoreUnavailable(f"metric store: {error}") from error


def _decoded(answer: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(answer, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreUnavailable(f"metric store: answers what no Prometheus answers ({error})") from error


@contextmanager
def _understood() -> Iterator[None]:
    """Numbers that are none, and statistics of which some are not there, are no answer."""
    try:
        yield
    except (ArithmeticError, LookupError, ValueError) as error:
        raise StoreUnavailable(f"metric store: answers what no Prometheus answers ({type(error).__name__})") from error


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _number(text: str, labels: Labels) -> int | float:
    """The store has doubles only: what was an integer is one again."""
    value = float(text)
    return int(value) if labels.get("type") in _INTEGERS and value.is_integer() else value


def _merged(series: Iterable[Stretches]) -> list[Rollup]:
    merged: dict[int, Rollup] = {}
    for stretches in series:
        for at, said in stretches.items():
            one = Rollup(at, int(said["numPoints"]), said["average"], said.get("variance", 0), said["min"], said["max"])
            merged[at] = _both(merged[at], one) if at in merged else one
    return [merged[at] for at in sorted(merged)]


def _both(one: Rollup, other: Rollup) -> Rollup:
    """By the mergeable form of the variance."""
    mine, others = one.num_points, other.num_points
    count = mine + others
    apart = other.average - one.average
    return Rollup(
        one.at_ms,
        count,
        (one.average * mine + other.average * others) / count,
        (one.variance * mine + other.variance * others + apart * apart * mine * others / count) / count,
        min(one.min, other.min),
        max(one.max, other.max),
    )
