"""What of a month's pages is right, by what really happened.

*Able* is a zone whose collector is there, has a way to the target and to its canaries, and reaches the server, which
is there and takes what comes; after blindness from the first round of canaries, after the rest from its return.

- An outage is to be paged when two zones are able for so long of it as the delay that is promised: `count` x period +
  2 x time-out + 10 s. It is paged in time when by the end of that stretch a page stands: the last that was told is
  CRITICAL. *Late* when one comes after, as long as the outage or one delay more, and *missed* when none does.
- A page is false when the target worked all the time from one delay before it. Under a rule that confirms, an outage
  shorter than `confirm_after` is none: nobody is to be woken by it. Under others such pages are counted as *brief*.
- An all-clear is false when the target had not worked for all of one delay before it.
- When the target works and two zones are able, for so long as the delay and `count` periods (a probe may fail for no
  reason), the all-clear must have been told by the end of it; a page that stands then is *stuck*.

Of the host: it is *away* from the moment its agent cannot be heard (it is off, its network is, or the agent is not
there) until the agent has connected again; nothing can be said while the server is not there.

- It is to be paged when it is away for the silence limit + period + 15 s in which the server is there, by then.
- A page is false when the host is not away, or has been for less than the silence limit less period and 15 s: the
  last report may be so much older than the beginning.
- The all-clear must have been told when it has been back for period + 15 s in which the server was there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

from tests.traces.host import Host
from tests.traces.paging import Rule, Telling
from tests.traces.remote import BACK_WITHIN_MS, CANARIES_EVERY_MS
from tests.traces.spans import Span, Spans, common, merged, without
from tests.traces.truth import BEGIN_MS, PERIOD_MS, ZONES, Truth
from vedette.domain.states import State

AGENT_GRACE_MS = 15_000
BRIEF_MS = 5_000


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Of one month under one rule; the moments at which something was wrong, milliseconds."""

    pages: int
    due: int  # outages to be paged
    false: Sequence[int]
    missed: Sequence[int]
    late: Sequence[int]
    brief: Sequence[int]
    false_clears: Sequence[int]
    stuck: Sequence[int]
    delays_ms: Sequence[int]  # of those that were paged, from when they could be seen

    @property
    def is_right(self) -> bool:
        return not (self.false or self.missed or self.late or self.false_clears or self.stuck)


class _Promise(msgspec.Struct, frozen=True):
    """What is to be paged by when."""

    since_ms: int
    by_ms: int
    until_ms: int  # later than that it is missed


class _Told:
    """What was told last at each moment."""

    def __init__(self, told: Sequence[Telling]) -> None:
        self._told = told
        self._moments = [one.at_ms for one in told]

    def stands(self, at_ms: int) -> bool:
        """Whether a page does."""
        found = bisect_right(self._moments, at_ms) - 1
        return found >= 0 and self._told[found].state is State.CRITICAL

    def first(self, since_ms: int, until_ms: int) -> int | None:
        """From when on a page stands."""
        if self.stands(since_ms):
            return since_ms
        return next((at_ms for at_ms in self.of(State.CRITICAL) if since_ms < at_ms <= until_ms), None)

    def of(self, state: State) -> list[int]:
        return [one.at_ms for one in self._told if one.state is state]


def of_target(truth: Truth, rule: Rule, tellings: Sequence[Telling]) -> Judgement:
    """Of what was told of the target."""
    told, delay_ms = _Told(tellings), rule.delay_ms
    real = [one for one in truth.outages if rule.confirm_after_ms is None or one.lasts_ms >= rule.confirm_after_ms]
    lasting = [one for one in truth.outages if one.lasts_ms >= BRIEF_MS]
    seen = _seen_by_two(truth)
    well = common(without(Span(BEGIN_MS, truth.end_ms), truth.outages), seen)
    pages = told.of(State.CRITICAL)
    false = [at_ms for at_ms in pages if not _meet(real, at_ms - delay_ms, at_ms)]
    return _judgement(
        told,
        promises=[
            _Promise(part.begin_ms, part.begin_ms + delay_ms, outage.end_ms + delay_ms)
            for outage in truth.outages
            for part in common([outage], seen)
            if part.lasts_ms >= delay_ms
        ],
        false=false,
        brief=[at_ms for at_ms in pages if at_ms not in false and not _meet(lasting, at_ms - delay_ms, at_ms)],
        false_clears=[
            at_ms
            for at_ms in told.of(State.OK)
            if any(one.begin_ms <= at_ms - delay_ms and at_ms < one.end_ms for one in truth.outages)
        ],
        clear_by=_ends(well, delay_ms + rule.count * PERIOD_MS),
    )


def _judgement(
    told: _Told,
    *,
    promises: Sequence[_Promise],
    false: Sequence[int],
    brief: Sequence[int],
    false_clears: Sequence[int],
    clear_by: Sequence[int],
) -> Judgement:
    first = {promise: told.first(promise.since_ms, promise.until_ms) for promise in promises}
    return Judgement(
        pages=len(told.of(State.CRITICAL)),
        due=len({promise.until_ms for promise in promises}),
        false=false,
        missed=[promise.since_ms for promise, at_ms in first.items() if at_ms is None],
        late=[promise.since_ms for promise, at_ms in first.items() if at_ms is not None and at_ms > promise.by_ms],
        brief=brief,
        false_clears=false_clears,
        stuck=[at_ms for at_ms in clear_by if told.stands(at_ms)],
        delays_ms=[at_ms - promise.since_ms for promise, at_ms in first.items() if at_ms is not None],
    )


def _seen_by_two(truth: Truth) -> list[Span]:
    """When two zones or more are able."""
    able = [_able(truth, zone) for zone in ZONES]
    pairs = ((first, second) for number, first in enumerate(able) for second in able[number + 1 :])
    return merged(span for first, second in pairs for span in common(first, second))


def _able(truth: Truth, zone: str) -> list[Span]:
    broken = truth.zones[zone]
    unable = [*broken.lost, *broken.dead]
    unable += [Span(one.begin_ms, one.end_ms + CANARIES_EVERY_MS) for one in broken.blind]
    unable += [Span(one.begin_ms, one.end_ms + BACK_WITHIN_MS) for one in (*broken.cut, *truth.server, *truth.deaf)]
    return without(Span(BEGIN_MS, truth.end_ms), merged(unable))


def host_delay_ms(host: Host) -> int:
    """Within this a host that is away is paged."""
    return host.limit_ms + PERIOD_MS + AGENT_GRACE_MS


def of_host(truth: Truth, host: Host, tellings: Sequence[Telling]) -> Judgement:
    """Of what was told of the host."""
    told, away, delay_ms, slack_ms = _Told(tellings), host.away, host_delay_ms(host), PERIOD_MS + AGENT_GRACE_MS
    there = without(Span(BEGIN_MS, truth.end_ms), merged([*truth.server, *truth.deaf]))
    gone = Spans(away)
    back = without(Span(BEGIN_MS, truth.end_ms), away)
    return _judgement(
        told,
        promises=[
            _Promise(part.begin_ms, part.begin_ms + delay_ms, one.end_ms)
            for one in away
            for part in common([one], there)
            if part.lasts_ms >= delay_ms
        ],
        false=[at_ms for at_ms in told.of(State.CRITICAL) if not _has_been(gone, at_ms, host.limit_ms - slack_ms)],
        brief=[],
        false_clears=[at_ms for at_ms in told.of(State.OK) if gone.at(at_ms) is not None],
        clear_by=_ends(common(back, there), slack_ms),
    )


def _has_been(spans: Spans[Span], at_ms: int, for_ms: int) -> bool:
    span = spans.at(at_ms)
    return span is not None and at_ms - span.begin_ms >= for_ms


def _meet(spans: Iterable[Span], begin_ms: int, end_ms: int) -> bool:
    return any(span.meets(begin_ms, end_ms) for span in spans)


def _ends(spans: Iterable[Span], after_ms: int) -> list[int]:
    """So long after the beginning of each that lasts so long."""
    return [span.begin_ms + after_ms for span in spans if span.lasts_ms > after_ms]
