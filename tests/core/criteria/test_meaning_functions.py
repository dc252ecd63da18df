"""*Meaning*, rule 6: previous, rate and percentage."""

from __future__ import annotations

import math

import msgspec
import pytest

from tests.core.criteria.observing import Values, holds, observed, outcome_of
from vedette.criteria import Cause, NotYetComputable, Sample, Verdict, compile_criteria
from vedette.domain.metrics import Value
from vedette.domain.states import State

ok = Verdict(State.OK, "Matched default return statement", 1)


# previous


@pytest.mark.parametrize(
    ("condition", "past", "present", "expected"),
    [
        ("previous(metric['x']) != metric['x']", "aa:bb", "cc:dd", True),
        ("previous(metric['x']) != metric['x']", "aa:bb", "aa:bb", False),
        ("metric['x'] != previous(metrics['x'])", 1, 1.0, False),
        ("previous(metric['x']) < metric['x']", 1, 2, True),
        ("previous(metric['x']) < metric['x']", "10", "9", True),
        ("previous(metric['x']) < metric['x']", "10", 9, False),
        ("previous(metric['x']) == 5", 5, 6, True),
        ("previous(metric['x']) == 5", "5.0", 6, True),
        ("previous(metric['x']) == '5'", 5.0, 6, True),
        ("previous(metric['x']) regex '^a'", "abc", "b", True),
        ("previous(metric['x']) nregex '^a'", "abc", "b", False),
        ("previous(metric['x']) == previous(metric['x'])", "abc", "b", True),
    ],
)
def test_previous_is_the_earlier_value(condition: str, past: Value, present: Value, expected: bool) -> None:
    assert holds(condition, {"x": present}, {"x": past}) is expected


def test_previous_alone_needs_no_present_value() -> None:
    assert holds("previous(metric['x']) == 5", {}, {"x": 5})


def test_an_earlier_text_that_is_no_number_is_critical_in_a_numeric_comparison() -> None:
    outcome = outcome_of("previous(metric['x']) > 5", observed({"x": 6}, {"x": "abc"}))
    assert outcome == Verdict(State.CRITICAL, "Metric 'x' is not a number")


# rate


@pytest.mark.parametrize(
    ("past", "present", "elapsed_ms", "rate"),
    [
        (0, 600, 60_000, 10),
        (0, 1, 1, 1000),
        (5, 5, 60_000, 0),
        (1.5, 3.0, 500, 3),
        (0, 5242880 * 60, 60_000, 5242880),
        (2**64 - 61, 2**64 - 1, 60_000, 1),
        ("100", "700", 60_000, 10),
        (-600, 0, 60_000, 10),
        (0, 1, 30_000, 1 / 30),
        (-math.inf, 0, 60_000, math.inf),
    ],
)
def test_rate_is_units_a_second_by_the_senders_own_timestamps(
    past: Value, present: Value, elapsed_ms: int, rate: float
) -> None:
    literal = "1e999" if math.isinf(rate) else repr(rate)
    seen = observed({"x": present}, {"x": past}, elapsed_ms)
    assert outcome_of(f"rate(metric['x']) == {literal}", seen) == Verdict(State.WARNING, "holds", 1)
    assert outcome_of(f"rate(metric['x']) != {literal}", seen) == ok


def test_a_rate_compares_as_text_too() -> None:
    values, previous = {"x": 600}, {"x": 0}
    assert holds("rate(metric['x']) == '10' && rate(metric['x']) regex '^1'", values, previous)
    assert holds("rate(metric['x']) == metric['ten']", {**values, "ten": "10"}, previous)


# No result


@pytest.mark.parametrize(
    ("function", "values", "previous", "elapsed_ms", "cause"),
    [
        ("previous", {"x": 1}, {}, 1, Cause.NO_EARLIER_VALUE),
        ("previous", {"x": 1}, {"y": 1}, 1, Cause.NO_EARLIER_VALUE),
        ("previous", {"x": 1}, {"x": math.nan}, 1, Cause.NAN),
        ("rate", {"x": 1}, {}, 1, Cause.NO_EARLIER_VALUE),
        ("rate", {"x": 1}, {"x": 1}, 0, Cause.NO_TIME_PASSED),
        ("rate", {"x": 1}, {"x": 1}, -5, Cause.NO_TIME_PASSED),
        ("rate", {"x": 1}, {"x": 2}, 60_000, Cause.COUNTER_FELL),
        ("rate", {"x": -math.inf}, {"x": 2}, 60_000, Cause.COUNTER_FELL),
        ("rate", {"x": math.nan}, {"x": 2}, 60_000, Cause.NAN),
        ("rate", {"x": 1}, {"x": math.nan}, 60_000, Cause.NAN),
        ("rate", {"x": math.inf}, {"x": math.inf}, 60_000, Cause.NAN),
        ("rate", {"x": 1}, {"x": "n/a"}, 60_000, Cause.EARLIER_VALUE_NO_NUMBER),
    ],
)
def test_what_cannot_be_computed_has_no_result_and_falls_through_to_nothing(
    function: str, values: Values, previous: Values, elapsed_ms: int, cause: Cause
) -> None:
    seen = observed(values, previous, elapsed_ms)
    text = f"if ({function}(metric['x']) > 0 || 1 == 1) {{ return OK }} return CRITICAL"
    assert compile_criteria(text).evaluate(seen) == NotYetComputable("x", function, cause)
    for operator in ("==", "!=", "<", "<=", ">", ">="):
        outcome = outcome_of(f"{function}(metric['x']) {operator} 0", seen)
        assert outcome == NotYetComputable("x", function, cause)
        outcome = outcome_of(f"{function}(metric['x']) {operator} 0", seen, not_yet_counts_as_false=True)
        assert outcome == ok


def test_a_result_is_not_missed_where_it_is_not_needed() -> None:
    assert not holds("1 == 2 && rate(metric['x']) > 0", {"x": 1})
    assert holds("1 == 1 || rate(metric['x']) > 0", {"x": 1})


def test_a_missing_present_value_is_critical_before_the_past_is_asked_for() -> None:
    missing = Verdict(State.CRITICAL, "Metric 'x' is missing from the observation")
    assert outcome_of("rate(metric['x']) > 0", observed({})) == missing
    assert outcome_of("metric['x'] == previous(metric['x'])", observed({})) == missing
    no_past = NotYetComputable("x", "previous", Cause.NO_EARLIER_VALUE)
    assert outcome_of("previous(metric['x']) == metric['x']", observed({})) == no_past


def test_counting_as_false_concerns_the_comparison_and_not_the_condition() -> None:
    seen = observed({"x": 1})
    assert outcome_of("rate(metric['x']) > 0 || metric['x'] == 1", seen, not_yet_counts_as_false=True) == Verdict(
        State.WARNING, "holds", 1
    )
    assert outcome_of("rate(metric['x']) > 0 && metric['y'] == 1", seen, not_yet_counts_as_false=True) == ok


def test_counting_as_false_does_not_hide_what_is_critical() -> None:
    outcome = outcome_of("metric['y'] > 0", observed({}), not_yet_counts_as_false=True)
    assert outcome == Verdict(State.CRITICAL, "Metric 'y' is missing from the observation")
    outcome = compile_criteria(None).evaluate(observed({}), not_yet_counts_as_false=True)
    assert outcome == Verdict(State.OK, "code=200,rt=0.257s")


# percentage


@pytest.mark.parametrize(
    ("part", "whole", "percents"),
    [(90, 100, 90), (29, 100, 29), (1, 3, 100 / 3), ("45", "50", 90), (-1, 4, -25), (5, 2.5, 200), (1e308, 1e308, 100)],
)
def test_percentage_is_the_part_of_the_whole(part: Value, whole: Value, percents: float) -> None:
    values = {"part": part, "whole": whole}
    assert holds(f"percentage(metric['part'], metric['whole']) == {percents!r}", values)
    assert not holds(f"percentage(metric['part'], metric['whole']) != {percents!r}", values)


@pytest.mark.parametrize("whole", [0, 0.0, -0.0, "0", "0.00"])
@pytest.mark.parametrize("part", [0, 5, "7", math.inf, math.nan])
def test_a_comparison_with_a_percentage_of_0_is_false_whatever_it_asks(part: Value, whole: Value) -> None:
    values = {"part": part, "whole": whole, "five": 5}
    for operator in ("==", "!=", "<", "<=", ">", ">="):
        assert not holds(f"percentage(metric['part'], metric['whole']) {operator} 5", values)
        assert not holds(f"5 {operator} percentage(metric['part'], metric['whole'])", values)
        assert not holds(f"metric['five'] {operator} percentage(metric['part'], metric['whole'])", values)
    for rest in ("== '5'", "!= '5'", "regex '5'", "nregex '5'"):
        assert not holds(f"percentage(metric['part'], metric['whole']) {rest}", values)


@pytest.mark.parametrize(
    ("part", "whole", "named"), [(math.nan, 5, "part"), (5, math.nan, "whole"), (math.inf, math.inf, "part")]
)
def test_a_percentage_that_is_nan_has_no_result(part: float, whole: float, named: str) -> None:
    outcome = outcome_of("percentage(metric['part'], metric['whole']) > 5", observed({"part": part, "whole": whole}))
    assert outcome == NotYetComputable(named, "percentage", Cause.NAN)


# Integers beyond the doubles

beyond = 10**400


@pytest.mark.parametrize(
    ("condition", "present", "past"),
    [
        ("rate(metric['x']) == 1e999", beyond, 0),
        ("rate(metric['x']) == 1e999", beyond, 0.5),
        ("rate(metric['x']) == 0", beyond, beyond),
        ("percentage(metric['x'], metric['x']) == 100", beyond, 0),
        ("percentage(metric['x'], metric['three']) == 1e999", beyond, 0),
        ("percentage(metric['x'], metric['half']) == 1e999", beyond, 0),
        ("percentage(metric['half'], metric['x']) == 0", beyond, 0),
        ("percentage(metric['x'], metric['three']) == -1e999", -beyond, 0),
        ("metric['x'] > 1e308 && metric['x'] == 'Infinity'", beyond, 0),
    ],
)
def test_integers_beyond_the_doubles_count_as_infinities_where_doubles_are_needed(
    condition: str, present: int, past: Value
) -> None:
    assert holds(condition, {"x": present, "three": 3, "half": 0.5}, {"x": past})


def test_a_sample_is_a_short_array_for_the_stores() -> None:
    assert msgspec.json.encode(Sample(1_700_000_000_000, "aa:bb")) == b'[1700000000000,"aa:bb"]'
    assert msgspec.json.decode(b"[5,2.5]", type=Sample) == Sample(5, 2.5)
