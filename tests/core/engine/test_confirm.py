"""Confirm rounds as values, and what they promise whatever the rhythm of the zones."""

from __future__ import annotations

import heapq
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.criteria import compile_criteria
from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.observations import Observation
from vedette.domain.states import Consistency, State
from vedette.engine import confirm
from vedette.engine.confirm import Confirming, Pace, Round
from vedette.engine.electorate import Zones, electorate
from vedette.engine.evaluation import evaluate
from vedette.engine.states import AlarmState, Ballot
from vedette.engine.terms import Terms, window_ms

PERIOD, AFTER, TIMEOUT = 60_000, 5_000, 10_000
PACE = Pace(AFTER, TIMEOUT, PERIOD)
AVAILABILITY = compile_criteria("")
T = 1_700_000_000_000


def seen(place: str, at_ms: int, *, took_ms: int | None = 100, round_id: str = "", good: bool = True) -> Observation:
    return Observation(
        tenant_id=TenantId("acOne"),
        entity_id=EntityId("enOne"),
        check_id=CheckId("chOne"),
        check_type="remote.http",
        zone_id=ZoneId(place),
        agent_id=None,
        sender=place,
        check_revision=1,
        at_ms=at_ms,
        arrival_ms=at_ms,
        available=good,
        status="" if good else "down",
        metrics={},
        buffers=True,
        took_ms=took_ms,
        round_id=round_id,
    )


def a_round(**members: Any) -> Round:
    latest = confirm.begun(Confirming(PACE, can=frozenset("abc")), ("a", "b"), seen("a", T))
    assert latest is not None
    return Round(**{name: getattr(latest, name) for name in latest.__struct_fields__} | members)


def test_a_round_asks_those_up_that_can_and_lasts_confirm_after_the_timeout_and_5_s() -> None:
    latest = a_round()
    assert latest.asked == latest.unanswered == ("a", "b")
    assert (latest.probes_ms - T, latest.until_ms - T, latest.rests_until_ms - T) == (5_000, 20_000, 60_000)


def test_rounds_of_a_check_have_names_of_their_own() -> None:
    assert a_round().id == a_round().id
    later = confirm.begun(Confirming(PACE, can=frozenset("a")), ("a",), seen("a", T + PERIOD))
    assert later is not None
    assert later.id != a_round().id


@pytest.mark.parametrize(
    "confirming",
    [Confirming(None, can=frozenset("a")), Confirming(PACE), Confirming(PACE, can=frozenset("z"))],
    ids=["switched off", "nobody can", "nobody who is up can"],
)
def test_no_round_begins_without_anybody_to_ask(confirming: Confirming) -> None:
    assert confirm.begun(confirming, ("a",), seen("a", T)) is None


@pytest.mark.parametrize(
    ("members", "at_ms", "may_begin"),
    [
        ({"has_ended": True}, T + PERIOD - 1, False),
        ({"has_ended": True}, T + PERIOD, True),
        ({"has_ended": True}, T - 1, True),  # our clock went back: who knows how long ago it began
        ({}, T + PERIOD, True),
        ({}, T - 1, False),
        ({"until_ms": T + 90_000}, T + 89_999, False),  # a period shorter than a round
        ({"until_ms": T + 90_000}, T + 90_000, True),
    ],
)
def test_one_round_a_period_and_one_at_a_time(members: dict[str, Any], at_ms: int, may_begin: bool) -> None:
    confirming = Confirming(PACE, a_round(**members), frozenset("a"))
    assert (confirm.begun(confirming, ("a",), seen("a", at_ms)) is not None) is may_begin


def test_a_round_ends_with_the_last_answer_once_from_each_zone() -> None:
    latest = a_round()
    for place, round_id in (("a", ""), ("a", "another"), ("z", latest.id)):
        assert confirm.answered(latest, seen(place, T + 5_100, round_id=round_id)) is latest
    latest = confirm.answered(latest, seen("a", T + 5_100, round_id=latest.id))
    assert (latest.unanswered, latest.has_ended) == (("b",), False)
    assert confirm.answered(latest, seen("a", T + 5_200, round_id=latest.id)) is latest
    latest = confirm.answered(latest, seen("b", T + 5_300, round_id=latest.id))
    assert (latest.unanswered, latest.has_ended) == ((), True)


def test_a_round_that_has_ended_is_no_longer_due() -> None:
    assert not confirm.is_due(a_round(), T + 19_999)
    assert confirm.is_due(a_round(), T + 20_000)
    assert not confirm.is_due(confirm.ended(a_round()), T + 20_000)


@pytest.mark.parametrize(
    ("ballot", "counts"),
    [
        (Ballot(evaluated_ms=T + 100, took_ms=100), False),
        (Ballot(evaluated_ms=T + 5_099, took_ms=100), False),
        (Ballot(evaluated_ms=T + 5_100, took_ms=100), True),
        (Ballot(evaluated_ms=T + 100, took_ms=4_999), False),
        (Ballot(evaluated_ms=T - 30_000, took_ms=5_000), True),
        (Ballot(evaluated_ms=T + 9_000, took_ms=None), False),
        (Ballot(evaluated_ms=T + 9_000, took_ms=None, round_id="another"), False),
        (Ballot(evaluated_ms=T + 3_000, took_ms=None, round_id=a_round().id), True),  # its clock is not ours
    ],
)
def test_what_counts_in_a_round(ballot: Ballot, counts: bool) -> None:
    assert confirm.counts(a_round(), ballot) is counts


def test_an_alarm_without_a_state_waits_for_no_round() -> None:
    assert confirm.deciding(a_round(), State.UNKNOWN, T) is None
    assert confirm.deciding(a_round(), State.OK, T) == a_round()
    assert confirm.deciding(a_round(), State.OK, T + 20_000) is None
    assert confirm.deciding(confirm.ended(a_round()), State.OK, T) is None


class Day:
    """Zones that probe by their rhythm and when a round asks, a target that is down for a while, and one alarm."""

    def __init__(self, consistency: Consistency, phases: list[int], down: range) -> None:
        self.zones = tuple("abcdefg"[: len(phases)])
        self.down = down
        self.terms = Terms(
            consistency=consistency,
            count=1,
            places=self.zones,
            agent_id=None,
            is_agent=False,
            check_revision=1,
            window_ms=window_ms(1, PERIOD, is_agent=False),
            half_period_ms=PERIOD / 2,
        )
        self.state = AlarmState(alarm_id="alOne", tenant_id="acOne")
        self.round: Round | None = None
        self.first_seen_ms: int | None = None
        self.critical_ms: int | None = None
        self._coming: list[tuple[int, int, Observation]] = []
        for zone, phase in zip(self.zones, phases, strict=True):
            for turn in range(5):
                self.probe(zone, T + phase + turn * PERIOD, 10 + phase % 190)

    def probe(self, zone: str, began_ms: int, took_ms: int, round_id: str = "") -> None:
        """It sees the target as it is in the middle."""
        good = began_ms + took_ms // 2 not in self.down
        observation = seen(zone, began_ms + took_ms, took_ms=took_ms, round_id=round_id, good=good)
        heapq.heappush(self._coming, (observation.arrival_ms, len(self._coming), observation))

    def run(self, answers: list[int]) -> None:
        """`answers`: how long each zone's probe of a round takes."""
        voters = electorate(self.terms, Zones(frozenset(self.zones), frozenset(self.zones)))
        while self._coming:
            observation = heapq.heappop(self._coming)[2]
            if not observation.available and self.first_seen_ms is None:
                self.first_seen_ms = observation.arrival_ms
            if self.round is not None:
                self.round = confirm.answered(self.round, observation)
            confirming = Confirming(PACE, self.round, frozenset(self.zones))
            found = evaluate(self.terms, AVAILABILITY, self.state, observation, voters, confirming)
            self.state = found.state
            if self.state.state is State.CRITICAL and self.critical_ms is None:
                self.critical_ms = observation.arrival_ms
            if found.begun is not None:
                self.round = found.begun
                for zone, took_ms in zip(self.zones, answers, strict=True):
                    self.probe(zone, found.begun.probes_ms, took_ms, found.begun.id)


rhythms = st.integers(2, 5).flatmap(
    lambda zones: st.tuples(
        st.lists(st.integers(0, PERIOD - 1), min_size=zones, max_size=zones),
        st.lists(st.integers(250, 2_000), min_size=zones, max_size=zones),  # longer than any probe of the rhythm
    )
)
levels = st.sampled_from([Consistency.QUORUM, Consistency.ALL])


@given(levels, rhythms, st.integers(2 * PERIOD, 3 * PERIOD), st.integers(1, AFTER - 200))
def test_a_fault_shorter_than_confirm_after_pages_at_no_rhythm(
    level: Consistency, rhythm: tuple[list[int], list[int]], begins_ms: int, lasts_ms: int
) -> None:
    phases, answers = rhythm
    day = Day(level, phases, range(T + begins_ms, T + begins_ms + lasts_ms))
    day.run(answers)
    assert day.critical_ms is None
    assert day.state.state is State.OK


@given(levels, rhythms, st.integers(2 * PERIOD, 3 * PERIOD))
def test_a_lasting_fault_pages_one_probe_after_confirm_after_at_every_rhythm(
    level: Consistency, rhythm: tuple[list[int], list[int]], begins_ms: int
) -> None:
    phases, answers = rhythm
    day = Day(level, phases, range(T + begins_ms, T + 10 * PERIOD))
    day.run(answers)
    assert day.first_seen_ms is not None
    assert day.critical_ms is not None
    assert AFTER <= day.critical_ms - day.first_seen_ms <= AFTER + max(answers)
