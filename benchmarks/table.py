"""What a benchmark prints: ratios with their spread, absolute figures beside them, and what is missing."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True)
class Row:
    """One comparison; `ratios` are ours / theirs, one a pair of runs."""

    what: str
    against: str
    ours: Sequence[float]  # absolute, in `unit`
    theirs: Sequence[float]
    unit: str
    aim: float | None  # the ratio, or the absolute figure where there is no peer; None: there is none
    at_most: bool = False  # less is better; of absolute figures only

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)] if self.theirs else []


@dataclass
class Table:
    """Prints itself; says which aims hold."""

    title: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        table = RichTable(title=f"{self.title}  ({platform.machine()}, Python {platform.python_version()})")
        for column in ("what", "against", "ratio: median (min..max)", "aim", "ours", "theirs", "holds"):
            table.add_column(column)
        for row in self.rows:
            table.add_row(*_cells(row))
        console = Console(width=150)
        with console.capture() as capture:
            console.print(table)
            for note in self.notes:
                console.print(note)
        return capture.get()


def _cells(row: Row) -> tuple[str, ...]:
    ours = f"{statistics.median(row.ours):,.0f} {row.unit}"
    if not row.theirs and row.aim is not None:
        measured = statistics.median(row.ours)
        holds = measured <= row.aim if row.at_most else measured >= row.aim
        aim = f"{'<=' if row.at_most else '>='} {row.aim:g} {row.unit}"
        return row.what, row.against, "", aim, ours, "", "yes" if holds else "NO"
    ratios = row.ratios
    median = statistics.median(ratios)
    shown = f"{median:.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
    theirs = f"{statistics.median(row.theirs):,.0f} {row.unit}"
    if row.aim is None:
        return row.what, row.against, shown, "-", ours, theirs, "-"
    return row.what, row.against, shown, f">= {row.aim:g}", ours, theirs, "yes" if median >= row.aim else "NO"
