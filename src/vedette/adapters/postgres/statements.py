"""From `:name` to `$1`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from vedette.adapters.sql.database import Params, Value

_NAME = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")

Converted = tuple[str, Callable[[Params], Sequence[Value]]]


@lru_cache(maxsize=2048)
def converted(sql: str) -> Converted:
    """The statement in PostgreSQL's way, and what puts named parameters in its order."""
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        return f"${numbers.setdefault(match[1], len(numbers) + 1)}"

    text = _NAME.sub(numbered, sql)
    names = tuple(numbers)
    return text, lambda params: _in_order(params, names)


def _in_order(params: Mapping[str, Value], names: Sequence[str]) -> Sequence[Value]:
    return [_storable(params[name]) for name in names]


def _storable(value: Value) -> Value:
    """PostgreSQL's text holds no NUL; a status taken from a target's answer may. It is shown as its symbol."""
    if isinstance(value, str) and "\0" in value:
        return value.replace("\0", "\N{SYMBOL FOR NULL}")
    return value
