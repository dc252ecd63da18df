"""Criteria as values: what they say about themselves, equality, the cache."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from tests.core.criteria.observing import observed
from vedette.criteria import CriteriaError, Verdict, compile_criteria
from vedette.domain.states import Consistency, State


def test_without_settings_the_defaults_apply() -> None:
    for text in (None, "", "return OK", "if (metric['a'] == 1) { return OK }"):
        criteria = compile_criteria(text)
        assert criteria.text == (text or "")
        assert criteria.consistency is Consistency.QUORUM
        assert criteria.consecutive_count is None
        assert criteria.warnings == ()
        assert criteria.reads_history is False


def test_settings_are_told() -> None:
    criteria = compile_criteria(":set consecutiveCount=1\n:set consistencyLevel=ONE\nreturn OK")
    assert (criteria.consistency, criteria.consecutive_count) == (Consistency.ONE, 1)


@pytest.mark.parametrize(
    ("condition", "read", "history"),
    [
        ("1 == 'a'", set(), set()),
        ("metric['a'] == 1 || metric['b'] regex 'x' && metrics['a'] != metric['c']", {"a", "b", "c"}, set()),
        ("percentage(metric['a'], metric['b']) > 1", {"a", "b"}, set()),
        ("previous(metric['a']) == metric['b']", {"a", "b"}, {"a"}),
        ("1 < rate(metric['a'])", {"a"}, {"a"}),
        ("(previous(metric['a']) regex 'x' || 1 == 1) && rate(metric['b']) == '1'", {"a", "b"}, {"a", "b"}),
    ],
)
def test_criteria_tell_which_metrics_and_which_history_they_read(
    condition: str, read: set[str], history: set[str]
) -> None:
    criteria = compile_criteria(f"if ({condition}) {{ return new AlarmStatus(OK, '#{{other}}') }}")
    assert criteria.metric_names == read
    assert criteria.history_names == history
    assert criteria.reads_history is bool(history)


def test_statements_after_an_unconditional_return_are_warned_about_and_not_read() -> None:
    text = """if (metric['a'] == 1) { return OK }
return WARNING
if (rate(metric['b']) == 1) {
  return OK }
return CRITICAL"""
    criteria = compile_criteria(text)
    assert criteria.warnings == (
        "The return on line 4 is never reached: the return on line 2 decides before it",
        "The return on line 5 is never reached: the return on line 2 decides before it",
    )
    assert criteria.metric_names == {"a"}
    assert criteria.reads_history is False
    outcome = criteria.evaluate(observed({"a": 2}))
    assert outcome == Verdict(State.WARNING, "Matched default return statement", 2)


def test_unreachable_statements_are_parsed_all_the_same() -> None:
    with pytest.raises(CriteriaError):
        compile_criteria("return OK return MAYBE")


def test_criteria_are_equal_and_hash_by_their_text() -> None:
    criteria = compile_criteria("return OK")
    assert criteria == compile_criteria("return OK")
    assert hash(criteria) == hash(compile_criteria("return OK"))
    assert criteria != compile_criteria("return OK ")
    assert criteria != "return OK"
    assert len({criteria, compile_criteria("return OK"), compile_criteria(None), compile_criteria("")}) == 2


def test_a_text_is_compiled_once() -> None:
    assert compile_criteria("return OK # kept") is compile_criteria("return OK # kept")
    assert compile_criteria(None) is compile_criteria("")


def test_the_cache_is_bounded() -> None:
    first = compile_criteria("return OK # first")
    for index in range(4096):
        compile_criteria(f"return OK # {index}")
    assert compile_criteria("return OK # first") is not first
    assert compile_criteria("return OK # first") == first


def test_criteria_are_immutable() -> None:
    criteria = compile_criteria("return OK")
    with pytest.raises(FrozenInstanceError):
        criteria.text = "return CRITICAL"  # type: ignore[misc]


def test_criteria_of_the_same_shape_do_not_mix_their_constants() -> None:
    for value in range(3):
        criteria = compile_criteria(f"if (metric['m{value}'] == {value}) {{ return new AlarmStatus(OK, 'v{value}') }}")
        assert criteria.evaluate(observed({f"m{value}": value})) == Verdict(State.OK, f"v{value}", 1)
