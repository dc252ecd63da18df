"""Types of values, as attribute declarations name them: what is taken, kept, said in faults and shown in schemas.

Numbers and booleans also arrive as text from one client (`"60"`, `"true"`): they are taken where a number or boolean
belongs, and kept as what they are.
"""

from __future__ import annotations

import math
import re
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


_URL = re.compile(
    r"https?://(?:[^\s/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{1,5}))?(?:[/?#]\S*)?", re.IGNORECASE
)


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
