"""Points of a file, put in the order of their checks and days: by SQLite, on disk, however many they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from vedette.adapters.prometheus.openmetrics import Line
from vedette.domain.metrics import Metric
from vedette.rollups.resolutions import DAY_MS

_MAKE = """
CREATE TABLE point (
    tenant_id TEXT, check_id TEXT, place TEXT, at_ms INTEGER, metric TEXT, value, unit TEXT, type TEXT, line INTEGER)"""
_ADD = "INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_IN_ORDER = """
SELECT tenant_id, check_id, place, at_ms - at_ms % ?, at_ms, metric, value, unit, type FROM point
ORDER BY tenant_id, check_id, place, at_ms, line"""
_FIRST_LINES = "SELECT tenant_id, check_id, place, MIN(line) FROM point GROUP BY 1, 2, 3 ORDER BY 4"


class OneDay(msgspec.Struct, frozen=True):
    """What the file says of one check from one place on one UTC day."""

    tenant_id: str
    check_id: str
    place: str
    start_ms: int
    points: dict[int, dict[str, Metric]]


class SortedPoints:
    """A temporary file without a name; it goes with `close`."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(_MAKE)

    def add(self, lines: Iterable[Line]) -> int:
        """How many there were."""
        before = self._database.total_changes
        self._database.execute("BEGIN")
        self._database.executemany(_ADD, map(_row, lines))
        self._database.execute("COMMIT")
        return self._database.total_changes - before

    def checks(self) -> list[tuple[str, str, str, int]]:
        """Tenant, check and place of each, and the first line that is about it."""
        return self._database.execute(_FIRST_LINES).fetchall()

    def days(self) -> Iterator[OneDay]:
        """Of several values of one time the one that stands first counts."""
        rows = self._database.execute(_IN_ORDER, (DAY_MS,))
        for (tenant_id, check_id, place, start_ms), of_day in groupby(rows, lambda row: tuple(row[:4])):
            points: dict[int, dict[str, Metric]] = {}
            for *_, at_ms, metric, value, unit, letter in of_day:
                points.setdefault(at_ms, {}).setdefault(metric, Metric(letter, _number(value), unit))
            yield OneDay(tenant_id, check_id, place, start_ms, points)

    def close(self) -> None:
        self._database.close()


def _row(line: Line) -> tuple[Any, ...]:
    # SQLite's integers end at 63 bits; ours do not.
    value = str(line.value) if isinstance(line.value, int) and abs(line.value) >= 1 << 63 else line.value
    identity = (line.tenant_id, line.check_id, line.place, line.at_ms)
    return (*identity, line.metric, value, line.unit, line.type, line.number)


def _number(value: float | str) -> int | float:
    return int(value) if isinstance(value, str) else value
