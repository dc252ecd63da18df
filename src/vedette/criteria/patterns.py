"""Tenants' regular expressions: RE2 and nothing else, so that no expression can stall the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import re2

_special = frozenset("\\.+*?()|[]{}^$")
_anything = ".*"


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False  # RE2 would print tenants' expressions
    options.never_capture = True  # only whether it matches is asked
    # Bounds programs to some 20,000 instructions: the worst expression takes 0.1 s for 1,000 characters, any
    # expression that people write some microseconds. It also bounds what the many kept compiled may hold.
    options.max_mem = 1 << 18
    return options


class PatternError(Exception):
    """RE2 refuses the expression; the text says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """An unanchored search: `search(text in UTF-8) is not None`.

    Where `plain` is not None, the expression is no more than that piece of text, and
    `plain in text` is the same and much faster.
    """

    search: Callable[[bytes], object]
    plain: str | None


def compile_pattern(expression: str) -> Pattern:
    """Compile an expression in RE2 syntax. Raises PatternError."""
    try:
        compiled = re2.compile(expression, _options())
    except re2.error as refused:
        raise PatternError(_reason(refused)) from None
    return Pattern(compiled.search, _plain_piece(expression))


def groups_of(expression: str) -> int:
    """How many groups an expression in RE2 syntax captures. Raises PatternError."""
    options = _options()
    options.never_capture = False
    try:
        return int(re2.compile(expression, options).groups)
    except re2.error as refused:
        raise PatternError(_reason(refused)) from None


def _reason(refused: Exception) -> str:
    reason = refused.args[0]
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _plain_piece(expression: str) -> str | None:
    # An unanchored search for `.*x.*` finds what one for `x` finds.
    piece = expression.removeprefix(_anything).removesuffix(_anything)
    return None if _special.intersection(piece) else piece
