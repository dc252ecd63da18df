"""Whatever the text, the answer is criteria or a CriteriaError with a sound position."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.criteria.strategies import observations
from vedette.criteria import Criteria, CriteriaError, NotYetComputable, Observed, Verdict, compile_criteria
from vedette.criteria.generate import write
from vedette.criteria.parser import parse

vocabulary = """if ( ) { } [ ] ; , && || == != >= <= < > = ! & | / // /* */ # : $ @ . + - _ ' " \\ '\\ '['
return new AlarmStatus OK WARNING CRITICAL metric metrics previous rate percentage regex nregex else
:set consistencyLevel consecutiveCount QUORUM 3 -1.5 1e9 'a' '\\u0041'"""
words = [*vocabulary.split(), "\ud800", "\u00e9", "\U0001f600", "\0", "\n", "\r", "\t"]
soups = st.lists(st.sampled_from([*words, " ", "\n"]), max_size=60).map(" ".join)
almost = st.tuples(
    st.sampled_from(
        [
            "if (metric['a'] > 5 && previous(metric['b']) != 'x') { return new AlarmStatus(OK, '#{a}'); } return OK",
            ":set consistencyLevel=ALL\n:set consecutiveCount=2\nreturn WARNING # end",
        ]
    ),
    st.integers(0, 100),
    st.integers(0, 3),
    st.sampled_from(words) | st.text(max_size=3),
).map(lambda drawn: drawn[0][: drawn[1]] + drawn[3] + drawn[0][drawn[1] + drawn[2] :])
hostile = st.text() | st.binary().map(lambda data: data.decode("latin-1")) | soups | almost


def compiled_or_refused(text: str) -> Criteria | None:
    """The criteria, or None where the text is refused as it should be."""
    try:
        return compile_criteria(text)
    except CriteriaError as refused:
        error = refused
    assert error.input == text
    assert 0 <= error.position <= len(text)
    lines = text[: error.position].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert (error.line, error.column) == (len(lines), len(lines[-1]) + 1)
    assert text.startswith(error.token, error.position)
    assert error.message.startswith("Expected ")
    return None


@settings(max_examples=400)
@given(hostile, observations)
def test_any_text_is_compiled_or_refused_and_runs_without_an_error(text: str, observed: Observed) -> None:
    criteria = compiled_or_refused(text)
    if criteria is not None:
        assert isinstance(criteria.evaluate(observed), Verdict | NotYetComputable)


statements = [
    "return OK ",
    "if (1 == 1) { return OK } ",
    "if ((1 == 1) && ",
    "if (1 == 1 || ",
    ":set ",
    "if (",
    "return ",
]
pieces = ["metric['", "previous(", "#\n", "\r\n", "1.", "1e", "''", '"a"', "'\\", "'\\u0041'", "\\u0041", "a", "1", " "]


@pytest.mark.parametrize("piece", [*words, *statements, *pieces])
def test_a_piece_repeated_up_to_the_limit_is_compiled_or_refused(piece: str) -> None:
    text = (piece * 16_384)[:16_384]
    for start in ("", "if (", "if (metric['a'] == ", "if (metric['a'] regex '", "return new AlarmStatus(OK, '"):
        compiled_or_refused(f"{start}{text}"[:16_384])


@pytest.mark.parametrize("placeholder", ["#{", "#{a", "#{}", "#{a}", "#{missing}", "}"])
def test_a_message_full_of_placeholders_renders(placeholder: str) -> None:
    message = (placeholder * 16_000)[:16_000]
    criteria = compile_criteria(f"return new AlarmStatus(OK, '{message}')")
    outcome = criteria.evaluate(Observed(available=True, status="", metrics={}, at_ms=0, previous={}))
    assert isinstance(outcome, Verdict)
    assert outcome.status == message[:128]


def test_a_refused_expression_is_told_and_not_run() -> None:
    for expression in ("(" * 8000, "a{1000}{1000}", "(?P<n>" * 500, "[" * 8000, "\\\\pL{1000}\\\\pL{1000}"):
        assert compiled_or_refused(f"if (metric['a'] regex '{expression}') {{ return OK }}") is None


@pytest.mark.parametrize("forgiving", [False, True])
def test_nothing_that_a_tenant_writes_reaches_the_generated_source(forgiving: bool) -> None:
    shape = """if (metric[{n}] == {s} || rate(metric[{n}]) > {d} || {d} != previous(metric[{n}])) {{
        return new AlarmStatus(OK, {m}) }}
    if (metric[{n}] regex {p} && percentage(metric[{n}], metric[{n}]) == metric[{n}]) {{ return OK }}
    return new AlarmStatus(WARNING, {s})"""
    harmless = shape.format(n="'a'", s="'b'", d="5", m="'#{a}'", p="'c.'")
    code = "'\\n import os; c0 = __import__(\\\"os\\\") #'"
    hostile = shape.format(n=code, s=code, d="-7.25e3", m="'c1) #{c0}\\n}\\u0022'", p='\'\\"\\"\\" + (os.x).\'')
    source, constants = write(parse(hostile), no_result_is_false=forgiving)
    assert source == write(parse(harmless), no_result_is_false=forgiving)[0]
    assert "import" not in source
    assert '\n import os; c0 = __import__("os") #' in constants
