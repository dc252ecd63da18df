"""Details of checks and notifications: the types of values that only they have, and how their types list them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.attributes import Attribute, Integer, Text, is_host_name
from vedette.domain.faults import invalid

PORT = Integer(1, 65535)
"""Also zero-padded text (`"0080"`): integers take it."""

LIMIT_MS = Integer(1, 2**31 - 1)
"""A time limit in milliseconds."""

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = Text(3, 254, rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@(?:{_LABEL}\.)*{_LABEL}", "an email address")
"""Without quotes, comments or a display name."""

UUID4 = Text(
    36,
    36,
    "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}",
    "a UUID of version 4",
)


class HostName(msgspec.Struct, frozen=True):
    """A host name, not an address."""

    @property
    def expected(self) -> str:
        return "Expected a valid host name"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or not is_host_name(value):
            raise invalid(key, self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": 253}


class Arguments(msgspec.Struct, frozen=True):
    """A list of texts whose order and repetitions count."""

    item: Text
    most: int

    @property
    def expected(self) -> str:
        return (
            f"Expected an array of at most {self.most} strings, each of {self.item.low} to {self.item.high} characters"
        )

    def parse(self, value: Any, key: str) -> list[str]:
        if not isinstance(value, list) or len(value) > self.most:
            raise invalid(key, self.expected)
        return [self.item.parse(item, f"{key}.{place}") for place, item in enumerate(value)]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "maxItems": self.most}


def fields_of(attributes: Sequence[Attribute]) -> list[dict[str, Any]]:
    """As the answers about check types and notification types list them."""
    return [{"name": a.name, "description": a.description, "optional": a.optional} for a in attributes]
