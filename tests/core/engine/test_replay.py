"""A replay waits for confirm rounds as evaluation does, and follows time where nothing is observed."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fakes.chain import ALICE, ZONES, observation
from vedette.criteria import compile_criteria
from vedette.domain.observations import Entry, Observation
from vedette.domain.states import Consistency, State
from vedette.engine.basis import Revision, basis
from vedette.engine.confirm import Pace
from vedette.engine.recurrence import Recurrence
from vedette.engine.replay import Replay, Start
from vedette.engine.replayed import Configured, Lasting, Past, Setting, Step
from vedette.engine.states import AlarmState
from vedette.engine.suppression import Subject, Suppression
from vedette.engine.terms import Terms

BEGIN_MS = 1_700_000_000_000
MINUTE_MS = 60_000
A, B, C = ZONES


def configured(after_ms: int | None = 5_000, plan_id: str = "npOne") -> Configured:
    return Configured(
        criteria=compile_criteria("if (metric['code'] regex '^5') { return new AlarmStatus(CRITICAL, 'down') }"),
        terms=Terms(
            consistency=Consistency.QUORUM, count=1, places=ZONES, agent_id=None, is_agent=False, check_revision=1,
            window_ms=90_000, half_period_ms=30_000,
        ),
        basis=basis("digest", Revision(1, 1), Revision(1, 1)),
        plan_id=plan_id,
        pace=None if after_ms is None else Pace(after_ms, 10_000, MINUTE_MS),
        changed_ms=BEGIN_MS,
    )  # fmt: skip


def replay(*settings: Setting, suppressions: Iterable[Lasting] = ()) -> Replay:
    past = Past(
        subject=Subject("enOne", "chOne", "alOne"),
        settings=settings or (Setting(BEGIN_MS, configured()),),
        suppressions=tuple(suppressions),
    )
    return Replay(past, Start(at_ms=BEGIN_MS, state=AlarmState(alarm_id="alOne", tenant_id=ALICE)))


def at(seconds: float) -> int:
    return BEGIN_MS + int(seconds * 1000)


def seen(zone: str, code: str, at_s: float, round_id: str = "") -> Observation:
    return observation(zone, code, at(at_s), took_ms=100, round_id=round_id)


def taken(running: Replay, *entries: Entry, until_s: float | None = None) -> list[Step]:
    steps = [step for entry in entries for step in running.take(entry)]
    return steps if until_s is None else [*steps, *running.go_to(at(until_s))]


def turns(steps: Iterable[Step]) -> list[tuple[float, State]]:
    return [((step.at_ms - BEGIN_MS) / 1000, step.change.state) for step in steps if step.change is not None]


WELL = [seen(zone, "200", nth) for nth, zone in enumerate(ZONES)]


def test_a_fault_that_a_confirm_round_does_not_find_again_changes_nothing() -> None:
    running = replay()
    steps = taken(running, *WELL, seen(A, "500", 60), seen(B, "500", 61))
    asked = f"chOne:{at(60)}"
    steps += taken(running, *(seen(zone, "200", 65.2, asked) for zone in ZONES), until_s=90)
    assert turns(steps) == [(1, State.OK)]


def test_one_that_it_finds_again_is_a_change() -> None:
    running = replay()
    steps = taken(running, *WELL, seen(A, "500", 60), seen(B, "500", 61))
    asked = f"chOne:{at(60)}"
    steps += taken(running, seen(A, "500", 65.2, asked), seen(B, "500", 65.3, asked))
    assert turns(steps) == [(1, State.OK), (65.3, State.CRITICAL)]


def test_when_nobody_answers_the_round_ends_by_itself() -> None:
    running = replay()
    steps = taken(running, *WELL, seen(A, "500", 60), seen(B, "500", 61), until_s=100)
    assert turns(steps) == [(1, State.OK), (80, State.CRITICAL)]
    assert steps[-1].told[0].plan_id == "npOne"


def test_without_rounds_two_votes_are_enough() -> None:
    running = replay(Setting(BEGIN_MS, configured(None)))
    steps = taken(running, *WELL, seen(A, "500", 60), seen(B, "500", 61))
    assert turns(steps) == [(1, State.OK), (61, State.CRITICAL)]


def test_zones_of_other_makes_are_not_waited_for() -> None:
    """They do not say how long their probes take, and cannot be asked."""
    stock = [observation(zone, code, at(at_s)) for zone, code, at_s in ((A, "200", 0), (B, "200", 1), (A, "500", 60))]
    running = replay()
    steps = taken(running, *stock, observation(B, "500", at(61)))
    assert turns(steps) == [(1, State.OK), (61, State.CRITICAL)]


def test_a_plan_that_comes_later_is_told_when_it_comes() -> None:
    settings = [Setting(BEGIN_MS, configured(None)), Setting(at(100), configured(None, "npTwo"))]
    steps = taken(replay(*settings), *WELL, seen(A, "500", 60), seen(B, "500", 61), until_s=200)
    assert [((step.at_ms - BEGIN_MS) // 1000, one.plan_id) for step in steps for one in step.told] == [
        (61, "npOne"), (100, "npTwo")
    ]  # fmt: skip


def test_what_a_recurring_window_held_back_is_told_when_it_closes() -> None:
    day_ms = 86_400_000
    nightly = Suppression(
        id="spOne",
        start_ms=at(50) - 5 * day_ms,
        end_ms=at(120) - 5 * day_ms,
        entities=frozenset({"enOne"}),
        recurrence=Recurrence("FREQ=DAILY", "UTC", at(50) - 5 * day_ms),
    )
    running = replay(Setting(BEGIN_MS, configured(None)), suppressions=[Lasting(nightly, BEGIN_MS - 5 * day_ms)])
    steps = taken(running, *WELL, seen(A, "500", 60), seen(B, "500", 61), until_s=200)
    assert [step.withheld.suppressions for step in steps if step.withheld is not None] == [("spOne",)]
    assert [((step.at_ms - BEGIN_MS) // 1000, one.changed_ms) for step in steps for one in step.told] == [(120, at(61))]


def test_nothing_is_evaluated_while_the_alarm_is_disabled() -> None:
    settings = [Setting(BEGIN_MS, configured(None)), Setting(at(30), None)]
    steps = taken(replay(*settings), *WELL, seen(A, "500", 60), seen(B, "500", 61), until_s=200)
    assert turns(steps) == [(1, State.OK)]
    assert steps[-1].evaluated is None


def test_the_same_entries_give_the_same_steps() -> None:
    entries = [*WELL, seen(A, "500", 60), seen(B, "500", 61), seen(C, "500", 62)]
    assert taken(replay(), *entries, until_s=300) == taken(replay(), *entries, until_s=300)
