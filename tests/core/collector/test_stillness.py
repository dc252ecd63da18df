from vedette.collector.stillness import BEAT_S, LIMIT_S, Stillness

LATE_S = LIMIT_S + BEAT_S + 0.01


def beaten(until: float) -> Stillness:
    stillness = Stillness(0.0)
    for beat in range(int(until / BEAT_S) + 1):
        stillness.beat(beat * BEAT_S)
    return stillness


def test_regular_beats_are_no_stillness() -> None:
    assert not beaten(60.0).has_been_still(0.0, 60.0)


def test_a_late_beat_is_stillness_for_what_began_before_it() -> None:
    stillness = beaten(10.0)
    stillness.beat(10.0 + LATE_S)

    assert stillness.has_been_still(9.0, 10.0 + LATE_S)
    assert not stillness.has_been_still(10.0 + LATE_S, 10.0 + LATE_S + BEAT_S)


def test_stillness_is_seen_before_the_late_beat_comes() -> None:
    assert beaten(10.0).has_been_still(9.0, 10.0 + LATE_S)


def test_a_beat_that_is_late_by_less_than_the_limit_is_borne() -> None:
    stillness = beaten(10.0)
    stillness.beat(10.0 + LIMIT_S)

    assert not stillness.has_been_still(9.0, 10.0 + LIMIT_S)
