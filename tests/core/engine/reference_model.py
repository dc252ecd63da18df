"""The slow, obviously right engine that the real one is held against, written from the sentences of the language.

It keeps all that ever happened and works everything out anew from that whenever it is asked. It shares no code with the
engine but the values that go in and come out; criteria are walked by the tree walker.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.core.criteria.tree_walker import walk
from vedette.criteria import Observed, Sample, Verdict
from vedette.criteria.tree import Program
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.domain.states import Consistency, State
from vedette.engine.ballots import Skip
from vedette.engine.decide import Reason

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Rules:
    """What does not change while an alarm is watched."""

    program: Program
    count: int
    period_ms: int
    check_type: str
    agent_id: str | None
    has_criteria: bool  # any text at all

    @property
    def consistency(self) -> Consistency:
        return self.program.consistency or Consistency.QUORUM

    @property
    def window_ms(self) -> float:
        """1.5 x consecutiveCount x period (for agents: period + 15 s in place of period)."""
        period_ms = self.period_ms if self.agent_id is None else self.period_ms + 15_000
        return 1.5 * self.count * period_ms


@dataclass(frozen=True)
class Result:
    """What one evaluated observation said; `state` None: the criteria gave no result."""

    time_ms: int
    arrival_ms: int
    sender: str
    stamp_ms: int
    metrics: dict[str, Metric]
    state: State | None
    status: str


@dataclass(frozen=True)
class Vote:
    state: State | None
    run: tuple[State, ...]


@dataclass(frozen=True)
class Answer:
    """`skips`: why an observation was a point only, all that apply; empty where it was evaluated or nothing was."""

    state: State
    reason: Reason | None
    skips: frozenset[Skip] = frozenset()
    statuses: frozenset[str] = frozenset()  # of a change: it has one of them


@dataclass
class Model:
    rules: Rules
    zones: tuple[str, ...]  # of the check, neither deleted nor disabled
    down: set[str] = field(default_factory=set)
    state: State = State.UNKNOWN
    check_revision: int = 1
    results: dict[str, list[Result]] = field(default_factory=dict)  # of each zone, all of them, as they were evaluated
    cleared_after: dict[str, int] = field(default_factory=dict)  # how many of a zone's results a change made void
    came_up: dict[str, tuple[int, int]] = field(default_factory=dict)  # when, and how many results it had by then

    @property
    def up(self) -> list[str]:
        return [zone for zone in self.zones if zone not in self.down]

    # Evaluation

    def observe(self, observation: Observation) -> Answer:
        skips = self._skips(observation)
        if skips:
            return Answer(self.state, None, skips)
        place, now_ms = observation.place, observation.arrival_ms
        result = self._result(observation)
        before = self.vote(place)
        if self._is_after_gap(place, result):
            before = Vote(None, ())
        self.results.setdefault(place, []).append(result)
        moved = self.vote(place).state is not before.state
        return self.decide(now_ms, evaluated=place, has_moved=moved, is_computable=result.state is not None)

    def _skips(self, observation: Observation) -> frozenset[Skip]:
        """An observation is evaluated once, if ... All others are points only."""
        earlier = self.results.get(observation.place, [])
        time_ms = self._time(observation)
        last_ms = earlier[-1].time_ms if earlier else None
        if last_ms is not None and last_ms > observation.arrival_ms:
            last_ms = None  # a last time that lies after arrival is forgotten: our clock went back
        found = {
            Skip.NOT_OF_CHECK: observation.place not in self.zones or observation.agent_id != self.rules.agent_id,
            Skip.BLIND: observation.is_blind,
            Skip.EARLIER_REVISION: 0 < observation.check_revision < self.check_revision,
            Skip.TOO_OLD: observation.arrival_ms - time_ms > HOUR_MS,
            Skip.NOT_NEWER: last_ms is not None and time_ms <= last_ms,
            Skip.DUPLICATE: any(
                (each.sender, each.stamp_ms) == (observation.sender, observation.at_ms) for each in earlier
            ),
        }
        return frozenset(skip for skip, applies in found.items() if applies)

    def _time(self, observation: Observation) -> int:
        """Of a sender that stores and forwards its timestamp, held to at most arrival; of any other: arrival."""
        is_earlier = observation.at_ms < observation.arrival_ms
        return observation.at_ms if observation.buffers and is_earlier else observation.arrival_ms

    def _result(self, observation: Observation) -> Result:
        observed = Observed(
            available=self._is_available(observation),
            status=observation.status,
            metrics=observation.metrics,
            at_ms=observation.at_ms,
            previous=self._previous(observation),
        )
        outcome = walk(self.rules.program, observed)
        if observed.available and not self.rules.has_criteria:
            outcome = Verdict(State.OK, observation.status[:128])  # with an empty criteria the observation's status
        return Result(
            time_ms=self._time(observation),
            arrival_ms=observation.arrival_ms,
            sender=observation.sender,
            stamp_ms=observation.at_ms,
            metrics=observation.metrics,
            state=outcome.state if isinstance(outcome, Verdict) else None,
            status=outcome.status if isinstance(outcome, Verdict) else "",
        )

    def _is_available(self, observation: Observation) -> bool:
        is_no_plugin = observation.check_type != "agent.plugin"
        did_not_run = is_no_plugin or observation.status == "Timeout in Run Check"
        is_empty = observation.agent_id is not None and not observation.metrics
        return observation.available and not (is_empty and did_not_run)

    def _previous(self, observation: Observation) -> dict[str, Sample]:
        """The value of m in the latest earlier evaluated observation of the same zone that has m, at most 24 h old."""
        found = {
            name: Sample(each.stamp_ms, metric.value)
            for each in self._valid(observation.place)
            for name, metric in each.metrics.items()
        }
        return {name: one for name, one in found.items() if observation.at_ms - one.at_ms <= 24 * HOUR_MS}

    # Votes

    def _valid(self, place: str) -> list[Result]:
        return self.results.get(place, [])[self.cleared_after.get(place, 0) :]

    def _is_after_gap(self, place: str, result: Result) -> bool:
        earlier = self._valid(place)
        if not earlier or earlier[-1].time_ms > result.arrival_ms:
            return False
        return result.time_ms - earlier[-1].time_ms > self.rules.window_ms

    def vote(self, place: str) -> Vote:
        """By going through all results of the zone."""
        vote: State | None = None
        counted: list[Result] = []
        before: Result | None = None
        for result in self._valid(place):
            if before is not None and before.time_ms > result.arrival_ms:
                counted = []  # our clock went back: the last time is forgotten with the run
            elif before is not None and result.time_ms - before.time_ms > self.rules.window_ms:
                counted, vote = [], None  # a gap longer than the window clears vote and run
            before = result
            if result.state is None:
                continue  # vote and run stay
            if counted and result.time_ms - counted[-1].time_ms < self.rules.period_ms / 2:
                counted.pop()  # it replaces the last one counted
            counted.append(result)
            last = counted[-self.rules.count :]
            vote = self._moved(vote, [one.state for one in last if one.state is not None])
        run = tuple(one.state for one in counted[-self.rules.count :] if one.state is not None)
        return Vote(vote, run)

    def _moved(self, vote: State | None, run: list[State]) -> State | None:
        worse = [State.OK, State.WARNING, State.CRITICAL].index
        if len(run) < self.rules.count:
            return vote
        mildest, newest, worst = min(run, key=worse), run[-1], max(run, key=worse)
        if vote is None or worse(mildest) > worse(vote):
            return mildest
        if worse(newest) < worse(vote) and worst is newest:
            return newest
        return vote

    def is_fresh(self, place: str, now_ms: int) -> bool:
        """While the zone's latest evaluated observation is no older than the window."""
        results = self.results.get(place, [])
        return bool(results) and now_ms - results[-1].time_ms <= self.rules.window_ms

    def is_back(self, place: str, now_ms: int) -> bool:
        """Going down clears nothing; afterwards a zone's vote counts from its next evaluated observation."""
        up_ms, before = self.came_up.get(place, (0, 0))
        return len(self.results[place]) > before or up_ms > now_ms  # our clock went back, and when it was is forgotten

    # Decisions

    def decide(
        self, now_ms: int, *, evaluated: str | None = None, has_moved: bool = False, is_computable: bool = True
    ) -> Answer:
        fresh = {place: self.vote(place) for place in self.up if self.is_fresh(place, now_ms)}
        states = {place: vote.state for place, vote in fresh.items() if vote.state and self.is_back(place, now_ms)}
        question = Question(
            rules=self.rules,
            state=self.state,
            up=len(self.up),
            zones=len(self.zones),
            votes=states,
            fresh=fresh,
            evaluated=evaluated,
            has_moved=has_moved,
            is_computable=is_computable,
        )
        answer = question.answer()
        self.state = answer.state
        if answer.reason is not Reason.CHANGED:
            return answer
        agreeing = [place for place, state in states.items() if state is answer.state]
        if evaluated in agreeing:
            agreeing = [evaluated]
        said = [one.status for place in agreeing for one in self._valid(place) if one.state is answer.state]
        return Answer(answer.state, answer.reason, statuses=frozenset(said))

    # Changes

    def clear(self) -> None:
        """A change that clears votes and runs and keeps the state."""
        self.cleared_after = {place: len(results) for place, results in self.results.items()}

    def go_down(self, zone: str) -> None:
        self.down.add(zone)

    def come_up(self, zone: str, now_ms: int) -> None:
        if zone in self.down:
            self.down.remove(zone)
            self.came_up[zone] = now_ms, len(self.results.get(zone, []))

    def poll_from(self, zones: tuple[str, ...]) -> None:
        """A zone taken off loses its vote at once, a new one has none, the others keep theirs."""
        for place in set(self.zones) - set(zones):
            self.results.pop(place, None)
            self.cleared_after.pop(place, None)
            self.came_up.pop(place, None)
        self.zones = zones


@dataclass(frozen=True)
class Question:
    """The paragraph *Decide*: the votes that count, and how all zones that are up and fresh stand."""

    rules: Rules
    state: State
    up: int
    zones: int
    votes: dict[str, State]
    fresh: dict[str, Vote]
    evaluated: str | None
    has_moved: bool
    is_computable: bool

    @property
    def need(self) -> int:
        if self.rules.agent_id is not None:
            return 1
        least = max(-(-self.zones // 2), min(2, self.zones), 1)  # 1: nothing changes without a vote
        by_level = {
            Consistency.ONE: 1,
            Consistency.QUORUM: max(self.up // 2 + 1, least),
            Consistency.ALL: max(self.up, least),
        }
        return by_level[self.rules.consistency]

    def answer(self) -> Answer:
        agreed = self._of_one() if self._is_one else self._of_several()
        if agreed is not None and agreed is not self.state:
            return Answer(agreed, Reason.CHANGED)
        return Answer(self.state, self._why(agreed) if self.is_computable else Reason.NOT_YET_COMPUTABLE)

    @property
    def _is_one(self) -> bool:
        """One agent decides, whatever the level."""
        return self.rules.consistency is Consistency.ONE and self.rules.agent_id is None

    def _of_one(self) -> State | None:
        """When the vote of the zone evaluated changes or is its first, the state becomes it; else, when no vote that
        counts equals the state, likewise."""
        if self.evaluated is None or self.evaluated not in self.votes:
            return None
        if self.has_moved or all(vote is not self.state for vote in self.votes.values()):
            return self.votes[self.evaluated]
        return None

    def _of_several(self) -> State | None:
        """CRITICAL if `need` votes are CRITICAL; else WARNING if `need` are WARNING or CRITICAL; else OK if ..."""
        votes = list(self.votes.values())
        if sum(vote is State.CRITICAL for vote in votes) >= self.need:
            return State.CRITICAL
        if sum(vote in {State.WARNING, State.CRITICAL} for vote in votes) >= self.need:
            return State.WARNING
        return State.OK if sum(vote is State.OK for vote in votes) >= self.need else None

    def _why(self, agreed: State | None) -> Reason:
        """In this order; and where the votes agree on the state, and neither vote nor run is against it, UNCHANGED."""
        if self.up < self.need:
            return Reason.ELECTORATE_TOO_SMALL
        if not self.votes:
            return Reason.NO_FRESH_OBSERVATIONS
        if any(self._is_filling(zone) for zone in self.fresh.values()):
            return Reason.NOT_CONSECUTIVE_YET
        is_agreed = agreed is self.state and all(vote is self.state for vote in self.votes.values())
        # ONE asks for no agreement, so nothing can be wanting in it.
        return Reason.UNCHANGED if is_agreed or self._is_one else Reason.NO_QUORUM

    def _is_filling(self, zone: Vote) -> bool:
        """A run against the state that is not full: the zone says something new, and does not vote so yet."""
        return bool(zone.run) and zone.run[-1] is not self.state and zone.state is not zone.run[-1]
