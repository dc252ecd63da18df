"""Properties: runs and decisions alone agree with the reference model, also where no life of an alarm soon leads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.engine.reference_model import Model, Question, Result, Rules, Vote
from vedette.criteria import Verdict
from vedette.criteria.tree import Program
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.observations import Observation
from vedette.domain.states import Consistency, State
from vedette.engine.ballots import NO_BALLOT, Cast, after_gap, cast
from vedette.engine.decide import Reason, Standing, decide
from vedette.engine.electorate import Zones, electorate
from vedette.engine.states import Ballot
from vedette.engine.terms import AGENT_PLACE, Terms, window_ms

PERIOD_MS = 60_000
NOW_MS = 10**12
ZONES = ("a", "b", "c", "d", "e")
RESULTS = (State.OK, State.WARNING, State.CRITICAL)


def rules(level: Consistency | None, count: int, *, is_agent: bool = False) -> Rules:
    return Rules(
        program=Program(level),
        count=count,
        period_ms=PERIOD_MS,
        check_type="agent.memory" if is_agent else "remote.http",
        agent_id="host" if is_agent else None,
        has_criteria=True,
    )


def terms(asked: Rules, places: tuple[str, ...]) -> Terms:
    is_agent = asked.agent_id is not None
    return Terms(
        consistency=asked.consistency,
        count=asked.count,
        places=places,
        agent_id=AgentId("host") if is_agent else None,
        is_agent=is_agent,
        check_revision=1,
        window_ms=window_ms(asked.count, PERIOD_MS, is_agent=is_agent),
        half_period_ms=PERIOD_MS / 2,
    )


# One zone's run

gaps_ms = st.sampled_from(
    [1, 29_999, 30_000, 30_001, 60_000, 60_000, 60_000, 90_000, 90_001, 180_001, 450_000, 450_001]
)
reported = st.tuples(gaps_ms, st.sampled_from([*RESULTS, None]))


@settings(max_examples=300)
@given(st.integers(1, 5), st.lists(reported, max_size=30))
def test_a_run_moves_the_vote_as_the_reference_model_says(count: int, given_: list[tuple[int, State | None]]) -> None:
    asked = rules(None, count)
    model, ballot, now_ms = Model(asked, ("a",)), NO_BALLOT, NOW_MS
    for gap_ms, result in given_:
        now_ms += gap_ms
        seen = Result(now_ms, now_ms, "s", now_ms, {}, result, "")
        model.results.setdefault("a", []).append(seen)
        verdict = None if result is None else Verdict(result, "")
        in_time = after_gap(ballot, terms(asked, ("a",)), now_ms)
        ballot = cast(in_time, terms(asked, ("a",)), observed_at(now_ms), verdict)
        assert (ballot.vote, ballot.run) == (model.vote("a").state, model.vote("a").run)


def observed_at(now_ms: int) -> Observation:
    return Observation(
        tenant_id=TenantId("acOne"),
        entity_id=EntityId("enOne"),
        check_id=CheckId("chOne"),
        check_type="remote.http",
        zone_id=ZoneId("a"),
        agent_id=None,
        sender="s",
        check_revision=1,
        at_ms=now_ms,
        arrival_ms=now_ms,
        available=True,
        status="",
        metrics={},
    )


# One decision


@dataclass(frozen=True)
class Scene:
    """What is decided about; `ages_ms` of the votes, which may come from the future where our clock went back."""

    rules: Rules
    places: tuple[str, ...]
    up: frozenset[str]
    state: State
    votes: tuple[State | None, ...]
    runs: tuple[tuple[State, ...], ...]
    ages_ms: tuple[int | None, ...]
    evaluated: int | None
    has_moved: bool
    is_computable: bool


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    count, is_agent = draw(st.integers(1, 5)), draw(st.sampled_from([False, False, False, True]))
    places = (AGENT_PLACE,) if is_agent else ZONES[: draw(st.integers(0, 5))]
    longest_ms = window_ms(count, PERIOD_MS, is_agent=is_agent)

    def each(one: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
        return st.tuples(*[one] * len(places))

    ages = st.sampled_from([0, 0, 0, 0, -1, longest_ms, longest_ms + 1, None])
    down = st.just(frozenset()) if is_agent else st.frozensets(st.sampled_from(ZONES), max_size=3)
    scene = draw(
        st.builds(
            Scene,
            rules=st.sampled_from(Consistency).map(lambda level: rules(level, count, is_agent=is_agent)),
            places=st.just(places),
            up=down.map(lambda zones: frozenset(places) - zones),
            state=st.sampled_from(State),
            votes=each(st.sampled_from([*RESULTS, *RESULTS, None])),
            runs=each(st.lists(st.sampled_from(RESULTS), max_size=count).map(tuple)),
            ages_ms=each(ages),
            evaluated=st.none() | st.integers(0, 4),
            has_moved=st.booleans(),
            is_computable=st.booleans(),
        )
    )
    if count > 1:
        return scene
    return replace(scene, runs=tuple(() if vote is None else (vote,) for vote in scene.votes))  # a result is a vote


@settings(max_examples=500)
@given(scenes())
def test_any_votes_are_decided_on_as_the_reference_model_says(scene: Scene) -> None:
    place = scene.places[scene.evaluated % len(scene.places)] if scene.evaluated is not None and scene.places else None
    fresh = {
        place: Vote(vote, run)
        for place, vote, run, age_ms in zip(scene.places, scene.votes, scene.runs, scene.ages_ms, strict=True)
        if place in scene.up and age_ms is not None and age_ms <= scene.rules.window_ms
    }
    expected = Question(
        rules=scene.rules,
        state=scene.state,
        up=len([place for place in scene.places if place in scene.up]),
        zones=len(scene.places),
        votes={place: zone.state for place, zone in fresh.items() if zone.state is not None},
        fresh=fresh,
        evaluated=place,
        has_moved=scene.has_moved,
        is_computable=scene.is_computable or place is None,
    ).answer()

    ballots = {
        place: Ballot(run=run, vote=vote, vote_status=place, evaluated_ms=None if age_ms is None else NOW_MS - age_ms)
        for place, vote, run, age_ms in zip(scene.places, scene.votes, scene.runs, scene.ages_ms, strict=True)
    }
    laid_down = terms(scene.rules, scene.places)
    voters = electorate(laid_down, Zones(frozenset(scene.places), scene.up))
    evaluated = None if place is None else Cast(place, scene.has_moved, scene.is_computable)
    decision = decide(laid_down, Standing(scene.state, ballots, NOW_MS), voters, evaluated)

    assert (decision.state, decision.reason) == (expected.state, expected.reason)
    if decision.reason is Reason.CHANGED:
        assert fresh[decision.status].state is decision.state  # the status is that of a vote for the new state
