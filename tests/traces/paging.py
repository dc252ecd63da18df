"""Rules of paging, and what the engine tells under each."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tests.traces.remote import Zone, arrived
from tests.traces.truth import BEGIN_MS, PERIOD_MS, TIMEOUT_MS, ZONES, Truth
from vedette.criteria import compile_criteria
from vedette.domain.ids import AgentId
from vedette.domain.observations import Entry, Observation
from vedette.domain.states import State
from vedette.engine.basis import Revision, basis, digest
from vedette.engine.confirm import Pace, Round
from vedette.engine.replay import Replay, Start
from vedette.engine.replayed import Configured, Past, Setting, Step
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject
from vedette.engine.terms import AGENT_PLACE, Terms, window_ms

AGENT = AgentId("host")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How a remote check is made into pages."""

    name: str
    zones: tuple[str, ...] = ZONES
    has_canaries: bool = True
    count: int = 1
    confirm_after_ms: int | None = 5_000  # None: no rounds

    @property
    def delay_ms(self) -> int:
        """Within this an outage is paged that can be seen."""
        return self.count * PERIOD_MS + 2 * TIMEOUT_MS + 10_000


THREE_ZONES = (
    Rule(name="three zones, QUORUM, confirm rounds"),
    Rule(name="three zones, QUORUM", confirm_after_ms=None),
    Rule(name="three zones, QUORUM, count 2", count=2, confirm_after_ms=None),
)
ONE_ZONE = tuple(
    Rule(name=f"one zone: {zone}", zones=(zone,), has_canaries=False, confirm_after_ms=None) for zone in ZONES
)
"""What a monitor at one site would do."""


class Telling(msgspec.Struct, frozen=True):
    """Somebody is told a state."""

    at_ms: int
    state: State


class Watch:
    """Zones and what arrives of them, for rules that see the same."""

    def __init__(self, truth: Truth, zones: Sequence[str] = ZONES, *, has_canaries: bool = True) -> None:
        self.zones = [Zone(name, truth, has_canaries=has_canaries) for name in zones]
        self.log = arrived(self.zones)


def of_target(watch: Watch, rule: Rule) -> list[Telling]:
    """What is told of the target."""
    criteria = f":set consecutiveCount={rule.count} if (metric['code'] regex '^5') {{ return CRITICAL; }} return OK;"
    pace = None if rule.confirm_after_ms is None else Pace(rule.confirm_after_ms, TIMEOUT_MS, PERIOD_MS)
    return _told(_replay(criteria, rule.zones, rule.count, pace), watch.log, watch.zones)


def of_host(log: Iterable[Entry]) -> list[Telling]:
    """What is told of the host, whose agent's part of the log this is."""
    return _told(_replay("", (AGENT_PLACE,), 1, None), log, ())


def _replay(criteria: str, places: tuple[str, ...], count: int, pace: Pace | None) -> Replay:
    compiled = compile_criteria(criteria)
    is_agent = places == (AGENT_PLACE,)
    terms = Terms(
        consistency=compiled.consistency,
        count=count,
        places=places,
        agent_id=AGENT if is_agent else None,
        is_agent=is_agent,
        check_revision=1,
        window_ms=window_ms(count, PERIOD_MS, is_agent=is_agent),
        half_period_ms=PERIOD_MS / 2,
    )
    configured = Configured(
        criteria=compiled,
        terms=terms,
        basis=basis(digest(criteria), Revision(1, 1), Revision(1, 1)),
        plan_id="npOne",
        pace=pace,
        changed_ms=BEGIN_MS,
    )
    past = Past(subject=Subject("enOne", "chOne", "alOne"), settings=(Setting(BEGIN_MS, configured),))
    return Replay(past, Start(at_ms=BEGIN_MS, state=AlarmState(alarm_id="alOne", tenant_id="acOne")))


def _told(replay: Replay, log: Iterable[Entry], zones: Iterable[Zone]) -> list[Telling]:
    told = []
    for step in _steps(replay, log, tuple(zones)):
        told += [Telling(step.at_ms, one.state) for one in step.told]
    return told


def _steps(replay: Replay, log: Iterable[Entry], zones: tuple[Zone, ...]) -> Iterator[Step]:
    """Through the log; what a confirm round asks for is answered in its time."""
    answers: list[tuple[int, str, Observation]] = []
    for entry in log:
        at_ms = entry.arrival_ms if isinstance(entry, Observation) else entry.at_ms
        while answers and answers[0][0] <= at_ms:
            yield from _asking(replay.take(heapq.heappop(answers)[2]), zones, answers)
        yield from _asking(replay.take(entry), zones, answers)


def _asking(
    steps: Iterator[Step], zones: tuple[Zone, ...], answers: list[tuple[int, str, Observation]]
) -> Iterator[Step]:
    for step in steps:
        if step.evaluated is not None and step.evaluated.begun is not None:
            for answer in _answers(step.evaluated.begun, zones):
                heapq.heappush(answers, (answer.arrival_ms, answer.place, answer))
        yield step


def _answers(asked: Round, zones: tuple[Zone, ...]) -> Iterator[Observation]:
    for zone in zones:
        answer = zone.answer(asked) if zone.name in asked.asked else None
        if answer is not None:
            yield answer
