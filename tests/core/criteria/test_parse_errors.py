"""Parse errors: where, at which token, and what was expected."""

from __future__ import annotations

import pytest

from vedette.criteria import CriteriaError, compile_criteria


def refusal(text: str) -> CriteriaError:
    with pytest.raises(CriteriaError) as caught:
        compile_criteria(text)
    return caught.value


# Each: the text, with the offending place marked by a pilcrow, the token there, and the message.
refused = [
    # Settings
    (":set ¶period=3", "period", 'Expected "consistencyLevel" or "consecutiveCount", found "period"'),
    (":set ¶'consecutiveCount'=3", "'consecutiveCount'", "\"consecutiveCount\", found 'consecutiveCount'"),
    (
        ":set consistencyLevel=¶quorum",
        "quorum",
        'Expected "ONE", "QUORUM" or "ALL" for consistencyLevel, found "quorum"',
    ),
    (":set consistencyLevel=¶2", "2", 'Expected "ONE", "QUORUM" or "ALL"'),
    (":set consecutiveCount=¶0", "0", 'Expected "1", "2", "3", "4" or "5" for consecutiveCount, found "0"'),
    (":set consecutiveCount=¶6", "6", 'found "6"'),
    (":set consecutiveCount=¶1.0", "1.0", 'found "1.0"'),
    (":set consecutiveCount=¶-1", "-1", 'found "-1"'),
    (":set consecutiveCount=¶'1'", "'1'", "found '1'"),
    (":set consecutiveCount=¶", "", "found the end of the criteria"),
    (":set consecutiveCount ¶3", "3", 'Expected "=", found "3"'),
    (":set consecutiveCount=1¶;", ";", 'Expected ":set", "if", "return" or the end of the criteria, found ";"'),
    (":set consecutiveCount=1 :set ¶consecutiveCount=1", "consecutiveCount", "is set already"),
    ("return OK ¶:set consecutiveCount=1", ":set", "(settings stand before all statements)"),
    ("if (1 == 1) { return OK } ¶:set consistencyLevel=ONE", ":set", 'Expected "if", "return" or the end'),
    ("¶: set consecutiveCount=1", ":", 'Expected ":set", "if", "return" or the end of the criteria, found ":"'),
    ("¶:settle", ":", 'found ":"'),
    # Comments
    ("¶// no comment", "//", '(a comment begins with "#" or "/*")'),
    ("return OK; ¶// no comment", "//", 'Expected "if", "return" or the end of the criteria, found "//"'),
    ("return OK ¶/* no end", "/*", 'Expected "*/" to end the comment'),
    ("¶/*/", "/*", 'Expected "*/" to end the comment'),
    ("/* /* */ ¶*/ return OK", "*", 'found "*"'),
    # Statements
    ("¶Return OK", "Return", 'Expected ":set", "if", "return" or the end of the criteria, found "Return"'),
    ("¶OK", "OK", 'found "OK"'),
    ("return ¶ok", "ok", 'Expected "new", "OK", "WARNING" or "CRITICAL", found "ok"'),
    ("return ¶UNKNOWN", "UNKNOWN", 'found "UNKNOWN"'),
    ("return¶", "", 'Expected "new", "OK", "WARNING" or "CRITICAL", found the end of the criteria'),
    ("return new ¶Status(OK)", "Status", 'Expected "AlarmStatus", found "Status"'),
    ("return new AlarmStatus ¶OK", "OK", 'Expected "(", found "OK"'),
    ("return new AlarmStatus(¶)", ")", 'Expected "OK", "WARNING" or "CRITICAL", found ")"'),
    ("return new AlarmStatus(¶CRITCAL)", "CRITCAL", 'Expected "OK", "WARNING" or "CRITICAL"'),
    ("return new AlarmStatus(OK¶;", ";", 'Expected "," or ")", found ";"'),
    ("return new AlarmStatus(OK, ¶text)", "text", 'Expected a string with the status message, found "text"'),
    ("return new AlarmStatus(OK, ¶1)", "1", "Expected a string with the status message"),
    ("return new AlarmStatus(OK, 'a' ¶'b')", "'b'", "Expected \")\", found 'b'"),
    ("return OK;¶;", ";", 'Expected "if", "return" or the end of the criteria, found ";"'),
    ("if ¶metric['a'] > 1 { return OK }", "metric", 'Expected "(", found "metric"'),
    ("if (¶) { return OK }", ")", 'Expected "(", a number, a string, a metric or a function, found ")"'),
    ("if (1 == 1) ¶return OK", "return", 'Expected "{", found "return"'),
    ("if (1 == 1) { ¶}", "}", 'Expected "return", found "}"'),
    ("if (1 == 1) { ¶if (1 == 1) { return OK } }", "if", 'Expected "return", found "if"'),
    ("if (1 == 1) { return OK; ¶return OK }", "return", 'Expected "}", found "return"'),
    ("if (1 == 1) { return OK¶", "", 'Expected "}", found the end of the criteria'),
    ("if (1 == 1) { return OK } ¶else { return OK }", "else", '(the language has no "else")'),
    ("if (1 == 1 ¶{ return OK }", "{", 'Expected "&&", "||" or ")", found "{"'),
    # Comparisons
    ("if (metric['a'] ¶= 1) { return OK }", "=", '(a comparison is written "==")'),
    ("if (metric['a'] ¶=1) { return OK }", "=", 'Expected an operator ("==", "!=", ">=", "<=", "<", ">", "regex"'),
    ("if (metric['a']¶) { return OK }", ")", 'or "nregex"), found ")"'),
    ("if (metric['a'] ¶matches 'x') { return OK }", "matches", "Expected an operator"),
    ("if (¶!metric['a']) { return OK }", "!", '(there is "!=" and "nregex", and no "not")'),
    ("if (1 == 1 ¶& 1 == 1) { return OK }", "&", 'Expected "&&", "||" or ")", found "&" (written "&&")'),
    ("if (1 == 1 ¶| 1 == 1) { return OK }", "|", 'found "|" (written "||")'),
    ("if (1 == 1 && ¶&& 1 == 1) { return OK }", "&&", 'Expected "(", a number'),
    ("if ((1 == 1) ¶== 1) { return OK }", "==", 'Expected "&&", "||" or ")", found "=="'),
    ("if (1 == ¶(1)) { return OK }", "(", 'Expected a number, a string, a metric or a function, found "("'),
    ("if (1 == 1 ¶== 1) { return OK }", "==", 'Expected "&&", "||" or ")"'),
    ("if (metric['a'] regex ¶metric['b']) { return OK }", "metric", "Expected a string with a regular expression"),
    ("if (metric['a'] regex ¶4) { return OK }", "4", 'Expected a string with a regular expression, found "4"'),
    (
        "if (metric['a'] ¶< 'x') { return OK }",
        "<",
        'Expected "==", "!=", "regex" or "nregex" beside a string, found "<"',
    ),
    ("if ('x' ¶>= metric['a']) { return OK }", ">=", "beside a string"),
    # Operands
    ("if (¶code == 1) { return OK }", "code", 'Expected "(", a number, a string, a metric or a function, found "code"'),
    ("if (metric¶('a') == 1) { return OK }", "(", 'Expected "[", found "("'),
    ("if (metric[¶a] == 1) { return OK }", "a", 'Expected a string with the name of a metric, found "a"'),
    ("if (metric[¶$name] == 1) { return OK }", "$", "Expected a string with the name of a metric"),
    ("if (metric['a' ¶== 1) { return OK }", "==", 'Expected "]", found "=="'),
    ("if (metric[¶\u2018a'] == 1) { return OK }", "\u2018", "Expected a string with the name of a metric"),
    ("if (previous(¶1) == 1) { return OK }", "1", 'Expected "metric[\'name\']", found "1"'),
    ("if (rate(¶rate(metric['a'])) == 1) { return OK }", "rate", "Expected \"metric['name']\""),
    ("if (rate(metric['a']¶, metric['b']) == 1) { return OK }", ",", 'Expected ")", found ","'),
    ("if (percentage(metric['a']¶) == 1) { return OK }", ")", 'Expected ",", found ")"'),
    ("if (¶percent(metric['a'], metric['b']) == 1) { return OK }", "percent", "a metric or a function"),
    # Numbers
    ("if (1 == 5¶m) { return OK }", "m", 'Expected the number to end after "5"'),
    ("if (1 == 5¶.) { return OK }", ".", 'Expected the number to end after "5"'),
    ("if (1 == 1.5¶.5) { return OK }", ".5", 'Expected the number to end after "1.5"'),
    ("if (1 == 1¶e) { return OK }", "e", 'Expected the number to end after "1"'),
    ("if (1 == 0¶x1F) { return OK }", "x1F", 'Expected the number to end after "0"'),
    ("if (1 == 1¶_000) { return OK }", "_000", 'Expected the number to end after "1"'),
    ("if (1 == ¶- 5) { return OK }", "-", 'found "-"'),
    ("if (1 == ¶\u0663) { return OK }", "\u0663", "Expected a number"),
    # Strings
    ("return new AlarmStatus(OK, ¶'no end", "'no end", "Expected ' to end the string"),
    ("return new AlarmStatus(OK, ¶\"no end');", "\"no end');", 'Expected " to end the string'),
    (r"return new AlarmStatus(OK, 'a¶\d')", r"\d", r"""Expected one of the escapes \" \' \\ \b \f \n \r \t \uXXXX"""),
    (r"return new AlarmStatus(OK, 'a¶\/')", r"\/", "Expected one of the escapes"),
    (r"return new AlarmStatus(OK, 'a¶\U00e9')", r"\U", "Expected one of the escapes"),
    (r"return new AlarmStatus(OK, 'a¶\u00g0')", r"\u", "Expected one of the escapes"),
    (r"return new AlarmStatus(OK, '¶\u0e9')", r"\u", "Expected one of the escapes"),
    ("return new AlarmStatus(OK, 'a¶\\", "\\", "Expected one of the escapes"),
    ("return new AlarmStatus(OK, 'a¶\\\n')", "\\\n", "Expected one of the escapes"),
    (r"return new AlarmStatus(OK, '¶\ud83d')", r"\ud83d", "found half of a surrogate pair"),
    (r"return new AlarmStatus(OK, '¶\ude00\ud83d')", r"\ude00", "found half of a surrogate pair"),
    (r"return new AlarmStatus(OK, '¶\ude00\ude00')", r"\ude00", "found half of a surrogate pair"),
    ("return new AlarmStatus(OK, '¶\ud83d')", "", "found half of a surrogate pair"),
    # Expressions
    (
        "if (metric['a'] regex ¶'(') { return OK }",
        "'('",
        "Expected a regular expression in RE2 syntax (missing ): (), found '('",
    ),
    ("if (metric['a'] regex ¶'(?=x)') { return OK }", "'(?=x)'", "invalid perl operator: (?="),
    (r"if (metric['a'] nregex ¶'(a)\\1') { return OK }", r"'(a)\\1'", r"invalid escape sequence: \1"),
    ("if (metric['a'] regex ¶'a{1001}') { return OK }", "'a{1001}'", "invalid repetition size: {1001}"),
    ("if (metric['a'] regex ¶'\\\\C{1000}\\\\pL{1000}') { return OK }", None, "Expected a regular expression in RE2"),
    # Anything else
    ("¶@", "@", 'Expected ":set", "if", "return" or the end of the criteria, found "@"'),
    ("return OK \n\n  ¶\0", "\0", 'found "\0"'),
    ("¶\ufeffreturn OK", "\ufeff", 'found "\ufeff"'),
]


@pytest.mark.parametrize(("marked", "token", "message"), refused)
def test_a_mistake_is_told_with_place_token_and_expectation(marked: str, token: str | None, message: str) -> None:
    text = marked.replace("¶", "")
    error = refusal(text)
    assert error.input == text
    assert error.position == marked.index("¶")
    assert message in error.message
    assert error.message.startswith("Expected ")
    assert str(error) == error.message
    assert token is None or error.token == token


@pytest.mark.parametrize(
    ("text", "position", "line", "column"),
    [
        ("?", 0, 1, 1),
        ("\n?", 1, 2, 1),
        ("return OK\r\n  ?", 13, 2, 3),
        ("return OK\r  ?", 12, 2, 3),
        ("# \u00e9\n# \U0001f600\nreturn new AlarmStatus(OK, '\U0001f600') ?", 40, 3, 33),
        ("return\n\n", 8, 3, 1),
        ("'a\nb", 0, 1, 1),
    ],
)
def test_positions_count_from_0_lines_and_columns_from_1(text: str, position: int, line: int, column: int) -> None:
    error = refusal(text)
    assert (error.position, error.line, error.column) == (position, line, column)


def test_a_long_token_is_cut() -> None:
    error = refusal("return " + "x" * 5000)
    assert error.token == "x" * 80
    assert error.message.endswith(f'found "{"x" * 40}..."')


def test_the_first_mistake_is_the_one_told() -> None:
    assert refusal("retrun OK 'no end").position == 0
