"""One program, written in any of the ways that the language leaves open: blanks, comments, quotes, escapes, signs,
needless parentheses, short forms. It knows the grammar from the specification, not from the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from hypothesis import strategies as st

from vedette.criteria.tree import (
    And,
    Comparison,
    Condition,
    If,
    MetricRead,
    Number,
    Operand,
    Or,
    Percentage,
    Previous,
    Program,
    Rate,
    Return,
    Search,
    Statement,
    Text,
)

_blanks = ("", "", " ", "  ", "\n", "\r\n", "\r", "\t", "# a \"comment'\n", "/* another\n// one */", "#\r", "/**/ ")
_short = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\\": "\\", '"': '"', "'": "'"}


class Writer:
    """Writes programs as `choose` says."""

    def __init__(self, choose: Callable[[Sequence[str]], str]) -> None:
        self._choose = choose

    def write(self, program: Program) -> tuple[str, list[int]]:
        """The text, and the lines of its returns in order."""
        text, lines = self._blank(), []
        for token in self._program(program):
            glue = self._blank()
            if not glue and _would_join(text, token):
                glue = " "
            text += glue if text else ""
            if token == "return":
                lines.append(len(re.findall(r"\r\n|\n|\r", text)) + 1)
            text += token
        return text + self._blank(), lines

    def _blank(self) -> str:
        return self._choose(_blanks)

    def _chance(self) -> bool:
        return self._choose(("", "", "yes")) == "yes"

    def _program(self, program: Program) -> Iterator[str]:
        settings = []
        if program.consistency is not None:
            settings.append((":set", "consistencyLevel", "=", program.consistency.value))
        if program.consecutive_count is not None:
            settings.append((":set", "consecutiveCount", "=", str(program.consecutive_count)))
        for setting in settings[:: -1 if self._chance() else 1]:
            yield from setting
        for statement in program.statements:
            yield from self._statement(statement)

    def _statement(self, statement: Statement) -> Iterator[str]:
        if isinstance(statement, Return):
            yield from self._return(statement)
            return
        yield from ("if", "(")
        yield from self._condition(statement.condition)
        yield from (")", "{")
        yield from self._return(statement.then)
        yield "}"

    def _return(self, statement: Return) -> Iterator[str]:
        yield "return"
        if statement.message is None and self._chance():
            yield statement.state.value
        else:
            yield from ("new", "AlarmStatus", "(", statement.state.value)
            if statement.message is not None:
                yield from (",", self._string(statement.message))
            yield ")"
        if self._chance():
            yield ";"

    def _condition(self, condition: Condition) -> Iterator[str]:
        if self._chance() and self._chance():
            yield "("
            yield from self._condition(condition)
            yield ")"
        elif isinstance(condition, And | Or):
            word = "&&" if isinstance(condition, And) else "||"
            for number, part in enumerate(condition.parts):
                if number:
                    yield word
                yield from self._part(part, condition)
        else:
            yield from self._comparison(condition)

    def _comparison(self, comparison: Comparison | Search) -> Iterator[str]:
        if isinstance(comparison, Search):
            yield from self._operand(comparison.operand)
            yield from (comparison.word.value, self._string(comparison.pattern))
            return
        yield from self._operand(comparison.left)
        yield comparison.operator.value
        yield from self._operand(comparison.right)

    def _part(self, part: Condition, within: And | Or) -> Iterator[str]:
        """Without parentheses only where && binds tighter."""
        if isinstance(part, Or) or (isinstance(part, And) and (isinstance(within, And) or self._chance())):
            yield "("
            yield from self._condition(part)
            yield ")"
        else:
            yield from self._condition(part)

    def _operand(self, operand: Operand) -> Iterator[str]:
        match operand:
            case Number(value):
                yield self._number(value)
            case Text(value):
                yield self._string(value)
            case MetricRead(name):
                yield from (self._choose(("metric", "metrics")), "[", self._string(name), "]")
            case Previous(metric) | Rate(metric):
                yield from (type(operand).__name__.lower(), "(")
                yield from self._operand(metric)
                yield ")"
            case Percentage(part, whole):
                yield from ("percentage", "(")
                yield from self._operand(part)
                yield ","
                yield from self._operand(whole)
                yield ")"

    def _number(self, value: float) -> str:
        text = repr(value).replace("inf", "1e999")
        if not text.startswith("-"):
            text = self._choose(("", "+", "0", "+00")) + text
        return text.replace("e", self._choose(("e", "E")))

    def _string(self, text: str) -> str:
        quote = self._choose(('"', "'"))
        return quote + "".join(self._character(character, quote) for character in text) + quote

    def _character(self, character: str, quote: str) -> str:
        escaped = self._chance()
        if character in (quote, "\\") or (character in _short and escaped):
            return "\\" + _short[character]
        if not escaped:
            return character
        return "".join(f"\\u{unit:04x}" for unit in _units(character))


def _units(character: str) -> list[int]:
    encoded = character.encode("utf-16-be")
    return [int.from_bytes(encoded[start : start + 2]) for start in range(0, len(encoded), 2)]


def _would_join(text: str, token: str) -> bool:
    """Whether two tokens without a blank between them would be read as others."""
    return (
        bool(text)
        and re.match(r"[\w.:+-]", text[-1], re.ASCII) is not None
        and re.match(r"[\w.:+-]", token) is not None
    )


@st.composite
def written(draw: st.DrawFn, programs: st.SearchStrategy[Program]) -> tuple[Program, str, list[int]]:
    """A program, one way to write it, and the lines of its returns."""
    program = draw(programs)
    random = draw(st.randoms(use_true_random=False))
    text, lines = Writer(random.choice).write(program)
    return program, text, lines


def returns(program: Program) -> list[Return]:
    """In the order they are written."""
    return [statement.then if isinstance(statement, If) else statement for statement in program.statements]
