"""Decisions in words: what somebody who waits for a page, or was woken by one, asks first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.states import Consistency, State
from vedette.engine.ballots import Skip, is_fresh
from vedette.engine.decide import Decision, Reason, Standing, counting
from vedette.engine.electorate import Electorate
from vedette.engine.states import Ballot
from vedette.engine.terms import Terms

_SKIPS = {
    Skip.BLIND: "its collector could not see its canaries",
    Skip.EARLIER_REVISION: "it was made under an earlier revision of the check",
    Skip.NOT_OF_CHECK: "the check is not polled from there, or the entity is bound to another agent",
    Skip.TOO_OLD: "it arrived more than an hour after it was made",
    Skip.DUPLICATE: "it had been reported before",
    Skip.NOT_NEWER: "it was no newer than the last one evaluated from there",
    Skip.NOT_IN_ROUND: "a confirm round asked for it, and the alarm takes no part in those",
}


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """How one place stands in the vote."""

    place: str
    ballot: Ballot | None
    is_up: bool
    is_fresh: bool
    counts: bool

    @property
    def why_not(self) -> str | None:
        """Why it does not count; None when it does."""
        if self.counts:
            return None
        if not self.is_up:
            return "the zone is not up"
        if self.ballot is None or self.ballot.evaluated_ms is None:
            return "nothing was evaluated from there yet"
        if not self.is_fresh:
            return "the latest observation evaluated from there is too old"
        if self.ballot.vote is None:
            return "its run is not full yet"
        return "it waits to be confirmed"


def votes(terms: Terms, standing: Standing, electorate: Electorate) -> list[Vote]:
    """Of every place of the check, in its order."""
    counted = counting(terms, standing, electorate)
    return [
        Vote(
            place=place,
            ballot=(ballot := standing.ballots.get(place)),
            is_up=place in electorate.up,
            is_fresh=ballot is not None and is_fresh(ballot, terms, standing.now_ms),
            counts=place in counted,
        )
        for place in terms.places
    ]


def skipped(skip: Skip) -> str:
    """Why an observation was not evaluated."""
    return _SKIPS.get(skip, skip.value)


def arithmetic(terms: Terms, electorate: Electorate, cast: list[Vote]) -> dict[str, Any]:
    """How many must agree, of how many, and how many do."""
    counted = Counter(vote.ballot.vote.value for vote in cast if vote.counts and vote.ballot and vote.ballot.vote)
    return {
        "consistency_level": terms.consistency.value,
        "consecutive_count": terms.count,
        "zones": len(terms.places),
        "up": len(electorate.up),
        "need": electorate.need,
        "counted": sum(counted.values()),
        "votes": {state.value: counted[state.value] for state in (State.OK, State.WARNING, State.CRITICAL)},
        "fresh_for": terms.window_ms,
    }


def sentence(state: State, decision: Decision, terms: Terms, sums: Mapping[str, Any]) -> str:
    """Why the state is what it is."""
    tally = ", ".join(f"{count} {name}" for name, count in sums["votes"].items() if count) or "none"
    who = "the agent's vote" if terms.is_agent else f"{sums['need']} of {sums['up']} zones that are up must agree"
    if terms.consistency is Consistency.ONE and not terms.is_agent:
        who = "the vote that changed last decides"
    match decision.reason:
        case Reason.UNCHANGED:
            return f"Nothing speaks against {state}: {who}; votes that count: {tally}."
        case Reason.CHANGED:
            return f"The votes that count give {decision.state}: {who}; votes: {tally}."
        case Reason.ELECTORATE_TOO_SMALL:
            return (
                f"It stays {state}: only {sums['up']} of {sums['zones']} zones are up, and {sums['need']} must agree."
            )
        case Reason.NO_FRESH_OBSERVATIONS:
            return f"It stays {state}: no vote counts, for want of fresh observations or of a full run."
        case Reason.NOT_CONSECUTIVE_YET:
            return f"It stays {state}: {sums['consecutive_count']} results in a row are needed, and a run is not full."
        case Reason.NO_QUORUM | Reason.CONFIRMING:
            until = " until a second look bears out the votes against it" * (decision.reason is Reason.CONFIRMING)
            return f"It stays {state}{until}: {who}; votes that count: {tally}."
        case Reason.NOT_YET_COMPUTABLE:
            return f"It stays {state}: the criteria have no result yet."
        case _:
            return f"It stays {state}: {decision.reason.value.replace('_', ' ').lower()}; votes that count: {tally}."
