"""When an agent that has reported a check sends nothing for it any more: *Silence of an agent* of the alarm language.

Decided at the ticks of the log, so that a replay decides the same.
"""

from __future__ import annotations

import msgspec

from vedette.domain.states import State
from vedette.engine.ballots import NO_BALLOT, Cast
from vedette.engine.decide import Decision, Reason, Standing, decide
from vedette.engine.electorate import Electorate
from vedette.engine.presence import Presence
from vedette.engine.states import AlarmState
from vedette.engine.terms import AGENT_PLACE, Terms
from vedette.engine.ticks import GAP_MS

DISCONNECTED = "Agent disconnected"

_patience_ms = 180_000
_fast_patience_ms = 30_000
_most_limits = 3

ELECTORATE = Electorate((AGENT_PLACE,), 1)


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock of a check's silence goes by."""

    reported_ms: int | None  # when the bound agent's last observation of the check arrived; None: it never reported it
    changed_ms: int  # last change or enabling of check or alarm
    stretch_ms: int  # when the last stretch ended
    set_back_ms: int = 0  # what our clock had shown when it was last set back
    presence: Presence | None  # of the bound agent; None: it was never seen


class Silenced(msgspec.Struct, frozen=True):
    """The state after a silence, and the decision that it brought."""

    standing: Standing
    decision: Decision


def limit_ms(terms: Terms, *, is_fast: bool) -> int:
    """How long an agent may send nothing for a check."""
    period_ms = round(2 * terms.half_period_ms)
    return max(terms.window_ms, period_ms + (_fast_patience_ms if is_fast else _patience_ms))


def deadline_ms(terms: Terms, quiet: Quiet, now_ms: int) -> int | None:
    """When the silence is one, if nothing happens until then; None for a check that the agent never reported."""
    if quiet.reported_ms is None:
        return None
    presence = quiet.presence
    limit = limit_ms(terms, is_fast=presence is not None and presence.is_fast)
    start_ms = max(_known(quiet.reported_ms, now_ms), _changed_ms(quiet, now_ms), _known(quiet.stretch_ms, now_ms))
    put_off_ms = max(_known(at_ms, now_ms) for at_ms in presence.moments) if presence is not None else 0
    return limit + max(start_ms, min(put_off_ms, start_ms + (_most_limits - 1) * limit))


def _known(at_ms: int, now_ms: int) -> int:
    """Of a moment far ahead of our clock, which was set back, nobody knows how long ago it was; the gap counts then."""
    return 0 if at_ms - now_ms > GAP_MS else min(at_ms, now_ms)


def _changed_ms(quiet: Quiet, now_ms: int) -> int:
    """Changes are read ahead of the log: one that is still to come there begins the clock when it comes."""
    if quiet.changed_ms <= quiet.set_back_ms:
        return _known(quiet.changed_ms, now_ms)
    return min(quiet.changed_ms, now_ms)


def is_told(state: AlarmState) -> bool:
    """Whether this silence has been one already."""
    return state.ballots.get(AGENT_PLACE, NO_BALLOT).silent_ms is not None


def silenced(terms: Terms, before: AlarmState, quiet: Quiet, now_ms: int) -> Silenced:
    """The result of a silence that is due: CRITICAL, a vote at once, whatever the count. `before` has been through
    `adopt`.
    """
    status = status_of(quiet, now_ms)
    last = before.ballots.get(AGENT_PLACE, NO_BALLOT)
    ballot = msgspec.structs.replace(
        last,
        run=(*last.run, State.CRITICAL)[-terms.count :],
        statuses=(*last.statuses, status)[-terms.count :],
        vote=State.CRITICAL,
        vote_status=status,
        status=status,
        silent_ms=now_ms,
    )
    standing = Standing(before.state, {**before.ballots, AGENT_PLACE: ballot}, now_ms)
    cast = Cast(AGENT_PLACE, has_moved=last.vote is not State.CRITICAL, is_computable=True)
    return Silenced(standing, decide(terms, standing, ELECTORATE, cast))


def unheard(before: AlarmState) -> Decision:
    """The decision about a check that its agent never reported."""
    return Decision(before.state, Reason.NEVER_REPORTED)


def status_of(quiet: Quiet, now_ms: int) -> str:
    """What people are told of a silence."""
    if quiet.presence is None or not quiet.presence.is_connected:
        return DISCONNECTED
    return f"No data received for {(now_ms - (quiet.reported_ms or 0)) // 1000} seconds"
