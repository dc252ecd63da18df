"""The body of a remote write (version 0.1.0): a protobuf `WriteRequest`, written by hand.

    message WriteRequest { repeated TimeSeries timeseries = 1; }
    message TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
    message Label        { string name = 1; string value = 2; }
    message Sample       { double value = 1; int64 timestamp = 2; }   // milliseconds since the epoch

Four messages of two fields are less than a library and its generated code, and the labels of a series are encoded once.
Two encoded requests put one after the other are a request with the series of both: so batches grow without decoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vedette.adapters.prometheus.labels import Identity, labels_of

_FIRST, _SECOND = b"\x0a", b"\x12"  # field 1 and 2, with a length before them
_value_of_sample = struct.Struct("<Bd").pack
_MOST_REMEMBERED = 100_000


class Sample(NamedTuple):
    """One point of a series as a Prometheus-protocol store keeps it."""

    series: Identity
    at_ms: int
    value: float


class Encoder:
    """Remembers the encoded labels of the series it has met."""

    def __init__(self) -> None:
        self._labels: dict[Identity, bytes] = {}

    def __call__(self, samples: Iterable[Sample]) -> bytes:
        """Each series once, its samples in the order of their time: a store may refuse them otherwise.

        Of several at the same time the first counts.
        """
        by_series: dict[Identity, dict[int, float]] = {}
        for series, at_ms, value in samples:
            by_series.setdefault(series, {}).setdefault(at_ms, value)
        parts: list[bytes] = []
        for series, points in by_series.items():
            body = self._encoded(series) + b"".join([_sample(at_ms, points[at_ms]) for at_ms in sorted(points)])
            parts += (_FIRST, varint(len(body)), body)
        return b"".join(parts)

    def _encoded(self, series: Identity) -> bytes:
        known = self._labels.get(series)
        if known is None:
            if len(self._labels) >= _MOST_REMEMBERED:
                self._labels.clear()
            known = self._labels[series] = b"".join(_label(name, value) for name, value in labels_of(series))
        return known


def single(labels: Sequence[tuple[str, str]], at_ms: int, value: float) -> bytes:
    """A request with one point of one series, whose labels are sorted."""
    return _one_series([_label(name, text) for name, text in labels], [_sample(at_ms, value)])


def halves(request: bytes) -> tuple[bytes, bytes] | None:
    """The request in two, by series or, where there is but one, by samples; None when it holds a single sample."""
    series = _fields(request, 0)
    if len(series) > 1:
        middle = series[len(series) // 2][0]
        return request[:middle], request[middle:]
    (start, _, end) = series[0]
    members = _fields(request[:end], _body(request, start))
    labels = [request[begin:end] for begin, tag, end in members if tag == _FIRST]
    samples = [request[begin:end] for begin, tag, end in members if tag == _SECOND]
    if len(samples) < 2:
        return None
    middle = len(samples) // 2
    return _one_series(labels, samples[:middle]), _one_series(labels, samples[middle:])


def varint(number: int) -> bytes:
    """A protobuf varint; negative numbers as 64 bits of two's complement."""
    if 0 <= number < 0x80:
        return number.to_bytes(1)
    number &= 0xFFFF_FFFF_FFFF_FFFF
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _sample(at_ms: int, value: float) -> bytes:
    body = _value_of_sample(0x09, value) + b"\x10" + varint(at_ms)
    return _SECOND + bytes((len(body),)) + body


def _label(name: str, value: str) -> bytes:
    body = b""
    for tag, text in ((_FIRST, name.encode()), (_SECOND, value.encode())):
        body += tag + varint(len(text)) + text
    return _FIRST + varint(len(body)) + body


def _one_series(labels: Sequence[bytes], samples: Sequence[bytes]) -> bytes:
    body = b"".join((*labels, *samples))
    return _FIRST + varint(len(body)) + body


def _fields(message: bytes, start: int) -> list[tuple[int, bytes, int]]:
    """Begin, tag and end of each field, all of which have a length before them."""
    found = []
    while start < len(message):
        length, body = _read_varint(message, start + 1)
        found.append((start, message[start : start + 1], body + length))
        start = body + length
    return found


def _body(message: bytes, start: int) -> int:
    """Where the body of the field that begins at `start` begins."""
    return _read_varint(message, start + 1)[1]


def _read_varint(message: bytes, start: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[start]
        start += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, start
        shift += 7
