"""*Meaning*, rules 3, 4, 5 and 7: missing metrics, numbers and texts, expressions, infinities."""

from __future__ import annotations

import math

import pytest

from tests.core.criteria.observing import holds, observed, outcome_of
from vedette.criteria import Cause, CriteriaError, NotYetComputable, Verdict, compile_criteria
from vedette.domain.metrics import Value
from vedette.domain.states import State

# Rule 3: what must be there, and must be a number


def critical(status: str) -> Verdict:
    return Verdict(State.CRITICAL, status, None)


@pytest.mark.parametrize(
    "condition",
    [
        "metric['x'] == 1",
        "1 != metrics['x']",
        "metric['x'] == 'text'",
        "metric['x'] != ''",
        "metric['x'] regex '.*'",
        "metric['x'] nregex 'y'",
        "metric['x'] == metric['here']",
        "metric['here'] < metric['x']",
        "rate(metric['x']) > 1",
        "percentage(metric['x'], metric['here']) > 1",
        "percentage(metric['here'], metric['x']) > 1",
        "metric['here'] == 2 || metric['x'] == 1",
        "metric['here'] == 1 && metric['x'] == 1",
    ],
)
def test_a_missing_metric_is_critical_where_it_is_needed(condition: str) -> None:
    outcome = outcome_of(condition, observed({"here": 1}, {"x": 1}))
    assert outcome == critical("Metric 'x' is missing from the observation")


@pytest.mark.parametrize(
    "condition",
    ["metric['here'] == 1 || metric['x'] == 1", "(metric['here'] == 1 || metric['x'] == 1) || metric['y'] == 1"],
)
def test_what_need_not_be_read_is_not_missed(condition: str) -> None:
    assert holds(condition, {"here": 1})
    assert not holds("metric['here'] == 2 && metric['x'] == 1", {"here": 1})
    assert not holds("metric['here'] == 2 && (metric['x'] == 1 || metric['y'] == 1)", {"here": 1})


def test_a_later_statement_need_not_find_its_metrics() -> None:
    assert outcome_of("metric['here'] == 1", observed({"here": 1})) == Verdict(State.WARNING, "holds", 1)


def test_of_several_missing_metrics_the_first_is_told() -> None:
    assert outcome_of("metric['y'] == metric['x']", observed({})) == critical(
        "Metric 'y' is missing from the observation"
    )


def test_the_status_of_a_missing_metric_is_cut_as_all_are() -> None:
    outcome = outcome_of(f"metric['{'x' * 128}'] == 1", observed({}))
    assert outcome == critical(f"Metric '{'x' * 120}")


def test_any_name_of_a_missing_metric_is_told_as_it_is() -> None:
    outcome = outcome_of(r"""metric["it's {0} #{a} %s \u0027"] == 1""", observed({"a": 1}))
    assert outcome == critical("Metric 'it's {0} #{a} %s '' is missing from the observation")


@pytest.mark.parametrize("text", ["200", "+200", "200.0", "2e2", "2.0E+2", "000200", "2000e-1"])
def test_a_string_metric_whose_text_is_a_number_compares_as_a_number(text: str) -> None:
    assert holds("metric['x'] == 200 && 200 == metric['x'] && metric['x'] > 199.5 && metric['x'] < 1e3", {"x": text})
    assert holds("metric['x'] == metric['y']", {"x": text, "y": 200})
    assert holds("metric['y'] < metric['x']", {"x": text, "y": 3})


@pytest.mark.parametrize(
    "text", ["", "abc", "200 OK", " 200", "0x1F", "1_000", "1,5", "5.", "NaN", "inf", "-Infinity", "\u0663", "1\n"]
)
@pytest.mark.parametrize(
    "condition",
    [
        "metric['x'] == 200",
        "metric['x'] != 200",
        "metric['x'] < 200",
        "200 >= metric['x']",
        "metric['x'] == metric['y']",
        "metric['y'] != metric['x']",
        "rate(metric['x']) > 1",
        "percentage(metric['x'], metric['y']) > 1",
        "percentage(metric['y'], metric['x']) > 1",
        "percentage(metric['y'], metric['y']) > metric['x']",
    ],
)
def test_a_text_that_is_no_number_is_critical_in_a_numeric_comparison(text: str, condition: str) -> None:
    outcome = outcome_of(condition, observed({"x": text, "y": 7}, {"x": 1, "y": 1}))
    assert outcome == critical("Metric 'x' is not a number")


# Rule 4: numbers and texts


@pytest.mark.parametrize(
    ("value", "operators"),
    [(4, "!= < <="), (5, "== <= >="), (5.0, "== <= >="), (6.25, "!= > >="), ("5", "== <= >="), (2**70, "!= > >=")],
)
def test_two_numbers_compare_as_numbers(value: Value, operators: str) -> None:
    for operator in ("==", "!=", "<", "<=", ">", ">="):
        assert holds(f"metric['x'] {operator} 5", {"x": value}) == (operator in operators.split())
        assert holds(f"metric['x'] {operator} metric['five']", {"x": value, "five": 5.0}) == (
            operator in operators.split()
        )


def test_integers_compare_with_all_their_64_bits() -> None:
    assert holds("metric['x'] > 9007199254740992", {"x": 2**53 + 1})
    assert holds("metric['x'] == 18446744073709551615", {"x": 2**64 - 1})
    assert holds("metric['x'] != metric['y']", {"x": 2**64 - 1, "y": 2**64 - 2})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (200, "200"),
        (200.0, "200"),
        (2.5, "2.5"),
        (-3, "-3"),
        (1e-7, "1e-7"),
        (0.5, "0.5"),
        ("404", "404"),
        ("", ""),
        ("a b", "a b"),
        (math.inf, "Infinity"),
    ],
)
def test_a_string_literal_compares_as_text(value: Value, text: str) -> None:
    assert holds(f"metric['x'] == '{text}' && '{text}' == metric['x']", {"x": value})
    assert not holds(f"metric['x'] != '{text}' || '{text}' != metric['x']", {"x": value})


@pytest.mark.parametrize(("value", "text"), [(200, "200.0"), (200, "2e2"), ("200", "200.0"), (2.5, "2.50"), ("a", "A")])
def test_the_same_number_written_otherwise_is_another_text(value: Value, text: str) -> None:
    assert holds(f"metric['x'] != '{text}'", {"x": value})
    assert not holds(f"metric['x'] == '{text}'", {"x": value})


def test_two_string_metrics_compare_as_text() -> None:
    assert holds("metric['x'] != metric['y']", {"x": "200", "y": "200.0"})
    assert holds("metric['x'] == metric['y']", {"x": "abc", "y": "abc"})
    assert not holds("metric['x'] == metric['y']", {"x": "abc", "y": "ABC"})


@pytest.mark.parametrize(
    ("less", "more"), [("10", "9"), ("Z", "a"), ("", "a"), ("a", "aa"), ("z", "\u00e9"), ("\uffff", "\U0001f600")]
)
def test_two_string_metrics_are_ordered_by_code_point(less: str, more: str) -> None:
    values = {"x": less, "y": more}
    assert holds("metric['x'] < metric['y'] && metric['x'] <= metric['y'] && metric['x'] <= metric['x']", values)
    assert not holds("metric['x'] > metric['y'] || metric['x'] >= metric['y'] || metric['x'] < metric['x']", values)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("1 == 1.0", True),
        ("1 > 2", False),
        ("'a' == 'a'", True),
        ("'a' != \"a\"", False),
        ("200 == '200'", True),
        ("'2.5' == 2.50", True),
        ("1 == '1.0'", False),
        ("'abc' regex 'b'", True),
        ("200 regex '^2'", True),
    ],
)
def test_literals_compare_among_themselves(condition: str, expected: bool) -> None:
    assert holds(condition) is expected


# Rule 5: regular expressions


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("forbidden", "403 forbidden!", True),
        (".*forbidden.*", "403 forbidden!", True),
        (".*forbidden.*", "line\nforbidden\nline", True),
        ("^forbidden", "403 forbidden!", False),
        ("Forbidden", "403 forbidden!", False),
        ("(?i)Forbidden", "403 forbidden!", True),
        ("^2\\\\d\\\\d$", "204", True),
        ("^2\\\\d\\\\d$", 204, True),
        ("^2\\\\d\\\\d$", 204.0, True),
        ("^2\\\\d\\\\d$", 2040, False),
        ("^$", "", True),
        ("", "anything", True),
        (".*127.8.2.1.*", "127x8.2.1", True),
        ("\\\\.", "127", False),
        ("^.$", "\U0001f600", True),
        ("\\\\pL", "\u00e9", True),
        ("a.b", "a\nb", False),
        ("(?s)a.b", "a\nb", True),
        ("[~|-]all", "v=spf1 ~all", True),
        (".*", "", True),
        ("a.*", "ba", True),
        ("a\\u0000b", "xa\0by", True),
    ],
)
def test_regex_is_an_unanchored_search_and_nregex_its_inverse(pattern: str, value: Value, found: bool) -> None:
    assert holds(f"metric['x'] regex '{pattern}'", {"x": value}) is found
    assert holds(f"metric['x'] nregex '{pattern}'", {"x": value}) is not found


def test_a_text_with_half_a_surrogate_pair_is_searched_too() -> None:
    assert holds("metric['x'] regex '^a.b$'", {"x": "a\ud800b"})


def test_an_expression_that_stalls_backtracking_engines_takes_linear_time() -> None:
    assert not holds("metric['x'] regex '^(a+)+$'", {"x": "a" * 20_000 + "!"})


def test_the_regular_expression_engine_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CriteriaError):
        compile_criteria("if (metric['x'] regex 'secret(') { return OK }")
    assert capfd.readouterr() == ("", "")


# Rule 7 and NaN


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("metric['x'] > 1e308", True),
        ("metric['x'] == metric['x']", True),
        ("metric['x'] == 1e999", True),
        ("metric['y'] < -1e308", True),
        ("metric['y'] < metric['x']", True),
        ("metric['x'] <= 5", False),
        ("metric['x'] != metric['y']", True),
        ("percentage(metric['x'], metric['one']) > 100", True),
        ("percentage(metric['one'], metric['x']) == 0", True),
        ("rate(metric['x']) == 1e999", True),
    ],
)
def test_infinities_compare_as_ieee_754_says(condition: str, expected: bool) -> None:
    assert holds(condition, {"x": math.inf, "y": -math.inf, "one": 1}, {"x": 1}) is expected


@pytest.mark.parametrize(
    "condition",
    [
        *(f"metric['x'] {operator} 5" for operator in ("==", "!=", "<", "<=", ">", ">=")),
        *(f"5 {operator} metric['x']" for operator in ("==", "!=", "<", "<=", ">", ">=")),
        "metric['x'] == metric['one']",
        "metric['one'] != metric['x']",
        "metric['x'] == 'NaN'",
        "metric['x'] != 'text'",
        "metric['x'] regex 'N'",
        "metric['x'] nregex 'N'",
    ],
)
def test_a_comparison_with_nan_has_no_result(condition: str) -> None:
    seen = observed({"x": math.nan, "one": 1})
    assert outcome_of(condition, seen) == NotYetComputable("x", None, Cause.NAN)
    assert outcome_of(condition, seen, not_yet_counts_as_false=True) == Verdict(
        State.OK, "Matched default return statement", 1
    )
