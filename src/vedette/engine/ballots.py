"""From observations to votes: which are evaluated, how results fill a run, how a run moves the vote.

*Time*, *Evaluation*, *Vote* and *Fresh* of the alarm language.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from vedette.criteria import Sample, Verdict
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine.states import Ballot
from vedette.engine.terms import Terms

NO_BALLOT = Ballot()

_oldest_ms = 3_600_000  # a buffered observation older than this is a point only
_history_ms = 24 * 3_600_000
_seen = 8  # how many of a place's latest observations duplicates are recognised of


class Skip(StrEnum):
    """Why an observation is a point only, and not evaluated."""

    BLIND = "BLIND"  # its collector could not see its canaries
    EARLIER_REVISION = "EARLIER_REVISION"  # made under an earlier revision of the check
    NOT_OF_CHECK = "NOT_OF_CHECK"  # a zone the check is not polled from, or an agent its entity is not bound to
    TOO_OLD = "TOO_OLD"
    DUPLICATE = "DUPLICATE"
    NOT_NEWER = "NOT_NEWER"  # not newer than the last evaluated one of its place
    NOT_IN_ROUND = "NOT_IN_ROUND"  # of a confirm round, in which the alarm takes no part


class Cast(msgspec.Struct, frozen=True):
    """What one evaluated observation did to its place's ballot."""

    place: str
    has_moved: bool  # the vote changed or is its first
    is_computable: bool  # False: criteria gave no result, so vote and run stayed


def time_of(observation: Observation) -> int:
    """The time an observation counts as, milliseconds: arrival, unless its sender stores and forwards."""
    if observation.buffers:
        return min(observation.at_ms, observation.arrival_ms)
    return observation.arrival_ms


def why_not_evaluated(terms: Terms, ballot: Ballot, observation: Observation) -> Skip | None:
    """Why an observation is not evaluated; None when it is. `ballot` is as `recalled` gives it."""
    if observation.is_blind:
        return Skip.BLIND
    if observation.place not in terms.places or observation.agent_id != terms.agent_id:
        return Skip.NOT_OF_CHECK
    if 0 < observation.check_revision < terms.check_revision:
        return Skip.EARLIER_REVISION
    if (observation.sender, observation.at_ms) in ballot.seen:
        return Skip.DUPLICATE
    at_ms = time_of(observation)
    if observation.arrival_ms - at_ms > _oldest_ms:
        return Skip.TOO_OLD
    if ballot.evaluated_ms is not None and at_ms <= ballot.evaluated_ms:
        return Skip.NOT_NEWER
    return None


def recalled(ballot: Ballot, arrival_ms: int) -> Ballot:
    """The ballot without a last time that lies after arrival, nor its run: our own clock went back."""
    if ballot.evaluated_ms is None or ballot.evaluated_ms <= arrival_ms:
        return ballot
    return msgspec.structs.replace(ballot, run=(), statuses=(), evaluated_ms=None, counted_ms=None)


def cleared(ballot: Ballot) -> Ballot:
    """The ballot without vote, run and history; what was evaluated is still known, so nothing is evaluated twice."""
    return Ballot(evaluated_ms=ballot.evaluated_ms, seen=ballot.seen)


def after_gap(ballot: Ballot, terms: Terms, at_ms: int) -> Ballot:
    """The ballot as an observation at `at_ms` finds it: a gap longer than the window clears vote and run."""
    if ballot.evaluated_ms is None or at_ms - ballot.evaluated_ms <= terms.window_ms:
        return ballot
    return msgspec.structs.replace(ballot, run=(), statuses=(), vote=None, vote_status="", counted_ms=None)


def is_fresh(ballot: Ballot, terms: Terms, now_ms: int) -> bool:
    """Whether the latest evaluated observation is no older than the window."""
    return ballot.evaluated_ms is not None and now_ms - ballot.evaluated_ms <= terms.window_ms


def is_available(observation: Observation) -> bool:
    """As the sender says, but an agent's observation without any metric says that the check did not run.

    A plugin may have no metrics; its own time-out has a status of its own.
    """
    if observation.metrics or observation.agent_id is None or not observation.available:
        return observation.available
    return observation.check_type == "agent.plugin" and observation.status != "Timeout in Run Check"


def cast(ballot: Ballot, terms: Terms, observation: Observation, verdict: Verdict | None) -> Ballot:
    """The place's ballot after an evaluated observation; `verdict` None: criteria gave no result yet.

    A result less than half a period after the last one counted takes its place, so that results in a run are never
    nearer to each other than that.
    """
    at_ms = time_of(observation)
    run, statuses, vote, vote_status = ballot.run, ballot.statuses, ballot.vote, ballot.vote_status
    status, counted_ms = ballot.status, ballot.counted_ms
    if verdict is not None:
        if counted_ms is not None and at_ms - counted_ms < terms.half_period_ms:
            run, statuses = run[:-1], statuses[:-1]
        status, counted_ms, kept = verdict.status, at_ms, terms.count - 1
        run = (*run[-kept:], verdict.state) if kept else (verdict.state,)
        statuses = (*statuses[-kept:], status) if kept else (status,)
        vote = moved(vote, run, terms.count)
        if vote is verdict.state:
            vote_status = status
        elif vote is not ballot.vote:
            vote_status = _status_of(vote, run, statuses)
    return Ballot(
        run=run,
        statuses=statuses,
        vote=vote,
        vote_status=vote_status,
        status=status,
        evaluated_ms=at_ms,
        counted_ms=counted_ms,
        seen=(*ballot.seen[1 - _seen :], (observation.sender, observation.at_ms)),
        history=ballot.history,
        arrived_ms=observation.arrival_ms,
        took_ms=observation.took_ms,
        round_id=observation.round_id,
    )


def _status_of(vote: State | None, run: tuple[State, ...], statuses: tuple[str, ...]) -> str:
    """The status of the latest result in the run that is the vote."""
    said = zip(reversed(run), reversed(statuses), strict=False)  # an earlier version kept none
    return next((status for state, status in said if state is vote), "")


def moved(vote: State | None, run: tuple[State, ...], count: int) -> State | None:
    """The vote after a run.

    A full run raises it to the mildest of its results when that is worse, and lowers it to the newest when none of
    them is worse than that.
    """
    if count == 1:
        return run[-1]
    if len(run) < count:
        return vote
    newest = run[-1]
    mildest = min(run, key=_severity)
    if vote is None or _severity(mildest) > _severity(vote):
        return mildest
    if _severity(newest) < _severity(vote) and all(_severity(result) <= _severity(newest) for result in run):
        return newest
    return vote


def _severity(state: State) -> int:
    return state.severity


def earlier_values(ballot: Ballot, at_ms: int) -> Mapping[str, Sample]:
    """The values `previous` and `rate` may read at `at_ms` (the sender's own timestamp): at most 24 h old."""
    return {name: sample for name, sample in ballot.history.items() if at_ms - sample.at_ms <= _history_ms}


def remember(ballot: Ballot, names: frozenset[str], at_ms: int, metrics: Mapping[str, Metric]) -> Ballot:
    """The ballot with the values of an evaluated observation that later ones may read."""
    found = {name: Sample(at_ms, metrics[name].value) for name in names if name in metrics}
    kept = {name: sample for name, sample in ballot.history.items() if name in names}
    return msgspec.structs.replace(ballot, history=kept | found)
