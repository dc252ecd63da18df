"""Shapes of answers, in few words: which members there are, and of which types.

A type stands for its values (`int` not for booleans), None for null, a tuple for any of several, a list of one shape
for an array of such items (at least one), an object for members that must be there: others may be beside them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

MOMENT = int
"""Milliseconds since the epoch."""
OR_NULL = (str, None)


class ZeroOrMore(NamedTuple):
    """An array that may be empty."""

    item: Any


class Each(NamedTuple):
    """An object with any names."""

    value: Any


def page(item: Any) -> dict[str, Any]:
    """A list with its metadata."""
    metadata = {"count": int, "limit": (int, None), "marker": OR_NULL, "next_marker": OR_NULL, "next_href": OR_NULL}
    return {"values": [item], "metadata": metadata}


def misfit(value: Any, shape: Any, where: str = "answer") -> str | None:
    """What does not fit, None when all does."""
    match shape:
        case None:
            return None if value is None else f"{where} is {value!r}, not null"
        case tuple() if isinstance(shape, ZeroOrMore):
            return _array(value, shape.item, where)
        case tuple() if isinstance(shape, Each):
            return _object(value, dict.fromkeys(value if isinstance(value, dict) else (), shape.value), where)
        case tuple():
            found = [misfit(value, one, where) for one in shape]
            return None if None in found else "; ".join(filter(None, found))
        case dict():
            return _object(value, shape, where)
        case list():
            return f"{where} is empty" if value == [] else _array(value, shape[0], where)
        case _:
            is_right = isinstance(value, shape) and not (shape in {int, float} and isinstance(value, bool))
            return None if is_right else f"{where} is {value!r}, not {shape.__name__}"


def _array(value: Any, item: Any, where: str) -> str | None:
    if not isinstance(value, list):
        return f"{where} is {value!r}, not a list"
    return next(filter(None, (misfit(one, item, f"{where}[{place}]") for place, one in enumerate(value))), None)


def _object(value: Any, members: dict[str, Any], where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} is {value!r}, not an object"
    missing = [name for name in members if name not in value]
    if missing:
        return f"{where} has no {', '.join(missing)}"
    return next(filter(None, (misfit(value[name], shape, f"{where}.{name}") for name, shape in members.items())), None)
