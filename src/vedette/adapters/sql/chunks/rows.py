"""Rows of chunks: of observations (`resolution` 0) from first to last, of rollups from one edge of a span to the next.

A chunk is never changed but replaced by a newer row: rows lie in the order they were written, so those of one age lie
together, and their pages become free together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec

from vedette.adapters.sql.chunks import observed
from vedette.adapters.sql.database import SqlWrite, Statement
from vedette.domain.observations import Observation
from vedette.ports.chunks import Source
from vedette.rollups.resolutions import DAY_MS, Resolution

Entries = Sequence[tuple[int, Observation]]
"""Observations with their `seq`."""

ADD = """
INSERT INTO chunk (check_id, place, resolution, from_ms, to_ms, arrived_from_ms, arrived_to_ms, first_seq, last_seq,
    number, extent, size, data)
VALUES (:check_id, :place, :resolution, :from_ms, :to_ms, :arrived_from_ms, :arrived_to_ms, :first_seq, :last_seq,
    :number, :extent, :size, :data)"""

REMOVE = "DELETE FROM chunk WHERE id = :id"

_WINDOWS = 288
"""In a span of each resolution: a day of the finest, of the others a whole number of days."""


class Extent(IntEnum):
    """How much of its day a chunk of observations is."""

    OPEN = 0  # some of it: the day has not been rolled up since
    WHOLE = 1  # all of it, as far as it has come
    REST = 2  # what there is of it: others were forgotten before these came, or cannot be read


class Chunk(msgspec.Struct, frozen=True):
    """What is read of a row."""

    id: int
    from_ms: int
    to_ms: int
    data: bytes


def day_of(at_ms: int) -> int:
    """When the UTC day of a moment began."""
    return at_ms - at_ms % DAY_MS


def span_of(resolution: Resolution, at_ms: int) -> tuple[int, int]:
    """From where to where the chunk of rollups goes that a moment is in."""
    length = resolution.width_ms * _WINDOWS
    start = at_ms - at_ms % length
    return start, start + length


def observations(source: Source, entries: Entries, extent: Extent) -> Statement:
    """Adds a chunk of observations of one day."""
    data = observed.packed(entries)
    times = [one.at_ms for _, one in entries]
    arrivals = [one.arrival_ms for _, one in entries]
    numbers = [seq for seq, _ in entries]
    return Statement(
        ADD,
        {
            "check_id": source.check_id,
            "place": source.place,
            "resolution": 0,
            "from_ms": min(times),
            "to_ms": max(times) + 1,
            "arrived_from_ms": min(arrivals),
            "arrived_to_ms": max(arrivals) + 1,
            "first_seq": min(numbers),
            "last_seq": max(numbers),
            "number": len(entries),
            "extent": extent.value,
            "size": len(data),
            "data": data,
        },
    )


def rollups(source: Source, resolution: Resolution, span: tuple[int, int], data: bytes) -> Statement:
    """Adds a chunk of rollups."""
    return Statement(
        ADD,
        {
            "check_id": source.check_id,
            "place": source.place,
            "resolution": resolution.minutes,
            "from_ms": span[0],
            "to_ms": span[1],
            "arrived_from_ms": 0,
            "arrived_to_ms": 0,
            "first_seq": 0,
            "last_seq": 0,
            "number": 0,
            "extent": Extent.WHOLE.value,
            "size": len(data),
            "data": data,
        },
    )


def replacing(old: Iterable[Chunk], new: Iterable[Statement], *others: Statement) -> SqlWrite:
    """Guard `chunk`: what is replaced is as it was read."""
    gone = [Statement(REMOVE, {"id": chunk.id}, expect=1, guard="chunk") for chunk in old]
    return SqlWrite((*gone, *new, *others))
