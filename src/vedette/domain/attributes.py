"""Validation as data: one declaration an attribute.

A declaration drives validation, the OpenAPI document, the check-types and notification-types answers and the reference
pages; there is no second list. Numbers and booleans also arrive as text from one client (`"60"`, `"true"`): they are
taken where a number or boolean belongs, and kept as what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from vedette.domain.faults import invalid
from vedette.domain.value_types import (
    Address,
    Array,
    Boolean,
    Expression,
    Hash,
    Host,
    Integer,
    OneOf,
    OrEmpty,
    Reference,
    Scalar,
    Text,
    Type,
    Url,
    is_address,
    is_host_name,
)


class Details(msgspec.Struct, frozen=True):
    """A map of declared members, as a check's or notification's details are."""

    attributes: tuple[Attribute, ...]
    others: Type | None = None  # what undeclared members may be; None refuses them

    @property
    def expected(self) -> str:
        names = ", ".join(attribute.name for attribute in self.attributes) or "no members"
        return f"Expected an object with: {names}"

    def parse(self, value: Any, key: str) -> dict[str, Any]:
        if value == [] or value is None:
            value = {}
        if not isinstance(value, dict) or len(value) > 256:
            raise invalid(key, self.expected)
        declared = {attribute.name: attribute for attribute in self.attributes}
        parsed = {name: self._member(declared, name, item, key) for name, item in value.items() if item is not None}
        absent = {a.name: a.at_creation(key) for a in self.attributes if a.name not in parsed}
        return parsed | {name: default for name, default in absent.items() if default is not None}

    def _member(self, declared: Mapping[str, Attribute], name: str, item: Any, key: str) -> Any:
        attribute = declared.get(name)
        if attribute is not None:
            return attribute.type.parse(item, f"{key}.{name}")
        if self.others is None or not 1 <= len(name) <= 255:
            raise invalid(f"{key}.{name[:64]}", self.expected)
        return self.others.parse(item, f"{key}.{name[:64]}")

    def schema(self) -> dict[str, Any]:
        return object_schema(self.attributes) | {"additionalProperties": self.others.schema() if self.others else False}


class Attribute(msgspec.Struct, frozen=True):
    """One attribute of a resource, or one member of a check's or notification's details."""

    name: str
    type: Type
    description: str = ""
    optional: bool = True
    default: Any = None  # what an absent optional one is; None is shown as null
    assumed: Any = None  # what an absent one is taken for where it is used; it is not filled in
    immutable: bool = False
    secret: bool = False  # sealed at rest, hidden from observers, redacted in audits

    @property
    def can_be_unset(self) -> bool:
        """Whether null in an update means anything."""
        needs_a_value = isinstance(self.type, Details) and any(not one.optional for one in self.type.attributes)
        return self.optional and not self.immutable and not needs_a_value

    def at_creation(self, inside: str = "") -> Any:
        """The value of an absent attribute. Raises when it, or something in it, is required."""
        key = f"{inside}.{self.name}" if inside else self.name
        if not self.optional:
            raise invalid(key, f"Missing required key ({self.name})")
        if isinstance(self.type, Details):
            return self.type.parse({}, key)
        return self.default() if callable(self.default) else self.default


def object_schema(attributes: Sequence[Attribute]) -> dict[str, Any]:
    """JSON Schema of an object with these attributes."""
    properties = {
        attribute.name: attribute.type.schema()
        | ({"description": attribute.description} if attribute.description else {})
        for attribute in attributes
    }
    required = [attribute.name for attribute in attributes if not attribute.optional]
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


class Parsed(msgspec.Struct, frozen=True):
    """A body after validation: the values by name, and what was not taken."""

    values: dict[str, Any]
    ignored: tuple[str, ...]


def parse_new(attributes: Sequence[Attribute], body: Mapping[str, Any]) -> Parsed:
    """A body that creates: null is the same as absent, defaults are filled in.

    The first invalid key in document order is the one that is named.
    """
    parsed = _given(attributes, {key: value for key, value in body.items() if value is not None})
    missing = {a.name: a.at_creation() for a in attributes if a.name not in parsed.values}
    return Parsed(parsed.values | missing, parsed.ignored)


def parse_change(
    attributes: Sequence[Attribute],
    body: Mapping[str, Any],
    current: Mapping[str, Any],
    exclusive: Sequence[str] = (),
) -> Parsed:
    """A partial update: absent leaves alone, null unsets an optional one and leaves a required one alone.

    Setting one of the `exclusive` attributes unsets the others. Raises when an immutable attribute comes with another
    value.
    """
    declared = {attribute.name: attribute for attribute in attributes}
    unset = {
        key: declared[key].at_creation()
        for key, value in body.items()
        if value is None and key in declared and declared[key].can_be_unset
    }
    parsed = _given(attributes, {key: value for key, value in body.items() if value is not None})
    for key, value in parsed.values.items():
        if declared[key].immutable and value != current.get(key):
            raise invalid(key, "Expected the same value as before: it cannot be changed")
    if any(parsed.values.get(key) for key in exclusive):
        unset |= dict.fromkeys(exclusive)
    return Parsed(dict(current) | unset | parsed.values, parsed.ignored)


def _given(attributes: Sequence[Attribute], body: Mapping[str, Any]) -> Parsed:
    declared = {attribute.name: attribute for attribute in attributes}
    values = {key: declared[key].type.parse(value, key) for key, value in body.items() if key in declared}
    return Parsed(values, tuple(key for key in body if key not in declared))


def each_expression(
    attributes: Sequence[Attribute],
    values: Mapping[str, Any],
    check: Callable[[str], str | None],
    inside: str = "details",
) -> None:
    """Runs `check` (None or what is wrong) over every tenant-written expression; raises naming the key."""
    for attribute in attributes:
        value = values.get(attribute.name)
        key = f"{inside}.{attribute.name}"
        if isinstance(attribute.type, Expression) and value is not None:
            _check_expression(key, value, check)
        if isinstance(attribute.type, Hash) and isinstance(attribute.type.value, Expression):
            for name, text in (value or {}).items():
                _check_expression(f"{key}.{name}", text, check)


def _check_expression(key: str, text: str, check: Callable[[str], str | None]) -> None:
    wrong = check(text)
    if wrong is not None:
        raise invalid(key, f"Expected a regular expression (RE2 syntax): {wrong}")


__all__ = [
    "Address", "Array", "Attribute", "Boolean", "Details", "Expression", "Hash", "Host", "Integer",
    "OneOf", "OrEmpty", "Parsed", "Reference", "Scalar", "Text", "Type", "Url", "each_expression", "is_address",
    "is_host_name",
    "object_schema", "parse_change", "parse_new",
]  # fmt: skip
