"""Criteria tried out on observations that somebody made up: *test-alarm* of the alarm language.

Every observation counts, in the order given; the zones of the check are those seen so far; every vote is fresh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vedette.criteria import Criteria
from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine.decide import Standing, evidence
from vedette.engine.electorate import Zones, electorate
from vedette.engine.evaluation import evaluate
from vedette.engine.states import AlarmState
from vedette.engine.terms import Terms

_FOREVER_MS = 2**53


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One observation as it was given."""

    at_ms: int
    zone: str  # empty: the nameless one
    available: bool
    status: str
    metrics: Mapping[str, Metric]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one observation led to."""

    at_ms: int
    state: State
    status: str  # of the last change
    is_change: bool
    reason: str
    votes: dict[str, Any]  # zone -> its vote, as a changelog entry keeps it


def steps(criteria: Criteria, seen: Sequence[Seen], count: int, *, not_yet_counts_as_false: bool) -> list[Step]:
    """One for each observation; the state begins as UNKNOWN. `count` is the consecutive count."""
    state = AlarmState(alarm_id="alTrial", tenant_id="acTrial")
    places: dict[str, None] = {}
    taken = []
    for number, one in enumerate(seen, 1):
        places[one.zone] = None
        terms = _terms(criteria, tuple(places), count, not_yet_counts_as_false=not_yet_counts_as_false)
        voters = electorate(terms, Zones(frozenset(places), frozenset(places)))
        observation = _observation(one, number)
        found = evaluate(terms, criteria, state, observation, voters)
        state = found.state
        if found.decision is None:
            raise AssertionError(f"every observation of a trial counts, but this one: {found.skip}")
        taken.append(
            Step(
                at_ms=one.at_ms,
                state=state.state,
                status=state.status,
                is_change=found.decision.is_change,
                reason=found.decision.reason.value,
                votes=_votes(evidence(terms, Standing(state.state, state.ballots, number), voters), seen),
            )
        )
    return taken


def _terms(criteria: Criteria, places: tuple[str, ...], count: int, *, not_yet_counts_as_false: bool) -> Terms:
    return Terms(
        consistency=criteria.consistency,
        count=count,
        places=places,
        agent_id=None,
        is_agent=False,
        check_revision=0,
        window_ms=_FOREVER_MS,
        half_period_ms=0,
        not_yet_counts_as_false=not_yet_counts_as_false,
    )


def _observation(one: Seen, number: int) -> Observation:
    """It arrives when its turn comes: what the timestamps say is for `previous` and `rate` only."""
    return Observation(
        tenant_id=TenantId("acTrial"),
        entity_id=EntityId("enTrial"),
        check_id=CheckId("chTrial"),
        check_type="",
        zone_id=ZoneId(one.zone) if one.zone else None,
        agent_id=None,
        sender=str(number),
        check_revision=0,
        at_ms=one.at_ms,
        arrival_ms=number,
        available=one.available,
        status=one.status,
        metrics=dict(one.metrics),
    )


def _votes(votes: Mapping[str, Any], seen: Sequence[Seen]) -> dict[str, Any]:
    """With the timestamps of the observations in place of their turns."""
    return {place: vote | {"timestamp": seen[vote["timestamp"] - 1].at_ms} for place, vote in votes.items()}
