"""How a check type is declared: what the API takes and shows, and what the reference pages say, come from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.attributes import Attribute, Details
from vedette.domain.details import fields_of


class KnownMetric(msgspec.Struct, frozen=True):
    """A metric that checks of a type report."""

    name: str  # `<name>` in it stands for what the check's details say; the dimension is part of it
    type: str  # a wire type, see `domain.metrics.type_letters`
    unit: str  # empty for none
    description: str
    documented_as: str = ""  # its name in the public reference, where that is another one


class CheckType(msgspec.Struct, frozen=True, kw_only=True):
    """What can be collected, and the attributes that say how."""

    id: str
    summary: str
    attributes: tuple[Attribute, ...] = ()
    metrics: tuple[KnownMetric, ...] = ()
    supported_platforms: tuple[str, ...] = ()  # of an agent's type; advice, not enforced

    @property
    def category(self) -> str:
        """`remote` or `agent`."""
        return self.id.partition(".")[0]

    @property
    def is_remote(self) -> bool:
        return self.category == "remote"

    @property
    def details(self) -> Details:
        return Details(self.attributes)

    def completed(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """With what the absent ones are taken for; that is not stored, so that details come back as they were given."""
        return {a.name: a.assumed for a in self.attributes if a.assumed is not None} | dict(details)

    def shown(self) -> dict[str, Any]:
        """As the API answers it (reference: check types)."""
        platforms = {"supported_platforms": self.supported_platforms} if self.supported_platforms else {}
        return {
            "id": self.id,
            "category": self.category,
            "type": self.category,
            "fields": fields_of(self.attributes),
        } | platforms
