"""From votes to a state, with the reason: *Decide* of the alarm language."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from vedette.domain.states import Consistency, State
from vedette.engine import confirm
from vedette.engine.ballots import Cast, is_fresh
from vedette.engine.confirm import Round
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
    CONFIRMING = "CONFIRMING"  # votes against the state, and a confirm round has not borne them out yet
    NEVER_REPORTED = "NEVER_REPORTED"  # silence says nothing of a check that its agent never reported
    NOT_YET_COMPUTABLE = "NOT_YET_COMPUTABLE"  # no result: `previous` or `rate` had nothing to read


class Decision(msgspec.Struct, frozen=True):
    """The state after a decision. Status and place are those of the vote that brought the change, empty without one."""

    state: State
    reason: Reason
    status: str = ""
    place: str = ""

    @property
    def is_change(self) -> bool:
        return self.reason is Reason.CHANGED


class Standing(msgspec.Struct, frozen=True):
    """What is decided about: the alarm's state and its ballots, `now_ms` the arrival of what was evaluated."""

    state: State
    ballots: Mapping[str, Ballot]
    now_ms: int
    round: Round | None = None  # only votes that its probes bear out count; None: all that are fresh


def decide(terms: Terms, standing: Standing, electorate: Electorate, evaluated: Cast | None = None) -> Decision:
    """The state that the fresh votes of the places up give, and why.

    `evaluated` is the observation whose evaluation called for the decision; None when the electorate changed or a
    timer ran out. A state that the votes confirm is still given a reason when a vote or a run speaks against it, for
    that is what somebody who waits for a change asks.
    """
    voters = counting(terms, standing, electorate)
    if _is_undisputed(terms, standing, electorate, voters, evaluated):
        return Decision(standing.state, Reason.UNCHANGED)
    agreed = _agreed(terms, standing, electorate, voters, evaluated)
    if agreed is not None and agreed is not standing.state:
        place = _speaker(agreed, voters, evaluated)
        return Decision(agreed, Reason.CHANGED, voters[place].vote_status, place)
    if evaluated is not None and not evaluated.is_computable:
        return Decision(standing.state, Reason.NOT_YET_COMPUTABLE)
    return Decision(standing.state, _why_unchanged(terms, standing, electorate, voters, agreed))


def counting(terms: Terms, standing: Standing, electorate: Electorate) -> dict[str, Ballot]:
    """The ballots whose votes count, by place: fresh ones of places up, and in a confirm round what bears them out."""
    fresh = _fresh(terms, standing, electorate)
    if standing.round is None:
        return fresh
    return {place: ballot for place, ballot in fresh.items() if confirm.counts(standing.round, ballot)}


def _fresh(terms: Terms, standing: Standing, electorate: Electorate) -> dict[str, Ballot]:
    oldest_ms, ballots = standing.now_ms - terms.window_ms, standing.ballots
    if terms.is_agent or electorate.since_ms > oldest_ms:
        return _fresh_since(terms, standing, electorate)
    return {
        place: ballot
        for place in electorate.up
        if (ballot := ballots.get(place)) is not None
        and ballot.vote is not None
        and ballot.evaluated_ms is not None
        and ballot.evaluated_ms >= oldest_ms
    }


def _fresh_since(terms: Terms, standing: Standing, electorate: Electorate) -> dict[str, Ballot]:
    """The same where a place came up lately, or its vote may be one that silence made."""
    now_ms, oldest_ms = standing.now_ms, standing.now_ms - terms.window_ms
    ballots, since = standing.ballots, electorate.since
    return {
        place: ballot
        for place in electorate.up
        if (ballot := ballots.get(place)) is not None
        and ballot.vote is not None
        and (
            ballot.silent_ms is not None
            or (
                ballot.evaluated_ms is not None
                and ballot.evaluated_ms >= oldest_ms
                # A coming up that lies ahead says that our clock went back: nothing is known of when it was.
                and not ballot.arrived_ms < since.get(place, 0) <= now_ms
            )
        )
    }


def _is_undisputed(
    terms: Terms, standing: Standing, electorate: Electorate, voters: Mapping[str, Ballot], evaluated: Cast | None
) -> bool:
    """Whether enough votes are for the state, none is against it, and no run or round is to be looked at.

    Nearly every decision is this one; all that it leaves out would come to the same, only later.
    """
    if terms.count > 1 or standing.round is not None or (evaluated is not None and not evaluated.is_computable):
        return False
    votes = [ballot.vote for ballot in voters.values()]
    return votes.count(standing.state) == len(votes) >= electorate.need


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


def _speaker(agreed: State, voters: Mapping[str, Ballot], evaluated: Cast | None) -> str:
    """The place just evaluated when it votes for the state, else the latest that does."""
    agreeing = {place: voter for place, voter in voters.items() if voter.vote is agreed}
    if evaluated is not None and evaluated.place in agreeing:
        return evaluated.place
    return max(agreeing, key=lambda place: agreeing[place].evaluated_ms or 0)


def _why_unchanged(
    terms: Terms, standing: Standing, electorate: Electorate, voters: Mapping[str, Ballot], agreed: State | None
) -> Reason:
    if len(electorate.up) < electorate.need:
        return Reason.ELECTORATE_TOO_SMALL
    if standing.round is not None:
        return _why_unchanged_in_round(standing.state, _fresh(terms, standing, electorate))
    if not voters:
        return Reason.NO_FRESH_OBSERVATIONS
    if terms.count > 1 and any(_is_filling(standing.ballots.get(place), terms, standing) for place in electorate.up):
        return Reason.NOT_CONSECUTIVE_YET
    if agreed is not None and terms.consistency is Consistency.ONE:
        return Reason.UNCHANGED
    is_contested = agreed is None or [ballot.vote for ballot in voters.values()].count(agreed) < len(voters)
    return Reason.NO_QUORUM if is_contested else Reason.UNCHANGED


def _why_unchanged_in_round(state: State, fresh: Mapping[str, Ballot]) -> Reason:
    """By all fresh votes: which of them count will have been decided when the round ends."""
    votes = {ballot.vote for ballot in fresh.values()}
    if not votes:
        return Reason.NO_FRESH_OBSERVATIONS
    return Reason.UNCHANGED if votes == {state} else Reason.CONFIRMING


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
            "timestamp": ballot.silent_ms or ballot.evaluated_ms,
            "run": list(ballot.run),
            "counted": place in voters,
        }
        for place, ballot in standing.ballots.items()
    }
