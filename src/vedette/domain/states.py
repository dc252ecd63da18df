"""Alarm states and consistency levels (reference: alert triggering and alarms)."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What an alarm says about its check; UNKNOWN only before the first decision."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"

    @property
    def severity(self) -> int:
        """0 for OK, 1 for WARNING, 2 for CRITICAL; UNKNOWN is milder than all."""
        return _SEVERITY[self]


_SEVERITY = {State.UNKNOWN: -1, State.OK: 0, State.WARNING: 1, State.CRITICAL: 2}


class Consistency(StrEnum):
    """How many zones must agree before an alarm changes its state."""

    ONE = "ONE"
    QUORUM = "QUORUM"
    ALL = "ALL"
