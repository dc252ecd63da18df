"""From the observations of a day to its rollups.

Windows never reach over midnight, so those of a day are made of its observations alone, all at once and each time anew:
nothing is added twice, however late or often an observation comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from vedette.adapters.sql.chunks import rolled, rows
from vedette.adapters.sql.chunks.damage import Damages
from vedette.adapters.sql.chunks.frame import Damaged
from vedette.adapters.sql.chunks.moving import entries_of
from vedette.adapters.sql.chunks.rolled import Window
from vedette.adapters.sql.chunks.rows import Chunk, Entries, Extent
from vedette.adapters.sql.database import Database, Params, SqlWrite, Statement
from vedette.domain.metrics import Value
from vedette.domain.observations import Observation
from vedette.ports.chunks import Day, Source
from vedette.rollups.resolutions import DAY_MS, ROLLED_UP, Resolution
from vedette.rollups.windows import coarser, rolled_up

UNROLLED = """
SELECT check_id, place, MIN(from_ms) FROM (
    SELECT check_id, place, from_ms FROM chunk WHERE extent = 0 AND to_ms <= :before_ms ORDER BY to_ms LIMIT :most
) AS open GROUP BY check_id, place LIMIT :limit"""

OF_DAY = """
SELECT id, from_ms, to_ms, data, extent FROM chunk
WHERE check_id = :check_id AND place = :place AND resolution = 0 AND from_ms >= :from_ms AND from_ms < :to_ms
ORDER BY last_seq"""

OF_SPAN = """
SELECT id, from_ms, to_ms, data FROM chunk
WHERE check_id = :check_id AND place = :place AND resolution = :resolution AND from_ms = :from_ms"""

# What cannot be read is waited for no more.
GIVEN_UP = f"UPDATE chunk SET extent = {Extent.REST.value} WHERE id = :id"

Windows = dict[str, dict[int, Window]]
"""By metric and beginning."""

_PARTS = 64  # of one day that is not whole yet, seldom more


class _Known(msgspec.Struct, frozen=True):
    """All that is known of a day."""

    chunks: Sequence[Chunk]  # that could be read
    entries: Entries
    lost: Sequence[int]  # ids of those that could not
    has_all: bool = False  # nothing of an earlier time is lost


class Roller:
    """Makes the writes that roll days up."""

    def __init__(self, database: Database, damages: Damages) -> None:
        self._database = database
        self._damages = damages

    async def unrolled(self, before_ms: int, limit: int) -> list[Day]:
        """See `ports.chunks.Chunks`; of each source the earliest."""
        params: Params = {"before_ms": before_ms, "limit": limit, "most": _PARTS * limit}
        found = await self._database.fetch(UNROLLED, params)
        return [Day(Source(check_id, place), rows.day_of(from_ms)) for check_id, place, from_ms in found]

    async def rolled_up(self, day: Day) -> SqlWrite | None:
        """See `ports.chunks.Chunks`."""
        before: dict[Resolution, Sequence[Chunk]] = {}
        for resolution in ROLLED_UP:
            before[resolution] = await self._span(day.source, resolution, rows.span_of(resolution, day.start_ms))
        known = await self._day(day)
        if not known.chunks:
            return SqlWrite(_given_up(known.lost)) if known.lost else None
        return await asyncio.to_thread(self._write, day, known, before)

    async def _span(self, source: Source, resolution: Resolution, span: tuple[int, int]) -> Sequence[Chunk]:
        params: Params = {"check_id": source.check_id, "place": source.place, "resolution": resolution.minutes}
        found = await self._database.fetch(OF_SPAN, {**params, "from_ms": span[0]})
        return [Chunk(*row) for row in found]

    async def _day(self, day: Day) -> _Known:
        params: Params = {"check_id": day.source.check_id, "place": day.source.place}
        found = await self._database.fetch(
            OF_DAY, {**params, "from_ms": day.start_ms, "to_ms": day.start_ms + DAY_MS}
        )  # fmt: skip
        known = await asyncio.to_thread(self._opened, day.source, [Chunk(*row) for *row, _ in found])
        extents = {Extent(extent) for *_, extent in found}
        has_all = Extent.WHOLE in extents and Extent.REST not in extents and not known.lost
        return msgspec.structs.replace(known, has_all=has_all)

    def _opened(self, source: Source, chunks: Sequence[Chunk]) -> _Known:
        entries: list[tuple[int, Observation]] = []
        readable, lost = [], []
        for chunk in chunks:
            try:
                entries += entries_of(source, [chunk])
            except Damaged as damaged:
                self._damages.met(chunk.id, damaged)
                lost.append(chunk.id)
            else:
                readable.append(chunk)
        return _Known(readable, entries, lost)

    def _write(self, day: Day, known: _Known, before: Mapping[Resolution, Sequence[Chunk]]) -> SqlWrite:
        stored = {resolution: self._stored(chunks) for resolution, chunks in before.items()}
        is_first = not known.lost and not any(_has_any(windows, day.start_ms) for windows in stored.values())
        extent = Extent.WHOLE if known.has_all or is_first else Extent.REST
        old, new = list(known.chunks), [rows.observations(day.source, known.entries, extent)]
        for resolution, windows in windows_of_day(known.entries).items():
            all_of_span = combined(stored[resolution], windows, day.start_ms, replaces=known.has_all)
            old += before[resolution]
            span = rows.span_of(resolution, day.start_ms)
            new.append(rows.rollups(day.source, resolution, span, rolled.packed(all_of_span)))
        return rows.replacing(old, new, *_given_up(known.lost))

    def _stored(self, chunks: Sequence[Chunk]) -> dict[str, dict[int, Window]]:
        try:
            return rolled.metrics_of(chunks[0].data) if chunks else {}
        except Damaged as damaged:
            self._damages.met(chunks[0].id, damaged)
            return {}


def _given_up(ids: Iterable[int]) -> tuple[Statement, ...]:
    return tuple(Statement(GIVEN_UP, {"id": id}) for id in ids)


def _has_any(windows: Windows, day: int) -> bool:
    return any(day <= start < day + DAY_MS for of_metric in windows.values() for start in of_metric)


def windows_of_day(entries: Entries) -> dict[Resolution, Windows]:
    """Of each resolution, by metric."""
    made: dict[Resolution, Windows] = {resolution: {} for resolution in ROLLED_UP}
    for name, points in _points(entries).items():
        windows = rolled_up(points, ROLLED_UP[0])
        if not windows:  # text
            continue
        for resolution in ROLLED_UP:
            if resolution is not ROLLED_UP[0]:
                windows = coarser(windows, resolution)
            made[resolution][name] = dict(windows)
    return made


def combined(stored: Windows, made: Windows, day: int, *, replaces: bool) -> Windows:
    """The stored windows with those of a day that were made now; those that are stored win unless `replaces`."""
    result = {name: dict(windows) for name, windows in stored.items()}
    if replaces:
        for windows in result.values():
            for start in [one for one in windows if day <= one < day + DAY_MS]:
                del windows[start]
    for name, windows in made.items():
        kept = result.setdefault(name, {})
        result[name] = {**windows, **kept}
    return {name: windows for name, windows in result.items() if windows}


def _points(entries: Entries) -> dict[str, list[tuple[int, Value]]]:
    """(time, value) of each metric in the order of time; of one time the first that was reported."""
    points: dict[str, list[tuple[int, Value]]] = {}
    for _, observation in sorted(entries, key=lambda entry: (entry[1].at_ms, entry[0])):
        for name, metric in observation.metrics.items():
            series = points.setdefault(name, [])
            if not series or series[-1][0] != observation.at_ms:
                series.append((observation.at_ms, metric.value))
    return points
