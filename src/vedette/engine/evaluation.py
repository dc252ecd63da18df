"""One observation and one alarm: from the state before to the state after, as one pure function."""

from __future__ import annotations

import msgspec

from vedette.criteria import Criteria, Observed, Outcome, Verdict
from vedette.domain.observations import Observation
from vedette.engine import ballots
from vedette.engine.ballots import Cast, Skip
from vedette.engine.basis import Basis, still_holds
from vedette.engine.decide import Decision, Standing, decide
from vedette.engine.electorate import Electorate
from vedette.engine.states import AlarmState, Ballot
from vedette.engine.terms import Terms


class Evaluated(msgspec.Struct, frozen=True):
    """What came of it. `state` is the state to keep; it holds the decision but not yet who was told."""

    state: AlarmState
    decision: Decision | None  # None: the observation is a point only
    skip: Skip | None = None


def evaluate(
    terms: Terms,
    criteria: Criteria,
    before: AlarmState,
    observation: Observation,
    electorate: Electorate,
    *,
    not_yet_counts_as_false: bool = False,
) -> Evaluated:
    """Evaluates an observation that a check's place reported, and decides.

    `before` has been through `adopt`. The decision's moment is the observation's arrival, so that a replay decides the
    same. `not_yet_counts_as_false`: see `Criteria.evaluate`.
    """
    now_ms, place = observation.arrival_ms, observation.place
    last = ballots.recalled(before.ballots.get(place, ballots.NO_BALLOT), now_ms)
    skip = ballots.why_not_evaluated(terms, last, observation)
    if skip is not None:
        return Evaluated(before, None, skip)
    last = ballots.after_gap(last, terms, ballots.time_of(observation))
    outcome = _outcome(criteria, last, observation, not_yet_counts_as_false=not_yet_counts_as_false)
    verdict = outcome if isinstance(outcome, Verdict) else None
    ballot = ballots.cast(last, terms, observation, verdict)
    if criteria.reads_history:
        ballot = ballots.remember(ballot, criteria.history_names, observation.at_ms, observation.metrics)
    standing = Standing(before.state, {**before.ballots, place: ballot}, now_ms)
    cast = Cast(place, ballot.vote is not last.vote, verdict is not None)
    decision = decide(terms, standing, electorate, cast)
    return Evaluated(_after(before, standing, decision, observation), decision)


def _outcome(criteria: Criteria, last: Ballot, observation: Observation, *, not_yet_counts_as_false: bool) -> Outcome:
    previous = ballots.earlier_values(last, observation.at_ms) if criteria.reads_history else {}
    observed = Observed(
        ballots.is_available(observation), observation.status, observation.metrics, observation.at_ms, previous
    )
    return criteria.evaluate(observed, not_yet_counts_as_false=not_yet_counts_as_false)


def _after(before: AlarmState, standing: Standing, decision: Decision, observation: Observation) -> AlarmState:
    is_change = decision.is_change
    return AlarmState(
        alarm_id=before.alarm_id,
        tenant_id=before.tenant_id,
        state=decision.state,
        status=decision.status if is_change else before.status,
        changed_ms=standing.now_ms if is_change else before.changed_ms,
        previous=before.state if is_change else before.previous,
        analyzed_by=observation.zone_id if is_change else before.analyzed_by,
        change_key=before.change_key,
        basis=before.basis,
        ballots=dict(standing.ballots),
        told=before.told,
        told_key=before.told_key,
        cause=observation if is_change else before.cause,
        is_held=before.is_held,
        revision=before.revision,
    )


def adopt(terms: Terms, state: AlarmState, basis: Basis) -> AlarmState:
    """The state made fit for the terms of today.

    Votes and runs are cleared when they were made under another basis. A place that the check is no longer polled
    from loses its ballot at once. The alarm's own state stays.
    """
    if state.basis != basis.text:
        kept = state.ballots if still_holds(state.basis, basis) else _cleared(state)
        state = msgspec.structs.replace(state, basis=basis.text, ballots=kept)
    if all(place in terms.places for place in state.ballots):
        return state
    ballots_left = {place: ballot for place, ballot in state.ballots.items() if place in terms.places}
    return msgspec.structs.replace(state, ballots=ballots_left)


def _cleared(state: AlarmState) -> dict[str, Ballot]:
    return {place: ballots.cleared(ballot) for place, ballot in state.ballots.items()}
