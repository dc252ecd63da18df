"""The history of one metric: chunks, and what is still in the log.

Read in the order in which things move (log, chunks of a day that is not over, rollups): what moves meanwhile is then
found twice and never not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from vedette.adapters.sql.chunks import observed, rolled
from vedette.adapters.sql.chunks.damage import Damages
from vedette.adapters.sql.chunks.frame import Damaged
from vedette.adapters.sql.chunks.rows import Chunk, Extent, day_of, span_of
from vedette.adapters.sql.database import Database, Params
from vedette.domain.metrics import Metric, Value
from vedette.ports.points import Found, Gap, Point, Series
from vedette.rollups.folding import Rollup, statistics
from vedette.rollups.resolutions import DAY_MS, Resolution
from vedette.rollups.windows import rolled_up

IN_LOG = """
SELECT at_ms, seq, payload FROM observation
WHERE check_id = :check_id AND place = :place AND at_ms >= :from_ms AND at_ms < :to_ms
  AND (at_ms, seq) > (:from_ms, :after_seq)
ORDER BY at_ms, seq LIMIT :limit"""

DAYS = """
SELECT DISTINCT from_ms - from_ms % :day FROM chunk
WHERE check_id = :check_id AND place = :place AND resolution = 0
  AND from_ms >= :earliest AND from_ms < :to_ms AND to_ms > :from_ms"""

IN_CHUNKS = """
SELECT id, from_ms, to_ms, data FROM chunk
WHERE check_id = :check_id AND place = :place AND resolution = :resolution
  AND extent >= :from_extent AND extent <= :to_extent
  AND from_ms >= :earliest AND from_ms < :to_ms AND to_ms > :from_ms
ORDER BY from_ms"""

_PAGE = 500

Key = tuple[int, int, Value]
"""Time, `seq`, value of one observation."""

Read = TypeVar("Read")


class _RawMetrics(msgspec.Struct, frozen=True, array_like=True):
    """The front of an observation's payload, for finding one metric without making the others."""

    metrics: dict[str, msgspec.Raw]


_decode_raw = msgspec.msgpack.Decoder(_RawMetrics).decode
_decode_metric = msgspec.msgpack.Decoder(Metric).decode


class History:
    """Reads on the event loop; others get their turn between days."""

    def __init__(self, database: Database, damages: Damages) -> None:
        self._database = database
        self._damages = damages

    async def points(self, series: Series, from_ms: int, to_ms: int, limit: int) -> Found[Point]:
        """See `ports.points.MetricPoints`."""
        logged = await self._in_log(series, from_ms, to_ms)
        params: Params = {
            **_place(series), "from_ms": from_ms, "to_ms": to_ms, "earliest": day_of(from_ms), "day": DAY_MS
        }  # fmt: skip
        days = {int(day) for (day,) in await self._database.fetch(DAYS, params)}
        reading = _Reading(self._damages)
        found: list[Point] = []
        for day in sorted(days | {day_of(at_ms) for at_ms, _, _ in logged}):
            begin, end = max(from_ms, day), min(to_ms, day + DAY_MS)
            keys = await self._chunks(series, (begin, end), reading, (Extent.OPEN, Extent.REST))
            keys += [key for key in logged if begin <= key[0] < end]
            found += [Point(at_ms, value) for at_ms, value in _first_of_each(keys)]
            if len(found) >= limit:
                break
            await asyncio.sleep(0)
        return Found(found[:limit], reading.missing(from_ms, to_ms))

    async def rollups(
        self, series: Series, resolution: Resolution, from_ms: int, to_ms: int, limit: int
    ) -> Found[Rollup]:
        """See `ports.points.MetricPoints`."""
        if to_ms <= from_ms:
            return Found([])
        start, end = resolution.window(from_ms), resolution.window(to_ms - 1) + resolution.width_ms
        reading = _Reading(self._damages)
        fresh = await self._in_log(series, start, end)
        fresh += await self._chunks(series, (start, end), reading, (Extent.OPEN, Extent.OPEN))
        windows = await self._stored(series, resolution, (start, end), reading)
        for day in sorted({day_of(key[0]) for key in fresh}):
            of_day = [key for key in fresh if day_of(key[0]) == day]
            await self._add(series, resolution, of_day, windows)
        found = [windows[at_ms] for at_ms in sorted(windows) if start <= at_ms < end]
        return Found(found[:limit], reading.missing(from_ms, to_ms))

    async def _add(self, series: Series, resolution: Resolution, fresh: list[Key], windows: dict[int, Rollup]) -> None:
        """The windows of a day with what has not been rolled up yet, as rolling up will make them."""
        day = day_of(fresh[0][0])
        stored = [start for start in windows if day <= start < day + DAY_MS]
        before: list[Key] = []
        if stored:
            before = await self._whole(series, day)
            for start in stored if before else ():
                del windows[start]
        made = rolled_up(_first_of_each([*before, *fresh]), resolution)
        for start, known in made.items():
            rollup = statistics(start, known)
            if rollup is not None and start not in windows:
                windows[start] = rollup

    async def _whole(self, series: Series, day: int) -> list[Key]:
        """The points of a day that was rolled up; none where they were forgotten or are not all there."""
        reading = _Reading(self._damages)
        return await self._chunks(series, (day, day + DAY_MS), reading, (Extent.WHOLE, Extent.WHOLE))

    async def _chunks(
        self, series: Series, between: tuple[int, int], reading: _Reading, extents: tuple[Extent, Extent]
    ) -> list[Key]:
        begin, end = between
        params: Params = {
            **_place(series), "resolution": 0, "earliest": day_of(begin), "from_ms": begin, "to_ms": end,
            "from_extent": extents[0].value, "to_extent": extents[1].value,
        }  # fmt: skip
        keys: list[Key] = []
        for row in await self._database.fetch(IN_CHUNKS, params):
            keys += reading.of(Chunk(*row), lambda data: observed.points_of(data, series.name)) or []
        return [key for key in keys if begin <= key[0] < end]

    async def _stored(
        self, series: Series, resolution: Resolution, between: tuple[int, int], reading: _Reading
    ) -> dict[int, Rollup]:
        begin, end = between
        params: Params = {
            **_place(series), "resolution": resolution.minutes, "earliest": span_of(resolution, begin)[0],
            "from_ms": begin, "to_ms": end,
            "from_extent": Extent.WHOLE.value, "to_extent": Extent.WHOLE.value,
        }  # fmt: skip
        windows: dict[int, Rollup] = {}
        for row in await self._database.fetch(IN_CHUNKS, params):
            windows |= reading.of(Chunk(*row), lambda data: rolled.rollups_of(data, series.name)) or {}
        return windows

    async def _in_log(self, series: Series, from_ms: int, to_ms: int) -> list[Key]:
        keys: list[Key] = []
        after_seq = -1
        while True:
            params: Params = {
                **_place(series), "from_ms": from_ms, "to_ms": to_ms, "after_seq": after_seq, "limit": _PAGE
            }  # fmt: skip
            page = await self._database.fetch(IN_LOG, params)
            for at_ms, seq, data in page:
                raw = _decode_raw(data).metrics.get(series.name)
                if raw is not None:
                    keys.append((at_ms, seq, _decode_metric(raw).value))
            if len(page) < _PAGE:
                return keys
            from_ms, after_seq, _ = page[-1]
            await asyncio.sleep(0)  # SQLite is read on the event loop


class _Reading:
    """One look at chunks, and where something was lost."""

    def __init__(self, damages: Damages) -> None:
        self._damages = damages
        self.gaps: list[Gap] = []

    def of(self, chunk: Chunk, read: Callable[[bytes], Read]) -> Read | None:
        try:
            return read(chunk.data)
        except Damaged as damaged:
            self._damages.met(chunk.id, damaged)
            self.gaps.append(Gap(chunk.from_ms, chunk.to_ms))
            return None

    def missing(self, from_ms: int, to_ms: int) -> tuple[Gap, ...]:
        """Cut to what was asked for."""
        return tuple(Gap(max(gap.from_ms, from_ms), min(gap.to_ms, to_ms)) for gap in self.gaps)


def _place(series: Series) -> Params:
    return {"check_id": series.check_id, "place": series.place}


def _first_of_each(keys: Sequence[Key]) -> list[tuple[int, Value]]:
    """(time, value) in the order of time; of one time the first that was reported."""
    firsts: dict[int, Value] = {}
    for at_ms, _, value in sorted(keys, key=_order):
        firsts.setdefault(at_ms, value)
    return list(firsts.items())


def _order(key: Key) -> tuple[int, int]:
    return key[0], key[1]
