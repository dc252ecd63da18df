"""*Meaning*, rules 1, 2 and 8: availability, returns, messages."""

from __future__ import annotations

import pytest

from tests.core.criteria.observing import observed
from vedette.criteria import Observed, Verdict, compile_criteria
from vedette.domain.metrics import Metric, Value
from vedette.domain.states import State

unavailable = Observed(available=False, status="Connection refused", metrics={}, at_ms=0, previous={})


def verdict(text: str | None, seen: Observed) -> Verdict:
    outcome = compile_criteria(text).evaluate(seen)
    assert isinstance(outcome, Verdict)
    return outcome


# Rule 1


@pytest.mark.parametrize(
    "text", [None, "", "return OK", "if (metric['a'] == 1) { return OK }", ":set consecutiveCount=2"]
)
def test_an_unavailable_observation_is_critical_with_its_own_status(text: str | None) -> None:
    assert verdict(text, unavailable) == Verdict(State.CRITICAL, "Connection refused", None)


def test_criteria_do_not_run_on_an_unavailable_observation() -> None:
    seen = Observed(available=False, status="Timeout", metrics={"a": Metric("i", 1)}, at_ms=0, previous={})
    assert verdict("if (metric['a'] == 1) { return new AlarmStatus(OK, 'fine') }", seen).status == "Timeout"
    assert verdict("if (metric['missing'] == 1) { return OK }", seen).status == "Timeout"


def test_the_observations_status_is_cut_to_128_characters() -> None:
    seen = Observed(available=False, status="\u00e9" * 256, metrics={}, at_ms=0, previous={})
    assert verdict("return OK", seen).status == "\u00e9" * 128


# Rule 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, Verdict(State.CRITICAL, "first", 2)),
        (2, Verdict(State.WARNING, "Matched return statement on line 5", 5)),
        (3, Verdict(State.OK, "Matched default return statement", 7)),
    ],
)
def test_statements_run_in_order_and_the_first_return_reached_decides(value: int, expected: Verdict) -> None:
    text = """if (metric['a'] == 1) {
                return new AlarmStatus(CRITICAL, 'first'); }
              if (metric['a'] <= 2)
              {
                return WARNING }
              if (metric['a'] == 2) { return CRITICAL }
              return new AlarmStatus(OK);
              return CRITICAL"""
    assert verdict(text, observed({"a": value})) == expected


def test_the_line_told_is_that_of_the_return_and_not_of_its_if() -> None:
    text = "if\n(1 == 1)\n{\nreturn OK\n}"
    assert verdict(text, observed({})) == Verdict(State.OK, "Matched return statement on line 4", 4)


def test_where_no_return_is_reached_it_is_ok() -> None:
    nothing_matched = Verdict(State.OK, "Matched default return statement", None)
    assert verdict("if (metric['a'] == 1) { return CRITICAL }", observed({"a": 2})) == nothing_matched
    assert verdict(":set consistencyLevel=ALL", observed({"a": 2})) == nothing_matched
    assert verdict("# nothing", observed({})) == nothing_matched


def test_a_default_return_has_its_message_and_line() -> None:
    assert verdict("\nreturn new AlarmStatus(WARNING, 'w')", observed({})) == Verdict(State.WARNING, "w", 2)


# Rule 8


@pytest.mark.parametrize("text", [None, ""])
def test_with_empty_criteria_the_observations_status_is_used(text: str | None) -> None:
    assert verdict(text, observed({})) == Verdict(State.OK, "code=200,rt=0.257s", None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (257, "257"),
        (2.5, "2.5"),
        (200.0, "200"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (123456789012345680.0, "123456789012345680"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-7"),
        (0.00001, "0.00001"),
        (18446744073709551615, "18446744073709551615"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
        ("text", "text"),
        ("", ""),
        ("#{b}", "#{b}"),
        (10**400, "Infinity"),
    ],
)
def test_a_metrics_value_is_put_into_the_message(value: Value, shown: str) -> None:
    status = verdict("return new AlarmStatus(OK, 'took #{a}s')", observed({"a": value, "b": 1})).status
    assert status == f"took {shown}s"


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("#{a}", "1"),
        ("#{a}#{a} #{eth0.rx_bytes}", "11 7"),
        ("#{missing} #{a}", "#{missing} 1"),
        ("#{}", "#{}"),
        ("#{ a }", "#{ a }"),
        ("#a {a} ${a} #{a", "#a {a} ${a} #{a"),
        ("##{a}}", "#1}"),
        ("#{with space}", "s"),
    ],
)
def test_placeholders_name_metrics_and_missing_ones_stay_as_written(message: str, status: str) -> None:
    seen = observed({"a": 1, "eth0.rx_bytes": 7, "with space": "s"})
    assert verdict(f"return new AlarmStatus(OK, '{message}')", seen).status == status


@pytest.mark.parametrize("condition", ["metric['a'] == 1", "metric['a'] == 2"])
def test_messages_are_interpolated_in_an_if_and_at_top_level(condition: str) -> None:
    text = f"if ({condition}) {{ return new AlarmStatus(OK, 'x #{{a}}') }} return new AlarmStatus(OK, 'x #{{a}}')"
    assert verdict(text, observed({"a": 1})).status == "x 1"


def test_messages_are_cut_to_128_characters_after_that() -> None:
    seen = observed({"a": "\U0001f600" * 100, "empty": ""})
    long = verdict(f"return new AlarmStatus(OK, '{'m' * 120}#{{a}}')", seen).status
    assert long == "m" * 120 + "\U0001f600" * 8
    smiles = "\U0001f600" * 129
    constant = verdict(f"return new AlarmStatus(OK, '{smiles}')", seen).status
    assert constant == "\U0001f600" * 128
    shorter = verdict(f"return new AlarmStatus(OK, '{'m' * 124}#{{empty}}1234567')", seen).status
    assert shorter == "m" * 124 + "1234"


def test_a_placeholder_name_has_at_most_128_characters_as_metric_names_have() -> None:
    name = "n" * 128
    assert verdict(f"return new AlarmStatus(OK, '#{{{name}}}')", observed({name: 1})).status == "1"
    text = f"return new AlarmStatus(OK, '#{{n{name}}}')"
    assert verdict(text, observed({f"n{name}": 1})).status == f"#{{n{name}}}"[:128]
