"""What the engine remembers of an alarm between observations; durable, one value an alarm."""

from __future__ import annotations

import msgspec

from vedette.criteria import Sample
from vedette.domain.observations import Observation
from vedette.domain.states import State


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """One zone's (or the agent's) standing in an alarm.

    The run holds the last `consecutiveCount` results, newest last; the vote is what the zone says now. Freshness goes
    by the latest evaluated observation.
    """

    run: tuple[State, ...] = ()
    statuses: tuple[str, ...] = ()  # of the results in the run
    vote: State | None = None
    vote_status: str = ""  # of the latest result that made the vote or is the same
    status: str = ""  # of the newest result
    evaluated_ms: int | None = None  # time of the latest evaluated observation
    arrived_ms: int = 0  # when that one arrived
    counted_ms: int | None = None  # time of the result last counted into the run
    seen: tuple[tuple[str, int], ...] = ()  # (sender, its own timestamp) of the latest ones: recognises duplicates
    history: dict[str, Sample] = {}  # latest earlier value of each metric, for `previous` and `rate`
    took_ms: int | None = None  # how long the latest evaluated observation's probe took, where its sender said so
    round_id: str = ""  # of the confirm round that asked for that probe
    silent_ms: int | None = None  # when silence made the vote, of an agent that has not reported since


class AlarmState(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm's state and how it came about."""

    alarm_id: str
    tenant_id: str
    state: State = State.UNKNOWN
    status: str = ""  # of the last change
    changed_ms: int | None = None
    previous: State = State.UNKNOWN  # before the last change
    analyzed_by: str | None = None  # the zone whose observation brought it; None for an agent's
    change_key: bytes = b""  # the changelog entry of the last change
    basis: str = ""  # what votes and runs were made under, see `basis`: another one clears them
    ballots: dict[str, Ballot] = {}  # place -> standing; an agent's place is the empty text
    told: dict[str, State] = {}  # plan id -> the state last told to it; OK where absent
    told_key: bytes = b""  # the last delivery's: later ones come after it
    cause: Observation | None = None  # of the last change, kept while somebody may yet have to be told of it
    is_held: bool = False  # somebody is to be told, and a suppression matches
    revision: int = 0  # compare-and-set


# Without cycles: views read thousands of them, and the garbage collector need not look at any.
class LatestState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of an alarm's state."""

    alarm_id: str
    state: State = State.UNKNOWN
    status: str = ""
    changed_ms: int | None = None  # None: no decision has ever changed it
    previous: State = State.UNKNOWN
    analyzed_by: str | None = None
