"""From a syntax tree to a Python function.

The source is made of fixed pieces only. Whatever a tenant wrote (names, literals, messages, expressions)
is a constant that the function is given by reference (`c0`, `c1`, ...), never a part of the source;
so criteria of the same shape share one source, which is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from vedette.criteria import reading
from vedette.criteria.expressions import ExpressionWriter
from vedette.criteria.message import MessageTemplate
from vedette.criteria.numerals import shortest
from vedette.criteria.outcome import Observed, Outcome, Verdict, default_status
from vedette.criteria.tree import Program, Return, Statement
from vedette.domain.states import State

Run = Callable[[Observed], Outcome]
"""Raises KeyError (a missing metric), `reading.NotANumber`, `reading.NoResult`."""


def generate(program: Program, *, no_result_is_false: bool = False) -> Run:
    """The function that runs the statements of a program.

    With `no_result_is_false` a comparison that cannot be computed yet is false and NoResult not raised.
    """
    source, constants = write(program, no_result_is_false=no_result_is_false)
    run: Run = _factory(source)(*constants)
    return run


def write(program: Program, *, no_result_is_false: bool = False) -> tuple[str, list[object]]:
    """The source of a function that makes the runner, and the constants to call it with."""
    expressions = ExpressionWriter(no_result_is_false=no_result_is_false)
    body = _StatementWriter(expressions).body(program)
    parameters = ", ".join(f"c{index}" for index in range(len(expressions.constants)))
    lines = [f"def make({parameters}):", " def run(observed):", "  metrics = observed.metrics", *body, " return run"]
    return "\n".join(lines), expressions.constants


@lru_cache(maxsize=1024)
def _factory(source: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {
        "__builtins__": {},
        "compare": reading.compare,
        "earlier": reading.earlier,
        "nan": reading.nan,
        "number": reading.number,
        "percentage": reading.percentage,
        "rate": reading.rate,
        "shortest": shortest,
        "text": reading.text,
        "attempt": _attempt,
        "str": str,
        "Verdict": Verdict,
    }
    exec(compile(source, "<criteria>", "exec"), namespace)  # noqa: S102 -- fixed pieces only, see above
    make: Callable[..., Any] = namespace["make"]
    return make


def _attempt(comparison: Callable[[], bool]) -> bool:
    try:
        return comparison()
    except reading.NoResult:
        return False


class _StatementWriter:
    def __init__(self, expressions: ExpressionWriter) -> None:
        self._condition = expressions.condition
        self._constant = expressions.constant

    def body(self, program: Program) -> list[str]:
        lines: list[str] = []
        for statement in program.statements:
            lines.extend(self._statement(statement))
            if isinstance(statement, Return):
                return lines
        return [*lines, f"  return {self._constant(Verdict(State.OK, default_status))}"]

    def _statement(self, statement: Statement) -> list[str]:
        if isinstance(statement, Return):
            return [f"  {self._return(statement, default_status)}"]
        status = f"Matched return statement on line {statement.then.line}"
        return [f"  if {self._condition(statement.condition)}:", f"   {self._return(statement.then, status)}"]

    def _return(self, statement: Return, status: str) -> str:
        template = MessageTemplate(status if statement.message is None else statement.message)
        if template.is_constant:
            verdict = Verdict(statement.state, template.render({}), statement.line)
            return f"return {self._constant(verdict)}"
        state, line = self._constant(statement.state), self._constant(statement.line)
        return f"return Verdict({state}, {self._constant(template.render)}(metrics), {line})"
