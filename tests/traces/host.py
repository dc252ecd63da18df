"""What the log holds of a host's agent and of the server's ticks, in the order in which it arrives.

Two kinds of agents. The stock agent waits 41 s and more before it connects again, throws away what it sees meanwhile,
and takes up its checks at a random phase when it starts. Ours declares `fast_reconnect`, tries again at least every
20 s, and keeps what it sees until then.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator

import msgspec

from tests.traces.paging import AGENT
from tests.traces.spans import Span, Spans, without
from tests.traces.truth import BEGIN_MS, PERIOD_MS, SECOND_MS, Manner, Truth
from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Tick
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Entry, Observation

_tick_ms = 5_000
_heartbeat_ms = 33_000
_given_up_ms = 90_000  # after the last byte the server closes a connection as dead
_survived_ms = 20_000  # a network that is back so soon has cut no connection
_first_stock_wait_ms, _more_stock_wait_ms, _most_stock_wait_ms = 41_000, 54_000, 137_000
_first_wait_ms, _most_wait_ms = 1_000, 20_000
_tenant = TenantId("acOne")
_metrics = {"usage_average": Metric("n", 12.5)}


class Break(Span, frozen=True):
    """A stretch in which the agent does not reach the server."""

    ends_silently: bool = False  # without a last word: both sides find out for themselves
    is_restart: bool = False  # a new agent comes after it
    is_ours: bool = False  # the server is not there, and notes no end


class Life(msgspec.Struct, frozen=True):
    """A connection."""

    span: Span
    number: int
    is_first: bool  # of its agent process
    ended_by: Break | None  # None: the month's end


class Host:
    """An agent, one process after another, and its connections."""

    def __init__(self, truth: Truth, *, is_fast: bool) -> None:
        self._truth = truth
        self._is_fast = is_fast
        self._hiccups = Spans([one for one in truth.off if _is_survived(one)])
        self.lives = list(self._lived(_breaks(truth)))

    @property
    def limit_ms(self) -> int:
        """Its silence limit."""
        return max(round(1.5 * (PERIOD_MS + 15_000)), PERIOD_MS + (30_000 if self._is_fast else 180_000))

    @property
    def away(self) -> list[Span]:
        """When it has no connection."""
        ends = [life.span.end_ms for life in self.lives[:-1]]
        return [Span(end_ms, life.span.begin_ms) for end_ms, life in zip(ends, self.lives[1:], strict=True)]

    def log(self) -> Iterable[Entry]:
        """All that arrives."""
        found = [(one.at_ms, one) for life in self.lives for one in self._connection(life)]
        seen = [(one.arrival_ms, one) for one in self._observations()]
        rest = sorted([*found, *seen], key=lambda one: one[0])
        return (entry for _, entry in heapq.merge(self._ticks(), rest, key=lambda one: one[0]))

    def _lived(self, breaks: list[Break]) -> Iterator[Life]:
        """A break that comes before the agent is back goes on with the one before."""
        opened_ms, is_first, number = BEGIN_MS + SECOND_MS, True, 0
        left = breaks[::-1]
        while left:
            one = left.pop()
            back_ms = self._back(one)
            while left and left[-1].begin_ms <= back_ms:
                more = left.pop()
                one = msgspec.structs.replace(
                    one, end_ms=max(one.end_ms, more.end_ms), is_restart=one.is_restart or more.is_restart
                )
                back_ms = self._back(one)
            yield Life(Span(opened_ms, one.begin_ms), number, is_first, one)
            opened_ms, is_first, number = back_ms, one.is_restart, number + 1
        yield Life(Span(opened_ms, self._truth.end_ms), number, is_first, None)

    def _back(self, one: Break) -> int:
        """When the agent has a connection again."""
        chance = random.Random(f"{self._truth.seed} {one.begin_ms} back")
        at_ms = one.end_ms + chance.randrange(2_000, 15_000)
        if not one.is_restart:
            at_ms = self._tried(one, chance)
        deaf = self._truth.deaf.at(at_ms)
        return at_ms if deaf is None else deaf.end_ms + chance.randrange(1_000, 10_000)

    def _tried(self, one: Break, chance: random.Random) -> int:
        """The first try to connect after the end of a break."""
        at_ms = one.begin_ms + (chance.randrange(15_000, 45_000) if one.ends_silently else 0)
        wait_ms = _first_wait_ms if self._is_fast else _first_stock_wait_ms + chance.randrange(_more_stock_wait_ms)
        while True:
            at_ms += round(wait_ms * (0.5 + chance.random() / 2)) if self._is_fast else wait_ms
            if at_ms >= one.end_ms:
                return at_ms
            more_ms = wait_ms if self._is_fast else chance.randrange(17_000)
            wait_ms = min(wait_ms + more_ms, _most_wait_ms if self._is_fast else _most_stock_wait_ms)

    def _connection(self, life: Life) -> Iterator[AgentConnected | AgentFetched | AgentClosed]:
        at_ms, name, end = life.span.begin_ms, f"connection {life.number}", life.ended_by
        yield AgentConnected(at_ms, _tenant, AGENT, self._process(at_ms), name, self._is_fast)
        if life.is_first or self._is_fast:
            yield AgentFetched(at_ms + 100, _tenant, AGENT)
        if end is None or end.is_ours:
            return
        since_ms = closed_ms = end.begin_ms
        if end.ends_silently:
            since_ms -= (end.begin_ms - at_ms) % _heartbeat_ms
            closed_ms = since_ms + _given_up_ms
        if not self._truth.server.meet(end.begin_ms, closed_ms):
            deaf = self._truth.deaf.at(closed_ms)
            yield AgentClosed(closed_ms if deaf is None else deaf.end_ms, _tenant, AGENT, name, since_ms)

    def _observations(self) -> Iterator[Observation]:
        """Each agent process has a rhythm of its own, whatever becomes of its connections."""
        chance = random.Random(f"{self._truth.seed} observations")
        lives = Spans([life.span for life in self.lives])
        for process in self._processes():
            phase_ms = chance.randrange(2_000 if self._is_fast else PERIOD_MS)
            for due_ms in range(process.begin_ms + 200 + phase_ms, process.end_ms, PERIOD_MS):
                at_ms = due_ms + chance.randrange(5_000)
                arrival_ms = self._arrival(at_ms, process, lives)
                if arrival_ms is not None:
                    yield self._observation(at_ms, arrival_ms + 20 + chance.randrange(50))

    def _processes(self) -> list[Span]:
        firsts = [life.span.begin_ms for life in self.lives if life.is_first]
        ends = [life.ended_by.begin_ms for life in self.lives if life.ended_by is not None and life.ended_by.is_restart]
        return [Span(begin_ms, end_ms) for begin_ms, end_ms in zip(firsts, [*ends, self._truth.end_ms], strict=True)]

    def _arrival(self, at_ms: int, process: Span, lives: Spans[Span]) -> int | None:
        """When something seen is taken; None when it never is."""
        if self._is_fast:
            while (put_off_ms := self._put_off(at_ms, lives)) != at_ms:
                at_ms = put_off_ms
            return at_ms if process.holds(at_ms) else None
        hiccup = self._hiccups.at(at_ms)
        at_ms = at_ms if hiccup is None else hiccup.end_ms + SECOND_MS
        return at_ms if lives.at(at_ms) and not self._truth.deaf.at(at_ms) else None

    def _put_off(self, at_ms: int, lives: Spans[Span]) -> int:
        """When it is tried again; the same moment where nothing is in the way."""
        blocked = self._hiccups.at(at_ms) or self._truth.deaf.at(at_ms)
        if blocked is not None:
            return blocked.end_ms + SECOND_MS
        if lives.at(at_ms):
            return at_ms
        return min(
            (life.span.begin_ms for life in self.lives if life.span.begin_ms > at_ms), default=self._truth.end_ms
        )

    def _observation(self, at_ms: int, arrival_ms: int) -> Observation:
        return Observation(
            tenant_id=_tenant,
            entity_id=EntityId("enOne"),
            check_id=CheckId("chTwo"),
            check_type="agent.cpu",
            zone_id=None,
            agent_id=AGENT,
            sender=AGENT,
            check_revision=1,
            at_ms=at_ms,
            arrival_ms=arrival_ms,
            available=True,
            status="",
            metrics=_metrics,
            buffers=self._is_fast,
        )

    def _ticks(self) -> Iterator[tuple[int, Entry]]:
        for whole in without(Span(BEGIN_MS, self._truth.end_ms), self._truth.server):
            process = self._process(whole.begin_ms)
            for part in without(whole, self._truth.deaf):
                for at_ms in range(part.begin_ms, part.end_ms, _tick_ms):
                    yield at_ms, Tick(at_ms, process, at_ms, takes_agents=True)

    def _process(self, at_ms: int) -> str:
        """Of the server."""
        return f"process {sum(one.end_ms <= at_ms for one in self._truth.server)}"


def _is_survived(off: Span) -> bool:
    return off.lasts_ms <= _survived_ms


def _breaks(truth: Truth) -> list[Break]:
    """All that ends connections, in order."""
    found = [Break(one.begin_ms, one.end_ms, one.manner is Manner.HANGS, is_restart=True) for one in truth.down]
    found += [Break(one.begin_ms, one.end_ms, one.manner is Manner.HANGS) for one in truth.off if not _is_survived(one)]
    found += [Break(one.begin_ms, one.end_ms, is_restart=True) for one in truth.renewed]
    found += [Break(one.begin_ms, one.end_ms, is_ours=True) for one in truth.server]
    return sorted(found, key=lambda one: one.begin_ms)
