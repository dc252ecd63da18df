"""A stretch of time as one line of a terminal: the worst state of each slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

_MARKS = {"UNKNOWN": " ", "OK": "▁", "WARNING": "▄", "CRITICAL": "█"}
_STYLES = {"UNKNOWN": "", "OK": "green", "WARNING": "yellow", "CRITICAL": "red"}
_SEVERITY = {state: rank for rank, state in enumerate(_MARKS)}
PAGED = "▲"
LEGEND = "▁ OK   ▄ WARNING   █ CRITICAL   ▲ somebody is told"


def slots(side: Mapping[str, Any], from_ms: int, to_ms: int, width: int) -> list[str]:
    """The worst state in each of `width` slots, of an answer's `would` or `was`."""
    worst = ["UNKNOWN"] * width
    turns = [(from_ms, side["state"]), *((one["timestamp"], one["state"]) for one in side["timeline"])]
    ends = [at_ms for at_ms, _ in turns[1:]] + [to_ms]
    for (begin_ms, state), end_ms in zip(turns, ends, strict=True):
        last = _slot(max(end_ms - 1, begin_ms), from_ms, to_ms, width)
        for slot in range(_slot(begin_ms, from_ms, to_ms, width), last + 1):
            worst[slot] = max(worst[slot], state, key=_severity)
    return worst


def chart(states: Sequence[str]) -> Text:
    """Readable without colours too."""
    line = Text()
    for state in states:
        line.append(_MARKS[state], style=_STYLES[state])
    return line


def pages(side: Mapping[str, Any], from_ms: int, to_ms: int, width: int) -> Text:
    """A mark in each slot in which somebody is told."""
    told = {_slot(one["timestamp"], from_ms, to_ms, width) for one in side["notifications"]}
    return Text("".join(PAGED if slot in told else " " for slot in range(width)).rstrip())


def _slot(at_ms: int, from_ms: int, to_ms: int, width: int) -> int:
    return min(max((at_ms - from_ms) * width // (to_ms - from_ms), 0), width - 1)


def _severity(state: str) -> int:
    return _SEVERITY[state]
