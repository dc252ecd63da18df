"""`storage`: bytes a point after 30 days: two at full resolution, the rest rolled up; index, log and free pages count.

Some 90 series by default; `SERIES=10000 make bench B=storage` takes hours.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import metric_stores, recorded
from benchmarks.recorded import Check
from benchmarks.table import Row, Table
from vedette.adapters.sql.chunks import observed, rolled
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.domain.documents import Document, Kind
from vedette.domain.observations import Observation
from vedette.ports.accounts import Tenant
from vedette.rollups.resolutions import DAY_MS, Resolution
from vedette.services.point_expiry import PointExpiry
from vedette.services.roll_up import PASS_MS, RollUp

DAYS = 30
SERIES = int(os.environ.get("SERIES", "90"))
AIM = 4
MINUTE_MS = 60_000
_NO_LIMIT = 1 << 60
_SERIES_A_CHECK = 9  # on average
_END_MS = 20_400 * DAY_MS + DAY_MS // 2  # at noon: half a day is not rolled up yet


@dataclass
class Held:
    """What there is at the end."""

    bytes: int = 0  # of the file, less what an empty one has
    free: int = 0  # of these, in pages that wait to be used again
    points: Counter[Resolution] = field(default_factory=Counter)
    recorded: int = 0  # points that came in all the days
    by_type: Counter[tuple[str, str]] = field(default_factory=Counter)  # check type, what -> bytes or points

    def a_point(self, type: str) -> float:
        """Bytes in the chunks of one type of check."""
        return self.by_type[type, "bytes"] / self.by_type[type, "points"]


def run() -> Table:
    """Bytes of what is held; and of the days that it is of, where peers hold every point: what their figures are of."""
    watched = recorded.checks(max(SERIES // _SERIES_A_CHECK, len(recorded.KINDS)))
    table = Table(f"storage: {len(watched)} checks, {DAYS} days, a minute apart, SQLite")
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder, metric_stores.feeds() as feeds:
        held = asyncio.run(_live(Path(folder), watched, feeds))
        points = sum(held.points.values())
        table.rows.append(
            Row("bytes of 1,000 points held", "-", [1000 * held.bytes / points], [], "B", AIM * 1000, at_most=True)
        )
        table.notes += [
            f"{held.bytes / 1e6:.1f} MB ({held.free / 1e6:.1f} MB of it free pages) for {points:,} points: "
            + ", ".join(f"{count:,} at {resolution}" for resolution, count in sorted(held.points.items())),
            f"a point in chunks: {', '.join(f'{type} {held.a_point(type):.2f} B' for type in recorded.KINDS)}",
            f"a recorded point ({held.recorded:,} in {DAYS} days): {held.bytes / held.recorded:.2f} B",
        ]
        recorded_a_mb = held.recorded / (held.bytes / 1e6)
        for feed in feeds:
            theirs = feed.points / (feed.size() / 1e6)
            table.rows.append(Row(f"points recorded in {DAYS} days, a MB", feed.name, [recorded_a_mb], [theirs], "", 1))
    table.notes += metric_stores.missing()
    return table


async def _live(folder: Path, watched: Sequence[Check], feeds: Sequence[metric_stores.Feed]) -> Held:
    """All the days, by a clock that is ours."""
    held = Held()
    database = SqliteDatabase(folder / "points.db")
    await database.start()
    held.bytes = -_size(folder)
    opened = stores(database)
    await _configure(opened, watched)
    now_ms = 0
    rolling = RollUp(opened.chunks, opened.commit, lambda: now_ms)
    expiry = PointExpiry(opened.chunks, opened.commit, lambda: now_ms, _NO_LIMIT)
    async for observations in _passes(watched):
        held.recorded += sum(not isinstance(m.value, str) for one in observations for m in one.metrics.values())
        now_ms = observations[-1].arrival_ms
        await _append(opened, observations)
        for feed in feeds:
            feed.take(observations)
        while await rolling.step():
            pass
        for _ in range(4):
            await expiry.step()
    await _count(database, held, {check.id: check.type for check in watched})
    await database.stop()
    held.bytes += _size(folder)
    held.free = _free(folder)
    return held


async def _configure(opened: Stores, watched: Sequence[Check]) -> None:
    """Without alarms: what has one is kept longer."""
    plain: dict[str, Any] = {"tenant_id": recorded.TENANT, "created_at": 1, "updated_at": 1, "public": b"{}"}
    await opened.commit(opened.accounts.add_tenant(Tenant(id=recorded.TENANT, created_at=1)))
    await opened.commit(opened.documents.add(Document(kind=Kind.ENTITY, id=recorded.ENTITY, **plain)))
    for check in watched:
        added = Document(kind=Kind.CHECK, id=check.id, entity_id=recorded.ENTITY, **plain)
        await opened.commit(opened.documents.add(added))


async def _passes(watched: Sequence[Check]) -> AsyncIterator[list[Observation]]:
    """What comes from one emptying of the log to the next."""
    minutes = PASS_MS // MINUTE_MS
    for start in range(_END_MS - DAYS * DAY_MS, _END_MS, PASS_MS):
        yield [
            await check.observation(start + minute * MINUTE_MS) for minute in range(minutes) for check in watched
        ]  # fmt: skip


async def _append(opened: Stores, observations: Sequence[Observation]) -> None:
    """As evaluation leaves it."""
    before = await opened.observations.cursor("evaluate")
    await opened.commit(opened.observations.append(observations))
    await opened.commit(opened.observations.advance("evaluate", before, before + len(observations)))


async def _count(database: SqliteDatabase, held: Held, types: Mapping[str, str]) -> None:
    """Numbers only: text is recorded on change."""
    rows = await database.fetch("SELECT check_id, place, resolution, data FROM chunk", {})
    for check_id, place, minutes, data in rows:
        resolution = Resolution(f"MIN{minutes}") if minutes else Resolution.FULL
        points = _rolled(data) if minutes else _observed(data, check_id, place)
        held.points[resolution] += points
        held.by_type[types[check_id], "points"] += points
        held.by_type[types[check_id], "bytes"] += len(data)
    opened = stores(database)
    for one in await opened.observations.after(0, 10_000_000):
        if isinstance(one.entry, Observation):
            held.points[Resolution.FULL] += _numbers(one.entry)


def _rolled(data: bytes) -> int:
    return sum(map(len, rolled.metrics_of(data).values()))


def _observed(data: bytes, check_id: str, place: str) -> int:
    entries = [one.entry for one in observed.entries_of(data, check_id, place)]
    return sum(_numbers(one) for one in entries if isinstance(one, Observation))


def _numbers(observation: Observation) -> int:
    return sum(not isinstance(metric.value, str) for metric in observation.metrics.values())


def _size(folder: Path) -> int:
    """Of the file, when everything that was written is in it."""
    with sqlite3.connect(folder / "points.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (folder / "points.db").stat().st_size


def _free(folder: Path) -> int:
    with sqlite3.connect(folder / "points.db") as connection:
        (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages * size)
