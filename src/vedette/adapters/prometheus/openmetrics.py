"""OpenMetrics text, written and read: points of ours by the names and labels that a metric store knows them by.

A file ends with `# EOF`, so one that was cut off is known for what it is. Times are seconds with three decimals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from vedette.adapters.prometheus.labels import Identity, labels_of

END = "# EOF"

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(,|})')
_REST = re.compile(r"\s+(\S+)(?:\s+(\S+))?(?:\s+#.*)?\s*")
_TIME = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_WHOLE = re.compile(r"-?[0-9]{1,20}")
_INTEGERS = frozenset("iIlL")
_TYPES = _INTEGERS | {"D"}
_LONGEST = {"metric": 256, "unit": 64, "zone": 64}
_LONGEST_OF_OTHERS = 1 << 20
_LAST_MS = 253_370_764_800_000
_escapes = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_escaped = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Malformed(Exception):
    """A line that is no point of ours; `str()` says which line, what is wrong and what was expected."""

    def __init__(self, line: int, wrong: str, expected: str) -> None:
        super().__init__(f"line {line}: {wrong}; expected {expected}")


class Line(msgspec.Struct, frozen=True):
    """A point with the number of its line."""

    number: int
    tenant_id: str  # empty where it does not say
    check_id: str
    place: str
    metric: str
    unit: str
    type: str  # one letter
    at_ms: int
    value: int | float


def head(family: str) -> str:
    """What stands before the points of all series of one name."""
    return f"# TYPE {family} gauge\n"


def lines(identity: Identity, points: Iterable[tuple[int, int | float]]) -> Iterator[str]:
    """The points of one series, which are to be in the order of time."""
    (_, name), *labels = labels_of(identity)
    shown = ",".join(f'{label}="{text.translate(_escaped)}"' for label, text in labels)
    for at_ms, value in points:
        yield f"{name}{{{shown}}} {_number(value)} {at_ms // 1000}.{at_ms % 1000:03d}\n"


def read(text: Iterable[str]) -> Iterator[Line | None]:
    """Point by point, None for one whose value is NaN. Raises `Malformed`."""
    number, has_ended = 0, False
    for number, line in enumerate(text, 1):
        if has_ended:
            raise Malformed(number, f"something follows {END}", "the end of the file")
        if line.rstrip("\r\n") == END:
            has_ended = True
        elif not line.startswith("#") and line.strip():
            yield _point(number, line)
    if not has_ended:
        raise Malformed(number, f"the file ends without {END}", "a file that is whole")


def _point(number: int, line: str) -> Line | None:
    name = _NAME.match(line)
    if name is None:
        raise Malformed(number, "it begins with no metric name", 'NAME{LABEL="VALUE",...} NUMBER SECONDS')
    labels, end = _labels(number, line, name.end())
    rest = _REST.fullmatch(line, end)
    if rest is None or rest[2] is None:
        raise Malformed(number, "number or time is missing", "a number and a time after the labels")
    for label in ("check", "metric"):
        if not labels.get(label):
            raise Malformed(number, f"label {label} is missing", "the labels that `vedette metrics export` writes")
    for label, text in labels.items():
        if len(text) > _LONGEST.get(label, _LONGEST_OF_OTHERS):
            raise Malformed(number, f"label {label} is too long", f"{_LONGEST.get(label)} characters at most")
    letter = labels.get("type", "D")
    if letter not in _TYPES:
        raise Malformed(number, f"type {letter!r} is no type of a number", "one of " + ", ".join(sorted(_TYPES)))
    value, at_ms = _value(number, rest[1], letter), _milliseconds(number, rest[2])
    if value != value:  # noqa: PLR0124 - NaN is not equal to itself
        return None
    unit = labels.get("unit", "unknown")
    return Line(
        number,
        labels.get("tenant", ""),
        labels["check"],
        labels.get("zone", ""),
        labels["metric"],
        unit,
        letter,
        at_ms,
        value,
    )


def _labels(number: int, line: str, start: int) -> tuple[dict[str, str], int]:
    """And where they end."""
    found: dict[str, str] = {}
    if line[start : start + 1] != "{":
        return found, start
    start += 1
    while True:
        label = _LABEL.match(line, start)
        if label is None:
            raise Malformed(number, f"the label at character {start + 1} is none", 'LABEL="VALUE" and then , or }')
        found[label[1]] = re.sub(r"\\.", lambda one: _escapes.get(one[0], one[0]), label[2])
        start = label.end()
        if label[3] == "}":
            return found, start


def _value(number: int, text: str, letter: str) -> int | float:
    if letter in _INTEGERS and _WHOLE.fullmatch(text):
        whole = int(text)
        if not -(2**63) <= whole < 2**64:
            raise Malformed(number, f"{text!r} has more than 64 bits", "an integer of a metric")
        return whole
    try:
        if "_" in text or not text.isascii():
            raise ValueError(text)
        return float(text)
    except ValueError:
        raise Malformed(number, f"{text[:32]!r} is no number", "a number, +Inf, -Inf or NaN") from None


def _milliseconds(number: int, text: str) -> int:
    time = _TIME.fullmatch(text)
    if time is None:
        raise Malformed(number, f"{text[:32]!r} is no time", "seconds since the epoch")
    at_ms = int(time[1]) * 1000 + int((time[2] or "").ljust(3, "0")[:3])
    if at_ms > _LAST_MS:
        raise Malformed(number, f"{text[:32]!r} is too far in the future", "seconds since the epoch")
    return at_ms


def _number(value: float) -> str:
    text = repr(value)
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(text, text)


def families(identities: Sequence[Identity]) -> list[Identity]:
    """In the order in which they are to be written: those of one name together."""
    return sorted(identities, key=lambda identity: (labels_of(identity)[0][1], identity))
