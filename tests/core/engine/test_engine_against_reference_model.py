"""Properties: the engine says what the reference model says, in every random life of an alarm.

To look for new examples: `pytest --hypothesis-profile=search`. What was found has become an alarm script.
"""

from __future__ import annotations

import msgspec
from hypothesis import given, note, settings

from tests.core.engine.reference_model import Answer, Model, Rules, Vote
from tests.core.engine.streams import AGENT, PERIOD_MS, Event, Life, Setting, after_event, as_script, lives, moments
from vedette.criteria import compile_criteria, parse
from vedette.domain.observations import Observation
from vedette.engine.ballots import Skip
from vedette.engine.basis import Revision, basis
from vedette.engine.decide import Decision, Reason, Standing, decide
from vedette.engine.electorate import Electorate, Zones, electorate
from vedette.engine.evaluation import adopt, evaluate
from vedette.engine.states import AlarmState
from vedette.engine.terms import Terms, consecutive_count, window_ms


class Engine:
    """The real one, asked as evaluation asks it."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.criteria = compile_criteria(setting.criteria)
        self.state = AlarmState(alarm_id="alOne", tenant_id="acOne")
        self.zones = setting.places
        self.down: frozenset[str] = frozenset()
        self.since: dict[str, int] = {}  # when a zone came up
        self.revision = 1
        self.made_under = "1"

    @property
    def terms(self) -> Terms:
        setting = self.setting
        count = consecutive_count(self.criteria.consecutive_count, setting.check_type)
        return Terms(
            consistency=self.criteria.consistency,
            count=count,
            places=self.zones,
            agent_id=AGENT if setting.is_agent else None,
            is_agent=setting.is_agent,
            check_revision=self.revision,
            window_ms=window_ms(count, PERIOD_MS, is_agent=setting.is_agent),
            half_period_ms=PERIOD_MS / 2,
        )

    def observe(self, observation: Observation) -> tuple[Skip | None, Decision | None]:
        evaluated = evaluate(self.terms, self.criteria, self._adopted(), observation, self._electorate())
        self.state = evaluated.state
        return evaluated.skip, evaluated.decision

    def happen(self, event: Event, place: str, now_ms: int) -> Decision:
        """Each change of the electorate is decided on."""
        if event.verb == "up" and place in self.down:
            self.since[place] = now_ms
        self.down = {"down": self.down | {place}, "up": self.down - {place}}.get(event.verb, self.down)
        if event.verb in {"off", "on", "revise", "change"}:
            self.revision += 1
            self.zones = after_event(self.zones, event, place)
            self.made_under += " changed" if event.verb == "change" else ""
        self.state = self._adopted()
        decision = decide(self.terms, Standing(self.state.state, self.state.ballots, now_ms), self._electorate())
        self.state = msgspec.structs.replace(self.state, state=decision.state)
        return decision

    def _adopted(self) -> AlarmState:
        return adopt(self.terms, self.state, basis(self.made_under, Revision(self.revision, 1), Revision(1, 1)))

    def _electorate(self) -> Electorate:
        existing = frozenset(self.zones)
        return electorate(self.terms, Zones(existing, existing - self.down, self.since))


def modelled(setting: Setting) -> Model:
    program = parse(setting.criteria)
    is_ping = setting.check_type == "remote.ping"
    rules = Rules(
        program=program,
        count=program.consecutive_count or (3 if is_ping else 1),
        period_ms=PERIOD_MS,
        check_type=setting.check_type,
        agent_id=AGENT if setting.is_agent else None,
        has_criteria=setting.criteria != "",
    )
    return Model(rules, setting.places)


def expected_after(model: Model, event: Event, place: str, now_ms: int) -> Answer:
    if event.verb == "down":
        model.go_down(place)
    if event.verb == "up":
        model.come_up(place, now_ms)
    if event.verb == "change":
        model.clear()
    model.check_revision += event.verb in {"off", "on", "revise", "change"}
    model.poll_from(after_event(model.zones, event, place))
    return model.decide(now_ms)


@settings(max_examples=800)
@given(lives)
def test_the_engine_decides_as_the_reference_model_does(life: Life) -> None:
    note(as_script(life))
    engine, model = Engine(life.setting), modelled(life.setting)
    for moment in moments(life):
        if isinstance(moment.what, Observation):
            expected = model.observe(moment.what)
            skip, decision = engine.observe(moment.what)
            assert (skip is None) is (not expected.skips)
            assert skip is None or skip in expected.skips
        elif not life.setting.is_agent:
            place = life.setting.places[moment.what.place % len(life.setting.places)]
            expected = expected_after(model, moment.what, place, moment.at_ms)
            decision = engine.happen(moment.what, place, moment.at_ms)
        else:
            continue
        assert engine.state.state is expected.state
        if decision is not None:
            assert decision.reason is expected.reason
            assert decision.reason is not Reason.CHANGED or decision.status in expected.statuses
        assert votes_of(engine) == {place: model.vote(place) for place in model.zones if model.results.get(place)}


def votes_of(engine: Engine) -> dict[str, Vote]:
    return {place: Vote(ballot.vote, ballot.run) for place, ballot in engine.state.ballots.items()}
