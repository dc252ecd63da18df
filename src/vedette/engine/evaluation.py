"""One observation and one alarm: from the state before to the state after, as one pure function."""

from __future__ import annotations

import msgspec

from vedette.criteria import Criteria, Observed, Outcome, Verdict
from vedette.domain.observations import Observation
from vedette.engine import ballots, confirm
from vedette.engine.ballots import Cast, Skip
from vedette.engine.basis import Basis, still_holds
from vedette.engine.confirm import Confirming, Round
from vedette.engine.decide import Decision, Standing, decide
from vedette.engine.electorate import Electorate
from vedette.engine.states import AlarmState, Ballot
from vedette.engine.terms import Terms


class Evaluated(msgspec.Struct, frozen=True):
    """What came of it. `state` is the state to keep; it holds the decision but not yet who was told."""

    state: AlarmState
    decision: Decision | None  # None: the observation is a point only
    skip: Skip | None = None
    begun: Round | None = None  # the confirm round that it began
    deciding: Round | None = None  # the one that said which votes counted, if any


def evaluate(
    terms: Terms,
    criteria: Criteria,
    before: AlarmState,
    observation: Observation,
    electorate: Electorate,
    confirming: Confirming = confirm.NOTHING,
) -> Evaluated:
    """Evaluates an observation that a check's place reported, and decides.

    `before` has been through `adopt`, the check's round through `confirm.answered`. The decision's moment is the
    observation's arrival, so that a replay decides the same.
    """
    now_ms, place = observation.arrival_ms, observation.place
    last = ballots.recalled(before.ballots.get(place, ballots.NO_BALLOT), now_ms)
    takes_part = confirm.takes_part(terms, criteria)
    skip = ballots.why_not_evaluated(terms, last, observation)
    if skip is None and observation.round_id and not takes_part:
        skip = Skip.NOT_IN_ROUND
    if skip is not None:
        return Evaluated(before, None, skip)
    last = ballots.after_gap(last, terms, ballots.time_of(observation))
    outcome = _outcome(terms, criteria, last, observation)
    verdict = outcome if isinstance(outcome, Verdict) else None
    ballot = ballots.cast(last, terms, observation, verdict)
    if criteria.reads_history:
        ballot = ballots.remember(ballot, criteria.history_names, observation.at_ms, observation.metrics)
    cast = Cast(place, ballot.vote is not last.vote, verdict is not None)
    begun = deciding = None
    if takes_part:
        if place in electorate.up and confirm.is_against(before.state, last.vote, ballot.vote):
            begun = confirm.begun(confirming, electorate.up, observation)
        deciding = confirm.deciding(begun or confirming.round, before.state, now_ms)
    standing = Standing(before.state, {**before.ballots, place: ballot}, now_ms, deciding)
    decision = decide(terms, standing, electorate, cast)
    state = decided(before, standing, decision, observation)
    return Evaluated(state, decision, begun=begun, deciding=deciding)


def redecide(
    terms: Terms, before: AlarmState, electorate: Electorate, now_ms: int, deciding: Round | None = None
) -> Decision:
    """The decision when nothing new is evaluated: the electorate changed, or a round is over.

    `before` has been through `adopt`; `deciding` is the round that says which votes count, if any. What the state then
    is, `decided` says.
    """
    return decide(terms, Standing(before.state, before.ballots, now_ms, deciding), electorate)


def _outcome(terms: Terms, criteria: Criteria, last: Ballot, observation: Observation) -> Outcome:
    previous = ballots.earlier_values(last, observation.at_ms) if criteria.reads_history else {}
    observed = Observed(
        ballots.is_available(observation), observation.status, observation.metrics, observation.at_ms, previous
    )
    return criteria.evaluate(observed, not_yet_counts_as_false=terms.not_yet_counts_as_false)


def decided(before: AlarmState, standing: Standing, decision: Decision, observation: Observation) -> AlarmState:
    """The state after a decision; `observation` is the one evaluated, or that of the place which brought a change."""
    if not decision.is_change:
        return msgspec.structs.replace(before, ballots=dict(standing.ballots))
    return msgspec.structs.replace(
        before,
        state=decision.state,
        status=decision.status,
        changed_ms=standing.now_ms,
        previous=before.state,
        analyzed_by=observation.zone_id,
        ballots=dict(standing.ballots),
        cause=observation,
    )


def adopt(terms: Terms, state: AlarmState, basis: Basis) -> AlarmState:
    """The state made fit for the terms of today.

    Votes and runs are cleared when they were made under another basis. A place that the check is no longer polled
    from loses its ballot at once. The alarm's own state stays.
    """
    if state.basis != basis.text:
        kept = state.ballots if still_holds(state.basis, basis) else _cleared(state)
        state = msgspec.structs.replace(state, basis=basis.text, ballots=kept)
    for place in state.ballots:
        if place not in terms.places:
            return _without_others(terms, state)
    return state


def _without_others(terms: Terms, state: AlarmState) -> AlarmState:
    ballots_left = {place: ballot for place, ballot in state.ballots.items() if place in terms.places}
    return msgspec.structs.replace(state, ballots=ballots_left)


def _cleared(state: AlarmState) -> dict[str, Ballot]:
    return {place: ballots.cleared(ballot) for place, ballot in state.ballots.items()}
