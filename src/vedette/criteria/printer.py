"""The normal form of criteria: `parse(print_program(tree)) == tree`."""

from __future__ import annotations

import math
import re

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

_escaped = re.compile(r'["\\\x00-\x1f]')
_short_escapes = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def print_program(program: Program) -> str:
    """Criteria text with one setting or return a line, double quotes and no needless parentheses."""
    lines: list[str] = []
    if program.consistency is not None:
        lines.append(f":set consistencyLevel={program.consistency.value}")
    if program.consecutive_count is not None:
        lines.append(f":set consecutiveCount={program.consecutive_count}")
    lines.extend(print_statement(statement) for statement in program.statements)
    return "\n".join(lines)


def print_condition(condition: Condition) -> str:
    """A condition as it would stand between the parentheses of an `if`."""
    match condition:
        case Or(parts):
            return " || ".join(_grouped(part, Or) for part in parts)
        case And(parts):
            return " && ".join(_grouped(part, And, Or) for part in parts)
        case Comparison(left, operator, right):
            return f"{print_operand(left)} {operator.value} {print_operand(right)}"
        case Search(operand, word, pattern):
            return f"{print_operand(operand)} {word.value} {_string(pattern)}"


def print_statement(statement: Statement) -> str:
    """One statement, on three lines where it has a condition."""
    if isinstance(statement, If):
        return f"if ({print_condition(statement.condition)}) {{\n  {_return(statement.then)}\n}}"
    return _return(statement)


def _return(statement: Return) -> str:
    message = "" if statement.message is None else f", {_string(statement.message)}"
    return f"return new AlarmStatus({statement.state.value}{message});"


def _grouped(part: Condition, *kinds: type[And | Or]) -> str:
    text = print_condition(part)
    return f"({text})" if isinstance(part, kinds) else text


def print_operand(operand: Operand) -> str:
    """A literal, a metric or a function as it would be written."""
    match operand:
        case Number(value):
            return _number(value)
        case Text(value):
            return _string(value)
        case MetricRead(name):
            return f"metric[{_string(name)}]"
        case Previous(metric):
            return f"previous({print_operand(metric)})"
        case Rate(metric):
            return f"rate({print_operand(metric)})"
        case Percentage(part, whole):
            return f"percentage({print_operand(part)}, {print_operand(whole)})"


def _number(value: float) -> str:
    if math.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    return repr(value)


def _string(text: str) -> str:
    return f'"{_escaped.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _short_escapes.get(character, f"\\u{ord(character):04x}")
