import random
from itertools import pairwise

import pytest

from vedette.collector.schedule import SOON_S, STARTS_PER_S, Schedule
from vedette.domain.ids import CheckId


def ids(count: int) -> list[CheckId]:
    return [CheckId(f"ch{number:06}") for number in range(count)]


ONE, TWO = ids(2)


def schedule(seed: int = 1) -> Schedule:
    return Schedule(random.Random(seed).random)


def turns(schedule: Schedule, until: float) -> list[tuple[float, CheckId]]:
    """Every turn up to a time, taken exactly when it is due."""
    taken = []
    while (due := schedule.next_due()) is not None and due <= until:
        check_id = schedule.take_due(due)
        assert check_id is not None
        taken.append((due, check_id))
    return taken


def test_nothing_is_due_when_there_is_nothing() -> None:
    assert schedule().next_due() is None
    assert schedule().take_due(1e9) is None


@pytest.mark.parametrize(("period_s", "soon_s"), [(60, SOON_S), (2, 2)])
def test_a_new_check_is_due_soon(period_s: int, soon_s: float) -> None:
    for seed in range(50):
        planned = schedule(seed)
        planned.put(ONE, period_s, now=100)
        due = planned.next_due()

        assert due is not None
        assert 100 <= due <= 100 + soon_s


def test_a_check_runs_at_a_fixed_rate_without_drift() -> None:
    planned = schedule()
    planned.put(ONE, 60, now=0)
    times = [at for at, _ in turns(planned, 100_000)]

    assert len(times) in (1666, 1667)
    assert {round(later - earlier, 6) for earlier, later in pairwise(times)} == {60.0}


def test_turns_that_nobody_took_are_left_out_and_the_rhythm_stays() -> None:
    planned = schedule()
    planned.put(ONE, 60, now=0)
    first = planned.next_due()
    assert first is not None

    assert planned.take_due(first + 305) == ONE
    assert planned.take_due(first + 305) is None
    assert planned.next_due() == first + 360


def test_a_late_turn_does_not_shift_the_next() -> None:
    planned = schedule()
    planned.put(ONE, 60, now=0)
    first = planned.next_due()
    assert first is not None
    planned.take_due(first + 3)

    assert planned.next_due() == first + 60


def test_many_checks_at_once_are_spread_evenly_over_their_period() -> None:
    planned = schedule()
    planned.replace(dict.fromkeys(ids(60_000), 60), now=0)
    starts = [0] * 60
    for at, _ in turns(planned, 60):
        starts[int(at)] += 1

    assert sum(starts) == 60_000
    assert all(abs(count - 1000) <= 1 for count in starts)


def test_a_few_checks_at_once_are_due_soon_and_no_faster_than_the_pace() -> None:
    planned = schedule()
    planned.replace(dict.fromkeys(ids(10 * STARTS_PER_S), 60), now=0)

    assert len(turns(planned, 5)) == pytest.approx(5 * STARTS_PER_S, abs=1)
    assert len(turns(planned, 10)) == pytest.approx(5 * STARTS_PER_S, abs=1)


def test_assigning_the_list_again_keeps_the_rhythm_of_what_did_not_change() -> None:
    planned = schedule()
    planned.replace({ONE: 60, TWO: 60}, now=0)
    before = {check_id: at for at, check_id in turns(planned, 59)}
    planned.replace({TWO: 60, ONE: 60}, now=59)

    after = {check_id: at for at, check_id in turns(planned, 119)}
    assert after == {check_id: at + 60 for check_id, at in before.items()}


def test_assigning_the_list_again_drops_what_is_not_in_it() -> None:
    planned = schedule()
    planned.replace({ONE: 60, TWO: 60}, now=0)
    planned.replace({TWO: 60}, now=1)

    assert ONE not in planned
    assert {check_id for _, check_id in turns(planned, 500)} == {TWO}


def test_another_period_begins_another_rhythm() -> None:
    planned = schedule()
    planned.replace({ONE: 1800}, now=0)
    turns(planned, 10)
    planned.replace({ONE: 30}, now=10)
    times = [at for at, _ in turns(planned, 100)]

    assert 10 <= times[0] <= 10 + SOON_S
    assert [round(later - earlier, 6) for earlier, later in pairwise(times)] == [30.0] * (len(times) - 1)


def test_a_check_put_anew_has_one_rhythm_only() -> None:
    planned = schedule()
    for _ in range(100):
        planned.put(ONE, 60, now=0)

    assert len(turns(planned, 59.9)) == 1
    assert len(planned) == 1


def test_a_dropped_check_has_no_turn_and_dropping_twice_is_fine() -> None:
    planned = schedule()
    planned.put(ONE, 60, now=0)
    planned.drop(ONE)
    planned.drop(ONE)

    assert planned.next_due() is None


def test_checks_that_come_and_go_leave_nothing_behind() -> None:
    planned = schedule()
    for check_id in ids(10_000):
        planned.put(check_id, 1800, now=0)
        planned.drop(check_id)

    assert len(planned) == 0
    assert len(planned._heap) < 100  # noqa: SLF001 - what must not grow
