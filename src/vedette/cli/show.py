"""Results on standard output: a table for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

_UNLIMITED = 10_000  # columns of a pipe: nothing is cut or wrapped

Shown = Mapping[str, Any]


def show(result: Shown | Sequence[Shown], columns: Sequence[str], *, is_json: bool) -> None:
    """One object or a list of them, with these members."""
    if is_json:
        print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
        return
    rows = [result] if isinstance(result, Mapping) else result
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.upper().replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(column, row[column]) for column in columns))
    Console(width=None if sys.stdout.isatty() else _UNLIMITED, markup=False, highlight=False).print(table)


def _cell(column: str, value: Any) -> str:
    if column.endswith("_at"):
        return "" if value is None else datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)
