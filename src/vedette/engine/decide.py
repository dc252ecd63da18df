"""From votes to a state, with the reason: *Decide* of the alarm language."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from vedette.domain.states import Consistency, State
from vedette.engine.ballots import Cast, is_fresh
from vedette.engine.electorate import Electorate
from vedette.engine.states import Ballot
from vedette.engine.terms import Terms


class Reason(StrEnum):
    """Why an alarm's state is what it is after a decision; stored with a change, shown by *explain*."""

    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"  # and nothing speaks against the state
    ELECTORATE_TOO_SMALL = "ELECTORATE_TOO_SMALL"  # fewer zones are up than must agree
    NO_FRESH_OBSERVATIONS = "NO_FRESH_OBSERVATIONS"  # no vote counts
    NOT_CONSECUTIVE_YET = "NOT_CONSECUTIVE_YET"  # results against the state have not filled a run
    NO_QUORUM = "NO_QUORUM"  # votes against the state, but too few agree
    NOT_YET_COMPUTABLE = "NOT_YET_COMPUTABLE"  # no result: `previous` or `rate` had nothing to read


class Decision(msgspec.Struct, frozen=True):
    """The state after a decision. The status is that of the vote that brought the change, empty without one."""

    state: State
    reason: Reason
    status: str = ""

    @property
    def is_change(self) -> bool:
        return self.reason is Reason.CHANGED


class Standing(msgspec.Struct, frozen=True):
    """What is decided about: the alarm's state and its ballots, `now_ms` the arrival of what was evaluated."""

    state: State
    ballots: Mapping[str, Ballot]
    now_ms: int


def decide(terms: Terms, standing: Standing, electorate: Electorate, evaluated: Cast | None = None) -> Decision:
    """The state that the fresh votes of the places up give, and why.

    `evaluated` is the observation whose evaluation called for the decision; None when the electorate changed or a
    timer ran out. A state that the votes confirm is still given a reason when a vote or a run speaks against it, for
    that is what somebody who waits for a change asks.
    """
    voters = counting(terms, standing, electorate)
    agreed = _agreed(terms, standing, electorate, voters, evaluated)
    if agreed is not None and agreed is not standing.state:
        return Decision(agreed, Reason.CHANGED, _status(agreed, voters, evaluated))
    if evaluated is not None and not evaluated.is_computable:
        return Decision(standing.state, Reason.NOT_YET_COMPUTABLE)
    return Decision(standing.state, _why_unchanged(terms, standing, electorate, voters, agreed))


def counting(terms: Terms, standing: Standing, electorate: Electorate) -> dict[str, Ballot]:
    """The ballots whose votes count: fresh ones of places up, by place."""
    oldest = standing.now_ms - terms.window_ms
    ballots = standing.ballots
    return {
        place: ballot
        for place in electorate.up
        if (ballot := ballots.get(place)) is not None
        and ballot.vote is not None
        and ballot.evaluated_ms is not None
        and ballot.evaluated_ms >= oldest
    }


def _agreed(
    terms: Terms, standing: Standing, electorate: Electorate, voters: Mapping[str, Ballot], evaluated: Cast | None
) -> State | None:
    """The state enough votes agree on, None when there is none."""
    votes = [ballot.vote for ballot in voters.values()]
    if terms.consistency is Consistency.ONE and not terms.is_agent:
        return _latest(standing.state, voters, votes, evaluated)
    critical, warning = votes.count(State.CRITICAL), votes.count(State.WARNING)
    if critical >= electorate.need:
        return State.CRITICAL
    if critical + warning >= electorate.need:
        return State.WARNING
    return State.OK if votes.count(State.OK) >= electorate.need else None


def _latest(
    state: State, voters: Mapping[str, Ballot], votes: list[State | None], evaluated: Cast | None
) -> State | None:
    """ONE: the vote of the place evaluated, when it moved or when no vote that counts equals the state."""
    if evaluated is None or evaluated.place not in voters:
        return state
    if evaluated.has_moved or state not in votes:
        return voters[evaluated.place].vote
    return state


def _status(agreed: State, voters: Mapping[str, Ballot], evaluated: Cast | None) -> str:
    """Of the place just evaluated when it votes for the state, else of the latest that does."""
    ballot = voters.get(evaluated.place) if evaluated is not None else None
    if ballot is None or ballot.vote is not agreed:
        agreeing = [voter for voter in voters.values() if voter.vote is agreed]
        ballot = max(agreeing, key=lambda voter: voter.evaluated_ms or 0)
    return ballot.vote_status


def _why_unchanged(
    terms: Terms, standing: Standing, electorate: Electorate, voters: Mapping[str, Ballot], agreed: State | None
) -> Reason:
    if len(electorate.up) < electorate.need:
        return Reason.ELECTORATE_TOO_SMALL
    if not voters:
        return Reason.NO_FRESH_OBSERVATIONS
    if terms.count > 1 and any(_is_filling(standing.ballots.get(place), terms, standing) for place in electorate.up):
        return Reason.NOT_CONSECUTIVE_YET
    if agreed is not None and terms.consistency is Consistency.ONE:
        return Reason.UNCHANGED
    is_contested = agreed is None or [ballot.vote for ballot in voters.values()].count(agreed) < len(voters)
    return Reason.NO_QUORUM if is_contested else Reason.UNCHANGED


def _is_filling(ballot: Ballot | None, terms: Terms, standing: Standing) -> bool:
    """Whether the newest result is against the state, and has not become the vote for want of others like it."""
    if ballot is None or not ballot.run or not is_fresh(ballot, terms, standing.now_ms):
        return False
    return ballot.run[-1] is not standing.state and ballot.vote is not ballot.run[-1]


def evidence(terms: Terms, standing: Standing, electorate: Electorate) -> dict[str, Any]:
    """The votes as a changelog entry keeps them: place -> what it said, when, and whether that counted."""
    voters = counting(terms, standing, electorate)
    return {
        place: {
            "state": ballot.vote,
            "status": ballot.vote_status,
            "timestamp": ballot.evaluated_ms,
            "run": list(ballot.run),
            "counted": place in voters,
        }
        for place, ballot in standing.ballots.items()
    }
