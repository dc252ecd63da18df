"""Confirm rounds: a second look before votes against a state count. *Confirm* of the alarm language.

A round belongs to a check. It begins when a zone's vote moves to one that differs from the state of an alarm that takes
part; every zone up whose collectors can is asked to probe once more, `after_ms` later. Until all have answered only
votes count that show a fault to have lasted so long, so that a shorter one pages nobody.

A probe that ran by its schedule counts as one of the round when it began no earlier than those of the round may: one
that began between the first sight of a fault and then may have seen no more than its short beginning.
"""

from __future__ import annotations

import msgspec

from vedette.criteria import Criteria
from vedette.domain.ids import CheckId, TenantId
from vedette.domain.observations import Observation
from vedette.domain.states import Consistency, State
from vedette.engine.states import Ballot
from vedette.engine.terms import Terms

_slack_ms = 5_000  # for the way there and back, and for a round of the collector's canaries


class Pace(msgspec.Struct, frozen=True):
    """What the rounds of a check go by."""

    after_ms: int  # from a fault's first sight to the probes that confirm it
    timeout_ms: int  # of the check
    period_ms: int  # of the check: at most one round in each


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """A check's latest round. Times are by our clock; the round began with the arrival of an observation."""

    id: str
    tenant_id: TenantId
    check_id: CheckId
    began_ms: int
    after_ms: int
    until_ms: int  # over by then, whoever has not answered
    rests_until_ms: int  # no other one begins before
    asked: tuple[str, ...]  # zones
    answered: tuple[str, ...] = ()
    has_ended: bool = False

    @property
    def probes_ms(self) -> int:
        """When the probes of the round may begin."""
        return self.began_ms + self.after_ms

    @property
    def unanswered(self) -> tuple[str, ...]:
        return tuple(zone for zone in self.asked if zone not in self.answered)


class Confirming(msgspec.Struct, frozen=True):
    """What is known of confirming a check when an observation of it is evaluated."""

    pace: Pace | None = None  # None: no rounds begin
    round: Round | None = None  # the latest, if it is still known
    can: frozenset[str] = frozenset()  # zones whose collectors can be asked


NOTHING = Confirming()


def takes_part(terms: Terms, criteria: Criteria) -> bool:
    """Whether an alarm waits for rounds.

    ONE asks for no agreement, a consecutive count confirms by itself, and for `previous` and `rate` a result out of
    turn would be another measurement. Nobody but the agent can look again at what an agent sees.
    """
    if terms.is_agent or terms.consistency is Consistency.ONE:
        return False
    return terms.count == 1 and not criteria.reads_history


def is_against(state: State, last: State | None, vote: State | None) -> bool:
    """Whether a zone's vote moved to one that differs from the alarm's state.

    Its first vote after the last ones were cleared does; where there is no state yet, a first vote is against nothing.
    """
    if vote is last or vote is state:
        return False
    return last is not None or state is not State.UNKNOWN


def begun(confirming: Confirming, up: tuple[str, ...], observation: Observation) -> Round | None:
    """The round that an observation begins whose vote is against the state; None when none may, or nobody can be
    asked. `up` are the check's zones that are.
    """
    pace, last, now_ms = confirming.pace, confirming.round, observation.arrival_ms
    if pace is None or (last is not None and _rules_out_another(last, now_ms)):
        return None
    asked = tuple(zone for zone in up if zone in confirming.can)
    if not asked:
        return None
    return Round(
        id=f"{observation.check_id}:{now_ms}",
        tenant_id=observation.tenant_id,
        check_id=observation.check_id,
        began_ms=now_ms,
        after_ms=pace.after_ms,
        until_ms=now_ms + pace.after_ms + pace.timeout_ms + _slack_ms,
        rests_until_ms=now_ms + pace.period_ms,
        asked=asked,
    )


def is_open(last: Round, now_ms: int) -> bool:
    """Whether answers are still waited for."""
    return not last.has_ended and now_ms < last.until_ms


def is_due(last: Round, now_ms: int) -> bool:
    """Whether the time is up and nobody has yet decided without those that have not answered."""
    return not last.has_ended and now_ms >= last.until_ms


def _rules_out_another(last: Round, now_ms: int) -> bool:
    """A beginning that lies ahead says that our clock went back: nothing is known of how long ago it was."""
    return is_open(last, now_ms) or last.began_ms <= now_ms < last.rests_until_ms


def answered(last: Round, observation: Observation) -> Round:
    """The round after an observation, whatever that one is worth: it ends when the last zone asked has answered."""
    if last.has_ended or observation.round_id != last.id or observation.place not in last.unanswered:
        return last
    heard = (*last.answered, observation.place)
    return msgspec.structs.replace(last, answered=heard, has_ended=len(heard) == len(last.asked))


def ended(last: Round) -> Round:
    """The round when its time is up."""
    return msgspec.structs.replace(last, has_ended=True)


def deciding(last: Round | None, state: State, now_ms: int) -> Round | None:
    """The round that says which votes count, None when all do: an alarm without a state does not wait for its first."""
    if last is None or state is State.UNKNOWN or not is_open(last, now_ms):
        return None
    return last


def counts(deciding: Round, ballot: Ballot) -> bool:
    """Whether a vote counts in a round: its probe is one of the round, began as late, or itself took as long."""
    if ballot.round_id == deciding.id:
        return True
    if ballot.took_ms is None or ballot.evaluated_ms is None:
        return False
    return ballot.took_ms >= deciding.after_ms or ballot.evaluated_ms - ballot.took_ms >= deciding.probes_ms
