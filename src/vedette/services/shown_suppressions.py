"""The members `active_suppressions` and `scheduled_suppressions` of entities, checks and alarms.

They are computed: an object shows the suppressions that name it or what it belongs to, an alarm also those of its plan.
Each is a list of ids, null when there is none.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.engine.suppression import Subject, Suppression, covers, is_active, is_scheduled

_NONE = b',"active_suppressions":null,"scheduled_suppressions":null}'


class Standing(msgspec.Struct, frozen=True):
    """A tenant's suppressions at a moment, past ones left out."""

    active: tuple[Suppression, ...] = ()
    scheduled: tuple[Suppression, ...] = ()


def standing(suppressions: Iterable[Suppression], at_ms: int) -> Standing:
    """Which of a tenant's suppressions are active at a moment, and which will be."""
    active = tuple(one for one in suppressions if is_active(one, at_ms))
    return Standing(active, tuple(one for one in suppressions if is_scheduled(one, at_ms)))


def members(standing: Standing, document: Document) -> dict[str, list[str] | None]:
    """Both members of an entity, check or alarm."""
    return {
        "active_suppressions": _ids(standing.active, document),
        "scheduled_suppressions": _ids(standing.scheduled, document),
    }


def tail(standing: Standing, document: Document) -> bytes:
    """What follows the stored JSON object in place of its closing brace."""
    if not standing.active and not standing.scheduled:
        return _NONE
    return b"," + msgspec.json.encode(members(standing, document))[1:]


def _ids(suppressions: Iterable[Suppression], document: Document) -> list[str] | None:
    return [one.id for one in suppressions if _names(one, document)] or None


def _names(suppression: Suppression, document: Document) -> bool:
    if document.kind is Kind.ALARM:
        subject = Subject(document.entity_id or "", document.check_id or "", document.id)
        return covers(suppression, subject, next(iter(document.refs), ""))
    if document.kind is Kind.CHECK:
        scoped = f"{document.entity_id}:{document.id}"
        return document.entity_id in suppression.entities or scoped in suppression.checks
    return document.id in suppression.entities
