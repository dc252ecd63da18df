from __future__ import annotations

import pytest

from vedette.criteria import CriteriaError, compile_criteria, parse


def is_refused_at(text: str, position: int, message: str) -> bool:
    with pytest.raises(CriteriaError, match=message) as caught:
        compile_criteria(text)
    return caught.value.position == position


def test_criteria_have_at_most_16384_characters() -> None:
    compile_criteria("return OK".ljust(16_384))
    assert is_refused_at("return OK".ljust(16_385), 16_384, "at most 16,384 characters, found 16,385")


def test_characters_count_and_not_bytes() -> None:
    compile_criteria("#" + "\U0001f600" * 16_383)


def test_a_refusal_does_not_carry_more_than_criteria_may_have() -> None:
    with pytest.raises(CriteriaError) as caught:
        compile_criteria("x" * 1_000_000)
    assert len(caught.value.input) == 16_384
    assert caught.value.token == "x"


def test_criteria_have_at_most_10_comparisons() -> None:
    ten = [f"metric['a'] == {index}" for index in range(10)]
    compile_criteria(f"if ({' && '.join(ten)}) {{ return OK }}")
    eleven = f"if ({' || '.join(ten)}) {{ return OK }} if (metric['b'] regex 'x') {{ return OK }}"
    assert is_refused_at(eleven, eleven.index("metric['b']"), "at most 10 comparisons")


def test_there_is_no_least_number_of_comparisons() -> None:
    compile_criteria("return OK")


def test_a_metric_name_has_at_most_128_characters() -> None:
    compile_criteria(f"if (metric['{'n' * 128}'] == 1) {{ return OK }}")
    for operand in ("metric['{}']", "previous(metric['{}'])", "percentage(metric['a'], metric['{}'])"):
        text = f"if ({operand.format('n' * 129)} == 1) {{ return OK }}"
        assert is_refused_at(text, text.index("'nn"), "a metric name of at most 128 characters")


@pytest.mark.parametrize("operator", ["==", "!="])
@pytest.mark.parametrize("operand", ["metric['a']", "previous(metric['a'])", "rate(metric['a'])"])
def test_a_string_compared_with_a_metric_has_at_most_80_characters(operator: str, operand: str) -> None:
    compile_criteria(f"if ({operand} {operator} '{'s' * 80}') {{ return OK }}")
    right = f"if ({operand} {operator} '{'s' * 81}') {{ return OK }}"
    assert is_refused_at(right, right.index("'ss"), "a string of at most 80 characters")
    left = f"if ('{'s' * 81}' {operator} {operand}) {{ return OK }}"
    assert is_refused_at(left, left.index("'ss"), "a string of at most 80 characters")


@pytest.mark.parametrize("other", ["'text'", "5"])
def test_a_string_compared_with_a_literal_may_be_longer(other: str) -> None:
    compile_criteria(f"if ({other} != '{'s' * 81}') {{ return OK }}")


def test_an_escape_counts_as_the_character_it_stands_for() -> None:
    escaped = r"\u0041" * 80
    compile_criteria(f"if (metric['a'] == '{escaped}') {{ return OK }}")


def test_expressions_and_messages_may_be_longer() -> None:
    compile_criteria(f"if (metric['a'] regex '{'p' * 216}') {{ return new AlarmStatus(OK, '{'m' * 1000}') }}")


def test_parentheses_nest_at_most_32_deep() -> None:
    compile_criteria(f"if ({'(' * 32}1 == 1{')' * 32}) {{ return OK }}")
    text = f"if ({'(' * 33}1 == 1{')' * 33}) {{ return OK }}"
    assert is_refused_at(text, len("if (") + 32, "at most 32 nested parentheses")


def test_the_deepest_allowed_nesting_of_both_kinds_compiles() -> None:
    nested = "metric['a'] == 1"
    for depth in range(9):
        nested = f"({'(' * 2}metric['a'] == {depth} {'&&' if depth % 2 else '||'} {nested}{')' * 2})"
    text = f"if ({nested}) {{ return WARNING }}"
    assert compile_criteria(text).metric_names == {"a"}
    assert len(parse(text).statements) == 1


def test_parentheses_side_by_side_do_not_nest() -> None:
    group = "((((1 == 1))))"
    compile_criteria(f"if ({' && '.join([group] * 10)}) {{ return OK }}")
