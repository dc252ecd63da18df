"""Stretches of time, milliseconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec


class Span(msgspec.Struct, frozen=True):
    """From one moment up to, but not including, another."""

    begin_ms: int
    end_ms: int

    @property
    def lasts_ms(self) -> int:
        return self.end_ms - self.begin_ms

    def holds(self, at_ms: int) -> bool:
        return self.begin_ms <= at_ms < self.end_ms

    def meets(self, begin_ms: int, end_ms: int) -> bool:
        return self.begin_ms < end_ms and begin_ms < self.end_ms


SpanT = TypeVar("SpanT", bound=Span)


class Spans(Generic[SpanT]):
    """Stretches that do not meet, in order; which of them holds a moment is found by bisection."""

    def __init__(self, spans: Sequence[SpanT] = ()) -> None:
        self._spans = sorted(spans, key=lambda span: span.begin_ms)
        self._begins = [span.begin_ms for span in self._spans]
        self._ends = [span.end_ms for span in self._spans]
        if any(end > begin for end, begin in zip(self._ends, self._begins[1:], strict=False)):
            raise ValueError("expected stretches that do not meet")

    def __iter__(self) -> Iterator[SpanT]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def at(self, at_ms: int) -> SpanT | None:
        """The stretch that holds a moment."""
        found = bisect_right(self._begins, at_ms) - 1
        return self._spans[found] if found >= 0 and at_ms < self._ends[found] else None

    def meet(self, begin_ms: int, end_ms: int) -> bool:
        """Whether any of them meets a stretch."""
        return any(span.meets(begin_ms, end_ms) for span in self._near(begin_ms, end_ms))

    def _near(self, begin_ms: int, end_ms: int) -> Sequence[SpanT]:
        first = max(bisect_right(self._begins, begin_ms) - 1, 0)
        return self._spans[first : bisect_right(self._begins, end_ms)]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same moments, as stretches that do not meet."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: one.begin_ms):
        if found and span.begin_ms <= found[-1].end_ms:
            found[-1] = Span(found[-1].begin_ms, max(found[-1].end_ms, span.end_ms))
        else:
            found.append(Span(span.begin_ms, span.end_ms))
    return found


def without(whole: Span, spans: Iterable[Span]) -> list[Span]:
    """What is left of a stretch between others that do not meet."""
    left, begin_ms = [], whole.begin_ms
    for span in sorted(spans, key=lambda one: one.begin_ms):
        if span.end_ms <= begin_ms or span.begin_ms >= whole.end_ms:
            continue
        if span.begin_ms > begin_ms:
            left.append(Span(begin_ms, span.begin_ms))
        begin_ms = span.end_ms
    return [*left, Span(begin_ms, whole.end_ms)] if begin_ms < whole.end_ms else left


def common(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """The moments that are in both."""
    theirs = list(second)
    return [
        Span(max(one.begin_ms, other.begin_ms), min(one.end_ms, other.end_ms))
        for one in first
        for other in theirs
        if one.meets(other.begin_ms, other.end_ms)
    ]
