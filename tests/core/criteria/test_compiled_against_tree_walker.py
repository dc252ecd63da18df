"""Properties: the compiler agrees with the tree walker, the printer with the parser."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.core.criteria.layouts import returns, written
from tests.core.criteria.strategies import any_names, messages, observations, programs
from tests.core.criteria.tree_walker import as_text, walk
from vedette.criteria import Observed, Sample, Verdict, compile_criteria, parse, print_program
from vedette.criteria.numerals import shortest
from vedette.criteria.tree import Comparison, If, MetricRead, Number, Operator, Program, Return, Text
from vedette.domain.metrics import Metric
from vedette.domain.states import State

several_observations = st.lists(observations, min_size=1, max_size=4)


@settings(max_examples=250)
@given(programs, several_observations)
def test_compiled_criteria_answer_as_the_tree_walker_does(program: Program, observed: list[Observed]) -> None:
    text = print_program(program) or " "
    criteria = compile_criteria(text)
    for each in observed:
        assert criteria.evaluate(each) == walk(parse(text), each)


@settings(max_examples=120)
@given(programs, several_observations)
def test_with_not_yet_counting_as_false_they_agree_too(program: Program, observed: list[Observed]) -> None:
    text = print_program(program) or " "
    criteria = compile_criteria(text)
    for each in observed:
        outcome = criteria.evaluate(each, not_yet_counts_as_false=True)
        assert outcome == walk(parse(text), each, not_yet_counts_as_false=True)
        assert isinstance(outcome, Verdict)


@settings(max_examples=150)
@given(programs)
def test_printed_criteria_parse_to_the_same_tree(program: Program) -> None:
    assert parse(print_program(program)) == program


@settings(max_examples=150)
@given(written(programs), observations)
def test_however_a_program_is_written_it_is_the_same_one(
    given_: tuple[Program, str, list[int]], observed: Observed
) -> None:
    program, text, lines = given_
    assert parse(text) == program
    assert [found.line for found in returns(parse(text))] == lines
    if text:
        assert compile_criteria(text).evaluate(observed) == walk(parse(text), observed)


@given(any_names, messages)
def test_any_name_literal_and_message_survives_printing(name: str, message: str | None) -> None:
    condition = Comparison(MetricRead(name), Operator.EQUAL, Text(name[:80]))
    program = Program(statements=(If(condition, Return(State.WARNING, message)),))
    assert parse(print_program(program)) == program


@given(st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False))
def test_any_number_survives_printing(value: float) -> None:
    program = Program(statements=(If(Comparison(MetricRead("a"), Operator.BELOW, Number(value)), Return(State.OK)),))
    assert parse(print_program(program)) == program


@given(st.integers(-(10**29), 10**29) | st.floats())
@example(1e21)
@example(123456789012345680000.0)
@example(1e-6)
@example(1e-7)
def test_the_shortest_form_is_the_one_ecmascript_writes(value: float) -> None:
    assert shortest(value) == as_text(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_shortest_form_reads_back_as_the_same_number(value: float) -> None:
    assert float(shortest(value)) == value


@given(programs, st.integers(-(10**400), 10**400), st.integers(-(10**400), 10**400) | st.floats())
def test_numbers_beyond_every_range_raise_nothing(program: Program, present: float, past: float) -> None:
    metrics = {name: Metric("D", present) for name in ("a", "b", "eth0.rx_bytes", "")}
    previous = {name: Sample(0, past) for name in metrics}
    compile_criteria(print_program(program)).evaluate(Observed(True, "", metrics, 60_000, previous))
