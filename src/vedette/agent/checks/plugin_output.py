"""What a plugin prints, line by line (wire protocol, 12; reference: agent.plugin).

    status TEXT
    state available|unavailable
    metric NAME TYPE VALUE [UNIT]
    timestamp MILLISECONDS

The first status counts. One that begins with `ok`, `warn` or `err` is a Cloudkick plugin's: the word becomes the metric
`legacy_state`. Any other line makes the result unavailable and is its status; blank lines are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from vedette.agent.reading import SUCCESS, Reading, unavailable
from vedette.wire.messages import LONGEST_STATUS
from vedette.wire.metrics import WireMetric, number_of

_NAME = re.compile(r"[A-Za-z0-9:_.]{1,256}")
_TYPES = {"float": "double", "int": "int64"} | {
    name: name for name in ("string", "gauge", "int32", "uint32", "int64", "uint64", "double")
}
_LEGACY = re.compile(r"(ok|warn|err)(?:\s+(.*)|$)", re.DOTALL)
_SHOWN = 128


class WrongLine(Exception):
    """A line that is none of the four; the text says which and why."""


class Output:
    """Takes lines in any order."""

    def __init__(self) -> None:
        self.metrics: dict[str, WireMetric] = {}
        self.status: str | None = None
        self.available = True
        self.timestamp_ms: int | None = None

    def take(self, line: str) -> None:
        """Raises `WrongLine`."""
        word, _, rest = line.strip().partition(" ")
        if not word:
            return
        handler = _LINES.get(word)
        if handler is None:
            raise WrongLine(f"Unrecognized line '{line[:_SHOWN]}'")
        handler(self, rest.strip())

    def _take_status(self, rest: str) -> None:
        if self.status is not None:
            return
        legacy = _LEGACY.fullmatch(rest)
        if legacy is not None:
            self.metrics["legacy_state"] = WireMetric("string", legacy[1])
            rest = legacy[2] or ""
        self.status = rest.encode()[:LONGEST_STATUS].decode(errors="ignore")

    def _take_state(self, rest: str) -> None:
        if rest not in {"available", "unavailable"}:
            raise WrongLine(f"Invalid state '{rest[:_SHOWN]}': expected available or unavailable")
        self.available = rest == "available"

    def _take_timestamp(self, rest: str) -> None:
        if not (rest.isascii() and rest.isdigit() and len(rest) < 16):
            raise WrongLine(f"Invalid timestamp '{rest[:_SHOWN]}': expected milliseconds since 1970")
        self.timestamp_ms = int(rest)

    def _take_metric(self, rest: str) -> None:
        name, kind, *words = rest.split() + [""] * 2
        words = [word for word in words if word]
        if not _NAME.fullmatch(name) or kind not in _TYPES or not words:
            raise WrongLine(f"Invalid metric line '{rest[:_SHOWN]}': expected a name, a type, a value and maybe a unit")
        if kind == "string":
            self.metrics[name] = WireMetric("string", " ".join(words))
            return
        if len(words) > 2:
            raise WrongLine(f"Invalid metric line '{rest[:_SHOWN]}': expected one value and at most one unit")
        if number_of(words[0]) is not None:  # what is no number is left out, as stock agents do
            self.metrics[name] = WireMetric(_TYPES[kind], *words)


_LINES: Mapping[str, Callable[[Output, str], None]] = MappingProxyType(
    {
        "status": Output._take_status,  # noqa: SLF001 - the table belongs to the class
        "state": Output._take_state,  # noqa: SLF001
        "metric": Output._take_metric,  # noqa: SLF001
        "timestamp": Output._take_timestamp,  # noqa: SLF001
    }
)


def reading_of(printed: str, code: int) -> Reading:
    """Of a plugin that ended by itself with this exit code; what failed has no metrics."""
    output = Output()
    try:
        for line in printed.split("\n"):
            output.take(line)
    except WrongLine as error:
        return unavailable(str(error))
    if code != 0:
        return unavailable(output.status or f"Plugin exited with non-zero status code (code={code})")
    return Reading(
        metrics=output.metrics,
        available=output.available,
        status=SUCCESS if output.status is None else output.status,
        timestamp_ms=output.timestamp_ms,
    )
