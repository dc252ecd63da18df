"""Validation as data: one declaration an attribute.

A declaration drives validation, the OpenAPI document, the check-types and notification-types answers and the reference
pages; there is no second list. Numbers and booleans also arrive as text from one client (`"60"`, `"true"`): they are
taken where a number or boolean belongs, and kept as what they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Protocol

import msgspec

from vedette.domain.faults import Fault, invalid


class Type(Protocol):
    """What values an attribute takes."""

    @property
    def expected(self) -> str:
        """What was expected, for faults and reference pages."""
        ...

    def parse(self, value: Any, key: str) -> Any:
        """The value as kept. Raises the `badRequest` fault that names `key`."""
        ...

    def schema(self) -> dict[str, Any]:
        """As JSON Schema (OpenAPI 3.1)."""
        ...


class Text(msgspec.Struct, frozen=True):
    """Text of a length, perhaps matching a pattern of our own."""

    low: int = 0
    high: int = 16384
    pattern: str | None = None
    meaning: str | None = None  # in place of the pattern, for people

    @property
    def expected(self) -> str:
        if self.meaning:
            return f"Expected {self.meaning}"
        matching = f" matching {self.pattern}" if self.pattern else ""
        return f"Expected a string between {self.low} and {self.high} characters long{matching}"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not self.low <= len(value) <= self.high or "\0" in value:
            raise invalid(key, self.expected)
        if self.pattern is not None and re.fullmatch(self.pattern, value) is None:
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "minLength": self.low, "maxLength": self.high}
        return schema if self.pattern is None else schema | {"pattern": f"^(?:{self.pattern})$"}


class OneOf(msgspec.Struct, frozen=True):
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        return "Expected one of: " + ", ".join(self.words)

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


class Reference(msgspec.Struct, frozen=True):
    """The id of another object, known by its two-letter prefix. Whether there is one is for services to say."""

    prefixes: tuple[str, ...]
    noun: str  # for people: `a notification plan`

    @property
    def expected(self) -> str:
        return f"Expected the id of {self.noun} ({' or '.join(f'{prefix}...' for prefix in self.prefixes)})"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= 64 or "\0" in value:
            raise invalid(key, self.expected)
        if not value.startswith(self.prefixes):
            raise Fault("invalidKeyPrefix", f"Validation error for key '{key}'", self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        pattern = f"^(?:{'|'.join(self.prefixes)})"
        return {"type": "string", "minLength": 1, "maxLength": 64, "pattern": pattern}


class OrEmpty(msgspec.Struct, frozen=True):
    """Another type, or empty text, which is the same as null."""

    inner: Type

    @property
    def expected(self) -> str:
        return self.inner.expected

    def parse(self, value: Any, key: str) -> Any:
        return None if value == "" else self.inner.parse(value, key)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.inner.schema(), {"const": ""}]}


class Integer(msgspec.Struct, frozen=True):
    """A whole number in a range."""

    low: int = -(2**53) + 1
    high: int = 2**53 - 1

    @property
    def expected(self) -> str:
        return f"Expected an integer between {self.low} and {self.high}"

    def parse(self, value: Any, key: str) -> int:
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,16}", value, re.ASCII):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Boolean(msgspec.Struct, frozen=True):
    """True or false."""

    @property
    def expected(self) -> str:
        return "Expected a boolean"

    def parse(self, value: Any, key: str) -> bool:
        if isinstance(value, str):
            value = {"true": True, "false": False}.get(value.lower(), value)
        if not isinstance(value, bool):
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Address(msgspec.Struct, frozen=True):
    """An IPv4 or IPv6 address."""

    @property
    def expected(self) -> str:
        return "Expected an IPv4 or IPv6 address"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not is_address(value):
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 2, "maxLength": 64}


_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)


def is_address(text: str) -> bool:
    """Whether the text is one IPv4 or IPv6 address."""
    if "%" in text:  # a scope id means something on one machine only
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_host_name(text: str) -> bool:
    """A host name in ASCII (internationalised names in their `xn--` form)."""
    labels = text.removesuffix(".").split(".")
    if not 1 <= len(text) <= 253 or labels[-1].isdigit():
        return False
    return all(_LABEL.fullmatch(label) for label in labels)


class Host(msgspec.Struct, frozen=True):
    """A host name or an address."""

    @property
    def expected(self) -> str:
        return "Expected a valid FQDN, IPv4, or IPv6 address"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not (is_address(value) or is_host_name(value)):
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": 253}


_URL = re.compile(r"https?://(?:[^\s/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{1,5}))?(?:[/?#]\S*)?", re.IGNORECASE)


class Url(msgspec.Struct, frozen=True):
    """An absolute http or https url."""

    high: int = 4096

    @property
    def expected(self) -> str:
        return f"Expected an http or https URL of at most {self.high} characters"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= self.high or not value.isprintable():
            raise invalid(key, self.expected)
        match = _URL.fullmatch(value)
        if match is None or not _is_authority(match.group(1), match.group(2)):
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uri", "minLength": 1, "maxLength": self.high}


def _is_authority(host: str, port: str | None) -> bool:
    if port is not None and not 1 <= int(port) <= 65535:
        return False
    if host.startswith("["):
        return is_address(host[1:-1])
    return is_address(host) or is_host_name(host)


class Expression(msgspec.Struct, frozen=True):
    """A regular expression of a tenant's (RE2 syntax, which is checked where RE2 is)."""

    low: int = 1
    high: int = 255

    @property
    def expected(self) -> str:
        return f"Expected a regular expression (RE2 syntax) between {self.low} and {self.high} characters long"

    def parse(self, value: Any, key: str) -> str:
        return Text(self.low, self.high, meaning=self.expected.removeprefix("Expected ")).parse(value, key)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": self.low, "maxLength": self.high}


class Scalar(msgspec.Struct, frozen=True):
    """Any text, number or boolean, or a list of them: details that are passed through to an agent."""

    high: int = 4096

    @property
    def expected(self) -> str:
        return f"Expected a string of at most {self.high} characters, a number, a boolean, or a list of them"

    def parse(self, value: Any, key: str) -> Any:
        if isinstance(value, list) and len(value) <= 256 and all(self._fits(item) for item in value):
            return value
        if not self._fits(value):
            raise invalid(key, self.expected)
        return value

    def _fits(self, value: Any) -> bool:
        if isinstance(value, str):
            return len(value) <= self.high and "\0" not in value
        if isinstance(value, float):
            return math.isfinite(value)
        return isinstance(value, int) and -(2**63) <= value < 2**64  # a bool is an int

    def schema(self) -> dict[str, Any]:
        plain = {"type": ["string", "number", "boolean"]}
        return {"anyOf": [plain, {"type": "array", "items": plain}]}


class Hash(msgspec.Struct, frozen=True):
    """A map with text keys; null values are dropped, an empty list counts as an empty map."""

    key: Text
    value: Type
    most: int

    @property
    def expected(self) -> str:
        return f"Expected an object with between 0 and {self.most} items"

    def parse(self, value: Any, key: str) -> dict[str, Any]:
        if value == []:
            return {}
        if not isinstance(value, dict) or len(value) > self.most:
            raise invalid(key, self.expected)
        return {
            self.key.parse(name, key): self.value.parse(item, f"{key}.{name[:64]}")
            for name, item in value.items()
            if item is not None
        }

    def schema(self) -> dict[str, Any]:
        value = self.value.schema()
        return {
            "type": "object",
            "maxProperties": self.most,
            "propertyNames": self.key.schema(),
            "additionalProperties": value,
        }


class Array(msgspec.Struct, frozen=True):
    """A list without duplicates."""

    item: Type
    most: int

    @property
    def expected(self) -> str:
        return f"Expected an array of at most {self.most} different items"

    def parse(self, value: Any, key: str) -> list[Any]:
        if not isinstance(value, list) or len(value) > self.most:
            raise invalid(key, self.expected)
        items = [self.item.parse(item, f"{key}.{place}") for place, item in enumerate(value)]
        if len(set(items)) < len(items):
            raise invalid(key, self.expected)
        return items

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "maxItems": self.most, "uniqueItems": True}


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
    "OneOf", "OrEmpty", "Parsed", "Reference", "Scalar", "Text", "Type", "Url", "each_expression", "is_address", "is_host_name",
    "object_schema", "parse_change", "parse_new",
]  # fmt: skip
