"""`evaluate`: compiled criteria beside hand-written functions, and the engine's way from an observation to a state.

What is timed is computation alone, in this process, on one core: no store, no log, no bus.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time

from benchmarks import prometheus
from benchmarks.rules import HTTP, RATE, RULES, Rule
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table
from vedette.criteria import Criteria, Observed, Verdict, compile_criteria
from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.engine.basis import Basis, Revision, basis
from vedette.engine.decide import Standing, decide
from vedette.engine.electorate import Electorate, Zones, electorate
from vedette.engine.evaluation import adopt, evaluate
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject, Suppression, matching
from vedette.engine.terms import Terms, window_ms
from vedette.engine.told import held_back, tellings

PAIRS = 7
CALLS = 30_000  # a turn
AIM_S = 300_000
PERIOD_MS = 60_000
ZONES = ("mzdfw", "mzord", "mzlon", "mziad", "mzhkg")


def run() -> Table:
    """The languages first, then the engine, then Prometheus if it is there."""
    os.sched_setaffinity(0, {LOAD_CORE})
    table = Table("evaluate: computation alone, one core")
    table.rows += [_beside_by_hand(rule) for rule in RULES]
    steady = life(HTTP, 1, ZONES[:3], [_http(200)])
    worst = life(f":set consistencyLevel=ALL {RATE}", 5, ZONES, [_traffic(number) for number in range(CALLS)])
    table.rows += [
        _alone("decide, tell, suppress: 3 zones, QUORUM", lambda: _decisions(steady)),
        _alone("evaluate: 3 zones, QUORUM, steady", lambda: _evaluations(steady)),
        _alone("evaluate: 5 zones, ALL, worst case", lambda: _evaluations(worst)),
    ]
    table.notes.append(
        "decide, tell, suppress: which votes count, the state and why, who is to be told, 3 suppressions of others.\n"
        "evaluate: from one observation to the next state: terms, time, duplicates, criteria, run, vote, decision.\n"
        "  Steady: an expression and a limit, nothing changes. Worst case: a rate and an earlier value are read and\n"
        f"  kept, 5 results a run; {worst.changes():,} changes of state in {len(worst.observations):,} observations."
    )
    if prometheus.is_installed():
        table.rows += prometheus.rows(PAIRS, lambda: _evaluations(steady, perf_counter))  # it measures by the wall too
        table.notes.append(prometheus.NOTE)
    else:
        table.notes.append(prometheus.MISSING)
    return table


def _per_second(once: Callable[[], object], calls: int, clock: Callable[[], float] = process_time) -> float:
    """`once` makes so many calls; by CPU time, so that what else runs on the core is left out."""
    began_s = clock()
    once()
    return calls / (clock() - began_s)


def _alone(what: str, measure: Callable[[], float]) -> Row:
    return Row(what, "-", [measure() for _ in range(PAIRS)], [], "/s", AIM_S)


# Criteria


def _beside_by_hand(rule: Rule) -> Row:
    criteria = compile_criteria(rule.criteria)
    ours, theirs = criteria.evaluate(rule.seen), rule.by_hand(rule.seen)
    assert isinstance(ours, Verdict)
    assert (ours.state, ours.status) == (theirs.state, theirs.status)

    def times(ask: Callable[[Observed], object]) -> Callable[[], None]:
        def once() -> None:
            for _ in range(CALLS):
                ask(rule.seen)

        return once

    pairs = [
        (_per_second(times(criteria.evaluate), CALLS), _per_second(times(rule.by_hand), CALLS)) for _ in range(PAIRS)
    ]
    return Row(f"criteria: {rule.what}", "by hand", [a for a, _ in pairs], [b for _, b in pairs], "/s", aim=0.5)


# The engine


@dataclass(frozen=True)
class Life:
    """An alarm, and what is observed of it, in order."""

    terms: Terms
    criteria: Criteria
    basis: Basis
    voters: Electorate
    observations: Sequence[Observation]

    def states(self) -> Iterator[AlarmState]:
        """After each observation, as evaluation goes from one to the next."""
        state = AlarmState(alarm_id="alOne", tenant_id="acOne")
        for observation in self.observations:
            state = adopt(self.terms, state, self.basis)
            state = evaluate(self.terms, self.criteria, state, observation, self.voters).state
            yield state

    def last(self) -> AlarmState:
        """The state after all of them."""
        return deque(self.states(), maxlen=1)[0]

    def changes(self) -> int:
        """How often the alarm's state changes."""
        return sum(before.state is not after.state for before, after in itertools.pairwise(self.states()))


def life(text: str, count: int, zones: tuple[str, ...], rounds: Sequence[dict[str, Metric]]) -> Life:
    """All zones report each round, a period apart, over and over."""
    criteria = compile_criteria(text)
    made = itertools.islice(
        (
            _observation(zone, number * PERIOD_MS + place * 1_000, metrics)
            for number, metrics in enumerate(itertools.cycle(rounds))
            for place, zone in enumerate(zones)
        ),
        CALLS,
    )
    terms = Terms(
        consistency=criteria.consistency,
        count=count,
        places=zones,
        agent_id=None,
        is_agent=False,
        check_revision=1,
        window_ms=window_ms(count, PERIOD_MS, is_agent=False),
        half_period_ms=PERIOD_MS / 2,
    )
    everywhere = frozenset(zones)
    voters = electorate(terms, Zones(everywhere, everywhere))
    return Life(terms, criteria, basis("digest", Revision(1, 1), Revision(1, 1)), voters, list(made))


def _http(code: int) -> dict[str, Metric]:
    return {"code": Metric("s", str(code)), "duration": Metric("l", 120), "truncated": Metric("b", 0)}


def _traffic(number: int) -> dict[str, Metric]:
    """For five periods hardly any, for five too much, and so on."""
    tens, ones = divmod(number, 10)
    return {"rx": Metric("L", 10**10 * (5 * tens + max(0, ones - 4))), "serial": Metric("s", "a")}


def _observation(zone: str, at_ms: int, metrics: dict[str, Metric]) -> Observation:
    return Observation(
        tenant_id=TenantId("acOne"),
        entity_id=EntityId("enOne"),
        check_id=CheckId("chOne"),
        check_type="remote.http",
        zone_id=ZoneId(zone),
        agent_id=None,
        sender=f"{zone}-1",
        check_revision=1,
        at_ms=at_ms,
        arrival_ms=at_ms + 40,
        available=True,
        status="code=200,rt=0.120s",
        metrics=metrics,
        buffers=True,
    )


def _evaluations(alarm: Life, clock: Callable[[], float] = process_time) -> float:
    return _per_second(alarm.last, len(alarm.observations), clock)


def _decisions(alarm: Life) -> float:
    state = alarm.last()
    standing = Standing(state.state, state.ballots, alarm.observations[-1].arrival_ms)
    subject = Subject("enOne", "chOne", "alOne")
    known = [Suppression(id=f"sp{n}", start_ms=0, end_ms=1 << 60, entities=frozenset({f"en{n}"})) for n in range(3)]

    def once() -> None:
        for _ in range(CALLS):
            decision = decide(alarm.terms, standing, alarm.voters)
            told = tellings({}, "npOne", decision.state)
            held_back(told, lambda plan: bool(matching(known, subject, plan, standing.now_ms)))

    return _per_second(once, CALLS)
