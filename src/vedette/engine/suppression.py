"""Suppressions: which alarms they cover, and when (reference: suppressions).

One matches when (no plan is listed or the alarm's plan is) and (no entity, check or alarm is listed or one of them is),
while one of its windows is open. A window is open from its start up to, but not including, its end.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vedette.engine.recurrence import Recurrence


class Subject(msgspec.Struct, frozen=True):
    """An alarm and what it belongs to."""

    entity_id: str
    check_id: str
    alarm_id: str


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """A suppression, read for matching."""

    id: str
    start_ms: int  # of the first window
    end_ms: int  # not included
    plans: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()  # `enX:chY`
    alarms: frozenset[str] = frozenset()  # `enX:alZ`
    recurrence: Recurrence | None = None


def matches(suppression: Suppression, subject: Subject, plan_id: str, at_ms: int) -> bool:
    """Whether nobody of the plan is to be told of the alarm at a moment."""
    return covers(suppression, subject, plan_id) and is_active(suppression, at_ms)


def matching(suppressions: Iterable[Suppression], subject: Subject, plan_id: str, at_ms: int) -> tuple[str, ...]:
    """The ids of those that match."""
    return tuple(one.id for one in suppressions if matches(one, subject, plan_id, at_ms))


def covers(suppression: Suppression, subject: Subject, plan_id: str) -> bool:
    """Whether it is about the alarm and the plan, whenever that is."""
    if suppression.plans and plan_id not in suppression.plans:
        return False
    if not (suppression.entities or suppression.checks or suppression.alarms):
        return bool(suppression.plans)
    return (
        subject.entity_id in suppression.entities
        or f"{subject.entity_id}:{subject.check_id}" in suppression.checks
        or f"{subject.entity_id}:{subject.alarm_id}" in suppression.alarms
    )


def is_active(suppression: Suppression, at_ms: int) -> bool:
    """Whether one of its windows is open."""
    window = _window(suppression, at_ms)
    return window is not None and window[0] <= at_ms < window[1]


def is_scheduled(suppression: Suppression, at_ms: int) -> bool:
    """Whether none of its windows is open, and one will be."""
    if is_active(suppression, at_ms) or suppression.end_ms <= suppression.start_ms:
        return False
    return _next_start(suppression, at_ms) is not None


def next_edge(suppression: Suppression, at_ms: int) -> int | None:
    """The next moment after `at_ms` at which a window opens or closes, None when there is none."""
    window = _window(suppression, at_ms)
    if window is not None and window[0] <= at_ms < window[1]:
        return window[1]
    return _next_start(suppression, at_ms) if suppression.end_ms > suppression.start_ms else None


def _window(suppression: Suppression, at_ms: int) -> tuple[int, int] | None:
    """The window that began last."""
    start = suppression.start_ms
    if suppression.recurrence is not None:
        began = suppression.recurrence.last_ms(at_ms)
        if began is None:
            return None
        start = began
    return start, start + suppression.end_ms - suppression.start_ms


def _next_start(suppression: Suppression, at_ms: int) -> int | None:
    if suppression.recurrence is not None:
        return suppression.recurrence.next_ms(at_ms)
    return suppression.start_ms if suppression.start_ms > at_ms else None
