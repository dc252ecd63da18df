"""Attribute types of suppressions: how a check or an alarm is named together with its entity."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from vedette.domain.faults import Fault, invalid


class Scoped(msgspec.Struct, frozen=True):
    """The id of a child with its entity's: `enX:chY`. Whether there is one is for services to say."""

    prefix: str  # of the child: `ch`
    noun: str  # for people: `a check`

    @property
    def expected(self) -> str:
        return f"Expected the ids of an entity and {self.noun} (en...:{self.prefix}...)"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or len(value) > 129 or re.fullmatch("[^:\0]+:[^:\0]+", value) is None:
            raise invalid(key, self.expected)
        entity_id, _, child_id = value.partition(":")
        if not entity_id.startswith("en") or not child_id.startswith(self.prefix):
            raise Fault("invalidKeyPrefix", f"Validation error for key '{key}'", self.expected)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^en[^:\\u0000]*:{self.prefix}[^:\\u0000]*$", "maxLength": 129}
