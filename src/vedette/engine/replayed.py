"""What goes into a replay, and what comes out of it."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.criteria import Criteria, Observed
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine import ballots
from vedette.engine.basis import Basis
from vedette.engine.confirm import Pace
from vedette.engine.decide import Reason
from vedette.engine.evaluation import Evaluated
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject, Suppression
from vedette.engine.terms import Terms

NEVER = 1 << 63


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """An enabled alarm of an enabled check."""

    criteria: Criteria
    terms: Terms
    basis: Basis
    plan_id: str
    pace: Pace | None  # of confirm rounds; None: there are none
    changed_ms: int  # last change of alarm or check


class Setting(msgspec.Struct, frozen=True):
    """How an alarm was configured from a moment on."""

    since_ms: int
    alarm: Configured | None  # None: it, its check or its entity was disabled or not there


class Lasting(msgspec.Struct, frozen=True):
    """A suppression as it was from a moment up to, but not including, another one."""

    suppression: Suppression
    since_ms: int
    until_ms: int = NEVER


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm was evaluated under, oldest first."""

    subject: Subject
    settings: tuple[Setting, ...]
    suppressions: tuple[Lasting, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The state became another one."""

    state: State
    previous: State
    status: str
    reason: Reason
    analyzed_by: str | None
    votes: dict[str, Any]  # as a changelog entry keeps them


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A plan is told a state."""

    plan_id: str
    state: State
    previous: State  # last told to that plan
    status: str
    changed_ms: int  # when the state became so


class Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """A change of which nobody was told: suppressions matched."""

    plan_id: str
    state: State
    status: str
    suppressions: tuple[str, ...]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one observation, or of a moment at which something else happened."""

    at_ms: int
    before: AlarmState
    alarm: Configured | None  # as it was configured then
    observation: Observation | None = None
    evaluated: Evaluated | None = None  # None without an observation, and where none was looked at
    change: Change | None = None
    told: tuple[Told, ...] = ()
    withheld: Withheld | None = None

    @property
    def observed(self) -> Observed | None:
        """The observation as the criteria saw it; None where there was none to see."""
        seen, alarm = self.observation, self.alarm
        if seen is None or alarm is None:
            return None
        ballot = self.before.ballots.get(seen.place, ballots.NO_BALLOT)
        previous = ballots.earlier_values(ballot, seen.at_ms) if alarm.criteria.reads_history else {}
        return Observed(ballots.is_available(seen), seen.status, seen.metrics, seen.at_ms, previous)
