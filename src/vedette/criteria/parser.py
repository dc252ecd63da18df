"""The recursive-descent parser: one method a rule of the grammar; its depth is bounded."""

from __future__ import annotations

from collections.abc import Iterable

from vedette.criteria.errors import CriteriaError, LineMap, longest_criteria
from vedette.criteria.patterns import PatternError, compile_pattern
from vedette.criteria.token_reader import TokenReader
from vedette.criteria.tokens import Token, TokenKind
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
    Statement,
    Text,
)
from vedette.domain.states import Consistency, State

most_comparisons = 10
longest_metric_name = 128
longest_compared_text = 80
deepest_nesting = 32

_operators = {operator.value: operator for operator in Operator}
_search_words = {word.value: word for word in SearchWord}
_states = {state.value: state for state in (State.OK, State.WARNING, State.CRITICAL)}
_settings = {
    "consistencyLevel": tuple(level.value for level in Consistency),
    "consecutiveCount": ("1", "2", "3", "4", "5"),
}
_metric_words = frozenset({"metric", "metrics"})
_function_words = frozenset({"previous", "rate", "percentage"})


def parse(text: str) -> Program:
    """The syntax tree of criteria. Raises CriteriaError, at the first mistake. Linear in the text."""
    if len(text) > longest_criteria:
        message = f"Expected at most {longest_criteria:,} characters, found {len(text):,}"
        raise CriteriaError(text, longest_criteria, text[longest_criteria : longest_criteria + 1], message)
    return _Parser(text).program()


def _either(words: Iterable[str]) -> str:
    *most, last = [f'"{word}"' for word in words]
    return f"{', '.join(most)} or {last}" if most else last


class _Parser(TokenReader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._lines = LineMap(text)
        self._comparisons = 0
        self._depth = 0

    def program(self) -> Program:
        settings: dict[str, str] = {}
        while self._next.kind is TokenKind.SETTING:
            self._setting(settings)
        statements: list[Statement] = []
        while self._next.kind is not TokenKind.END:
            statements.append(self._statement('":set", ' if not statements else ""))
        level, count = settings.get("consistencyLevel"), settings.get("consecutiveCount")
        return Program(Consistency(level) if level else None, int(count) if count else None, tuple(statements))

    def _setting(self, settings: dict[str, str]) -> None:
        self._take(":set")
        name = self._next.text
        if name in settings:
            self._refuse(f'each setting once ("{name}" is set already)')
        if name not in _settings:
            self._refuse(_either(_settings))
        self._advance()
        self._take("=")
        if self._next.text not in _settings[name]:
            self._refuse(f"{_either(_settings[name])} for {name}")
        settings[name] = self._advance().text

    def _statement(self, others: str) -> Statement:
        if self._next.text == "if":
            return self._if()
        if self._next.text == "return":
            return self._return()
        self._refuse(f'{others}"if", "return" or the end of the criteria')

    def _if(self) -> If:
        self._take("if")
        self._take("(")
        condition = self._condition()
        self._take(")", '"&&", "||" or ")"')
        self._take("{")
        then = self._return()
        self._take("}")
        return If(condition, then)

    def _return(self) -> Return:
        word = self._take("return")
        line, _ = self._lines.locate(word.position)
        message = None
        if self._next.text == "new":
            self._advance()
            self._take("AlarmStatus")
            self._take("(")
            state = self._state()
            message = self._message()
            self._take(")", '")"' if message is not None else '"," or ")"')
        else:
            state = self._state('"new", ')
        if self._next.text == ";":
            self._advance()
        return Return(state, message, line)

    def _state(self, others: str = "") -> State:
        if self._next.text not in _states:
            self._refuse(others + _either(_states))
        return _states[self._advance().text]

    def _message(self) -> str | None:
        if self._next.text != ",":
            return None
        self._advance()
        return self._string("a string with the status message")

    def _condition(self) -> Condition:
        parts = [self._conjunction()]
        while self._next.text == "||":
            self._advance()
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _conjunction(self) -> Condition:
        parts = [self._term()]
        while self._next.text == "&&":
            self._advance()
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _term(self) -> Condition:
        if self._next.text != "(":
            return self._comparison()
        if self._depth == deepest_nesting:
            self._refuse(f"at most {deepest_nesting} nested parentheses")
        self._advance()
        self._depth += 1
        condition = self._condition()
        self._depth -= 1
        self._take(")", '"&&", "||" or ")"')
        return condition

    def _comparison(self) -> Comparison | Search:
        if self._comparisons == most_comparisons:
            self._refuse(f"at most {most_comparisons} comparisons")
        self._comparisons += 1
        left_token = self._next
        left = self._operand('"(", ')
        operator_token = self._next
        if operator_token.text in _search_words:
            self._advance()
            return Search(left, _search_words[operator_token.text], self._pattern())
        operator = self._operator()
        right_token = self._next
        right = self._operand()
        if operator.orders and (isinstance(left, Text) or isinstance(right, Text)):
            self._refuse('"==", "!=", "regex" or "nregex" beside a string', operator_token)
        self._bound_text(left, left_token, right)
        self._bound_text(right, right_token, left)
        return Comparison(left, operator, right)

    def _operator(self) -> Operator:
        if self._next.text not in _operators:
            self._refuse(f"an operator ({_either([*_operators, *_search_words])})")
        return _operators[self._advance().text]

    def _operand(self, others: str = "") -> Operand:
        kind, value, word = self._next.kind, self._next.value, self._next.text
        if isinstance(value, str):
            self._advance()
            return Text(value)
        if value is not None:
            self._advance()
            return Number(value)
        if kind is TokenKind.WORD and word in _function_words:
            return self._function()
        return self._metric(f"{others}a number, a string, a metric or a function")

    def _function(self) -> Operand:
        name = self._advance().text
        self._take("(")
        metric = self._metric()
        if name == "percentage":
            self._take(",")
            operand: Operand = Percentage(metric, self._metric())
        else:
            operand = Previous(metric) if name == "previous" else Rate(metric)
        self._take(")")
        return operand

    def _metric(self, expected: str = "\"metric['name']\"") -> MetricRead:
        if self._next.text not in _metric_words:
            self._refuse(expected)
        self._advance()
        self._take("[")
        token = self._next
        name = self._string("a string with the name of a metric")
        if len(name) > longest_metric_name:
            self._refuse(f"a metric name of at most {longest_metric_name} characters", token)
        self._take("]")
        return MetricRead(name)

    def _pattern(self) -> str:
        token = self._next
        expression = self._string("a string with a regular expression")
        try:
            compile_pattern(expression)
        except PatternError as refused:
            self._refuse(f"a regular expression in RE2 syntax ({refused})", token)
        return expression

    def _bound_text(self, operand: Operand, token: Token, other: Operand) -> None:
        if not isinstance(operand, Text) or isinstance(other, Text | Number):
            return
        if len(operand.value) > longest_compared_text:
            self._refuse(f"a string of at most {longest_compared_text} characters", token)
