"""What the steps of a replay come to, from a moment on."""

from __future__ import annotations

from typing import Any

from vedette.domain.states import State
from vedette.engine.replayed import Change, Step, Withheld
from vedette.services.comparison import MOST_SHOWN, Page
from vedette.services.past_configuration import PastPlans


class Tally:
    """Steps go in, in order; those before `from_ms` only lead to the state that it begins with."""

    def __init__(self, from_ms: int, plans: PastPlans) -> None:
        self.pages: list[Page] = []
        self.observations = 0
        self._from_ms = from_ms
        self._plans = plans
        self._first: State | None = None  # the state at `from_ms`, once it is known
        self._state = State.UNKNOWN
        self._since_ms = from_ms
        self._durations = {state.value: 0 for state in State}
        self._timeline: list[dict[str, Any]] = []
        self._withheld: list[dict[str, Any]] = []
        self._changes = 0
        self._suppressed = 0

    def take(self, step: Step) -> None:
        if step.at_ms < self._from_ms:
            return
        if self._first is None:
            self._first = self._state = step.before.state
        self.observations += step.observation is not None
        if step.change is not None:
            self._change(step.at_ms, step.change)
        if step.withheld is not None:
            self._suppressed += 1
            if self._suppressed <= MOST_SHOWN:
                self._withheld.append(_withheld(step.at_ms, step.withheld))
        self._tell(step)

    def _tell(self, step: Step) -> None:
        """A telling that the plan has no receivers for is none."""
        for told in step.told:
            receivers = self._plans.receivers(told.plan_id, told.state, step.at_ms)
            if receivers:
                page = Page(step.at_ms, told.plan_id, told.state, told.previous, told.status, tuple(receivers))
                self.pages.append(page)

    def _change(self, at_ms: int, change: Change) -> None:
        self._turn(at_ms, change.state)
        self._changes += 1
        if self._changes <= MOST_SHOWN:
            self._timeline.append(_changed(at_ms, change))

    def _turn(self, at_ms: int, state: State) -> None:
        self._durations[self._state.value] += max(at_ms - self._since_ms, 0)
        self._state, self._since_ms = state, at_ms

    def shown(self, last: State, to_ms: int) -> dict[str, Any]:
        """As answered; `last` is the state that the replay ended with."""
        if self._first is None:
            self._first = self._state = last
        self._turn(to_ms, last)
        return {
            "state": self._first,
            "timeline": self._timeline,
            "notifications": [page.shown() for page in self.pages[:MOST_SHOWN]],
            "withheld": self._withheld,
            "durations": self._durations,
            "changes": self._changes,
            "notified": len(self.pages),
            "suppressed": self._suppressed,
        }


def _changed(at_ms: int, change: Change) -> dict[str, Any]:
    return {
        "timestamp": at_ms,
        "state": change.state,
        "previous_state": change.previous,
        "status": change.status,
        "reason": change.reason,
        "analyzed_by_monitoring_zone_id": change.analyzed_by,
        "votes": change.votes,
    }


def _withheld(at_ms: int, withheld: Withheld) -> dict[str, Any]:
    return {
        "timestamp": at_ms,
        "notification_plan_id": withheld.plan_id,
        "state": withheld.state,
        "status": withheld.status,
        "suppressions": list(withheld.suppressions),
    }
