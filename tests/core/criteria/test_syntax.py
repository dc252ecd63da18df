"""*Syntax* in tables: what the language takes, and what it makes of it."""

from __future__ import annotations

import pytest

from vedette.criteria import parse, print_program
from vedette.criteria.tree import (
    And,
    Comparison,
    Condition,
    If,
    MetricRead,
    Number,
    Operand,
    Operator,
    Or,
    Percentage,
    Previous,
    Program,
    Rate,
    Return,
    Search,
    SearchWord,
    Text,
)
from vedette.domain.states import Consistency, State

a, b = MetricRead("a"), MetricRead("b")


def condition_of(text: str) -> Condition:
    (statement,) = parse(f"if ({text}) {{ return OK }}").statements
    assert isinstance(statement, If)
    return statement.condition


def right_operand_of(text: str) -> Operand:
    comparison = condition_of(f"metric['a'] == {text}")
    assert isinstance(comparison, Comparison)
    return comparison.right


@pytest.mark.parametrize("text", ["", " \t\r\n\f\v", "# only a comment", "/* only\na comment */", "#", "/**/"])
def test_criteria_may_say_nothing(text: str) -> None:
    assert parse(text) == Program()


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (":set consistencyLevel=ONE", Program(Consistency.ONE)),
        (":set consistencyLevel=QUORUM", Program(Consistency.QUORUM)),
        (":set consistencyLevel = ALL", Program(Consistency.ALL)),
        (":set consecutiveCount=1", Program(None, 1)),
        (":set consecutiveCount=5", Program(None, 5)),
        (":set consecutiveCount=2 :set consistencyLevel=ALL", Program(Consistency.ALL, 2)),
        (":set /* c */ consecutiveCount # c\n = /**/ 3", Program(None, 3)),
    ],
)
def test_settings_are_read_before_the_statements(text: str, program: Program) -> None:
    assert parse(text) == program
    statements = (Return(State.OK),)
    assert parse(f"{text} return OK") == Program(program.consistency, program.consecutive_count, statements)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("return OK", Return(State.OK)),
        ("return WARNING;", Return(State.WARNING)),
        ("return CRITICAL ;", Return(State.CRITICAL)),
        ("return new AlarmStatus(OK)", Return(State.OK)),
        ("return new AlarmStatus(OK);", Return(State.OK)),
        ("return new AlarmStatus(WARNING, 'w');", Return(State.WARNING, "w")),
        ('return new AlarmStatus ( CRITICAL , "" )', Return(State.CRITICAL, "")),
        ("return/**/new/**/AlarmStatus(OK,'#no comment')", Return(State.OK, "#no comment")),
    ],
)
def test_a_return_has_a_long_and_a_short_form(text: str, statement: Return) -> None:
    assert parse(text).statements == (statement,)
    wrapped = f"if (1 == 1) {{ {text} }}"
    assert parse(wrapped).statements == (If(Comparison(Number(1), Operator.EQUAL, Number(1)), statement),)


def test_statements_stand_in_order_without_separators() -> None:
    text = "if(metric['a']>1){return OK}if(metric['b']>2){return WARNING;}return CRITICAL;return OK"
    assert parse(text).statements == (
        If(Comparison(a, Operator.ABOVE, Number(1)), Return(State.OK)),
        If(Comparison(b, Operator.ABOVE, Number(2)), Return(State.WARNING)),
        Return(State.CRITICAL),
        Return(State.OK),
    )


@pytest.mark.parametrize(
    ("text", "operand"),
    [
        ("metric['b']", b),
        ("metrics['b']", b),
        ('metric["b"]', b),
        ("metric [ 'b' ]", b),
        ("metric['eth0.rx_bytes']", MetricRead("eth0.rx_bytes")),
        ("metric['\\u0062']", b),
        ("previous(metric['b'])", Previous(b)),
        ("rate ( metrics['b'] )", Rate(b)),
        ("percentage(metric['a'], metric['b'])", Percentage(a, b)),
        ("'text'", Text("text")),
        ("7", Number(7)),
    ],
)
def test_operands(text: str, operand: Operand) -> None:
    assert right_operand_of(text) == operand


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2773.2", 2773.2),
        ("200", 200),
        ("-200", -200),
        ("+200", 200),
        ("1.2e-7", 1.2e-7),
        ("1E3", 1000.0),
        ("1e+3", 1000.0),
        (".5", 0.5),
        ("007", 7),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9007199254740993", 2**53 + 1),
        ("1e999", float("inf")),
        ("-1e999", float("-inf")),
        ("9" * 5000, float("inf")),
    ],
)
def test_numbers_have_sign_decimals_and_exponent(text: str, value: float) -> None:
    operand = right_operand_of(text)
    assert isinstance(operand, Number)
    assert operand.value == value


def test_integers_keep_64_bits() -> None:
    operand = right_operand_of("9007199254740993")
    assert isinstance(operand, Number)
    assert operand.value - 2**53 == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"Foo"', "Foo"),
        ("'Foo'", "Foo"),
        (r"""'"Foo\'s bar\"'""", '"Foo\'s bar"'),
        (r'''"'Bar's foo\'"''', "'Bar's foo'"),
        (r"'\u0027abc'", "'abc"),
        (r'"\" \' \\ \b \f \n \r \t"', "\" ' \\ \b \f \n \r \t"),
        (r"'\u00e9\u00C9'", "\u00e9\u00c9"),
        (r"'\ud83d\ude00'", "\U0001f600"),
        ("'over\r\ntwo lines'", "over\r\ntwo lines"),
        ("'/* no */ // # comment'", "/* no */ // # comment"),
        ("''", ""),
        (r"'\\d'", r"\d"),
        ("'\U0001f600'", "\U0001f600"),
    ],
)
def test_strings_and_their_escapes(text: str, value: str) -> None:
    assert right_operand_of(text) == Text(value)


@pytest.mark.parametrize("operator", list(Operator))
def test_operators(operator: Operator) -> None:
    assert condition_of(f"metric['a']{operator.value}-3") == Comparison(a, operator, Number(-3))


@pytest.mark.parametrize("word", list(SearchWord))
def test_searches_have_any_left_operand_and_a_string(word: SearchWord) -> None:
    assert condition_of(f"metric['a'] {word.value} '^2\\\\d'") == Search(a, word, r"^2\d")
    assert condition_of(f"previous(metric['a']) {word.value} 'x'") == Search(Previous(a), word, "x")
    assert condition_of(f"200 {word.value} 'x'") == Search(Number(200), word, "x")
    assert condition_of(f"'y' {word.value} 'x'") == Search(Text("y"), word, "x")


x, y, z = (Comparison(a, Operator.EQUAL, Number(value)) for value in (1, 2, 3))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("x", x),
        ("(x)", x),
        ("((x))", x),
        ("x && y", And((x, y))),
        ("x && y && z", And((x, y, z))),
        ("x || y || z", Or((x, y, z))),
        ("x || y && z", Or((x, And((y, z))))),
        ("x && y || z", Or((And((x, y)), z))),
        ("(x || y) && z", And((Or((x, y)), z))),
        ("x && (y || z)", And((x, Or((y, z))))),
        ("(x && y) && z", And((And((x, y)), z))),
        ("(x && y) || z", Or((And((x, y)), z))),
        ("x&&(y)||((z))", Or((And((x, y)), z))),
    ],
)
def test_and_binds_tighter_than_or_and_parentheses_group(text: str, condition: Condition) -> None:
    for letter, comparison in (("x", "metric['a'] == 1"), ("y", "metric['a'] == 2"), ("z", "metric['a'] == 3")):
        text = text.replace(letter, comparison)
    assert condition_of(text) == condition


@pytest.mark.parametrize("comment", ["# to the end\n", "# to the end\r", "# to the end\r\n", "/* * / # // */", "/***/"])
def test_comments_stand_wherever_space_may(comment: str) -> None:
    words = ["", "if", "(", "metric", "[", "'a'", "]", ">", "1", "&&", "metric", "[", "'b'", "]", "regex", "'x'"]
    text = comment.join([*words, ")", "{", "return", "new", "AlarmStatus", "(", "OK", ")", ";", "}", ""])
    condition = And((Comparison(a, Operator.ABOVE, Number(1)), Search(b, SearchWord.REGEX, "x")))
    assert parse(text).statements == (If(condition, Return(State.OK)),)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_a_return_knows_its_line(line_break: str) -> None:
    text = "/* 1\n2 */ if (metric['a'] == 'over\ntwo lines')\n{\nreturn OK }\n\nreturn WARNING".replace(
        "\n", line_break
    )
    first, second = parse(text).statements
    assert isinstance(first, If)
    assert isinstance(second, Return)
    assert (first.then.line, second.line) == (5, 7)


def test_the_normal_form_is_one_setting_or_return_a_line() -> None:
    text = """:set consecutiveCount=2 :set consistencyLevel=ONE
    if ((metrics['a'] > 1.50) || (metric['b'] nregex '\\\\d"' && percentage(metric['a'],metric['b'])==+7)){return OK}
    return new AlarmStatus(WARNING, 'tab\\t, nul \\u0000') # default"""
    expected = [
        ":set consistencyLevel=ONE",
        ":set consecutiveCount=2",
        'if (metric["a"] > 1.5 || metric["b"] nregex "\\\\d\\"" && percentage(metric["a"], metric["b"]) == 7) {',
        "  return new AlarmStatus(OK);",
        "}",
        'return new AlarmStatus(WARNING, "tab\\t, nul \\u0000");',
    ]
    assert print_program(parse(text)).splitlines() == expected
