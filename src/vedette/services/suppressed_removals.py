"""What becomes of suppressions when objects that they list are removed.

The ids are dropped. When all listed objects, or all listed plans, are gone the suppression ends: it never comes to mean
everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.ports.documents import Documents
from vedette.ports.unit import Write
from vedette.services.known_suppressions import listed
from vedette.services.requests import Request

GUARD = "suppressions"
"""Another suppression was made meanwhile: look again."""

_OBJECTS = {"entities": Kind.ENTITY, "checks": Kind.CHECK, "alarms": Kind.ALARM}


class Removal(msgspec.Struct, frozen=True):
    """The suppressions that change, as they were, and the writes that go into the transaction of the removal."""

    before: tuple[Document, ...]
    writes: tuple[Write, ...]


async def without(documents: Documents, request: Request, gone: Sequence[Document]) -> Removal:
    """Drops what is gone from the tenant's suppressions."""
    kept = await listed(documents, request.tenant_id)
    after = [(one, changed) for one in kept if (changed := _without(one, gone, request.now_ms)) is not None]
    guard = documents.below(request.tenant_id, Kind.SUPPRESSION, len(kept) + 1, GUARD)
    writes = (guard, *(documents.update(changed, one.revision) for one, changed in after))
    return Removal(tuple(one for one, _ in after), writes)


def _without(document: Document, gone: Iterable[Document], now_ms: int) -> Document | None:
    """None when it lists nothing of it."""
    public: dict[str, Any] = msgspec.json.decode(document.public)
    names = {(one.kind, f"{one.entity_id}:{one.id}" if one.entity_id else one.id) for one in gone}
    after = {
        name: [item for item in public[name] if (kind, item) not in names]
        for name, kind in {**_OBJECTS, "notification_plans": Kind.PLAN}.items()
    }
    if all(after[name] == public[name] for name in after):
        return None
    if _has_lost(public, after, list(_OBJECTS)) or _has_lost(public, after, ["notification_plans"]):
        after |= _ended(public, now_ms)
    stamp = max(now_ms, document.updated_at)
    return msgspec.structs.replace(
        document,
        revision=document.revision + 1,
        updated_at=stamp,
        public=msgspec.json.encode(public | after | {"updated_at": stamp}),
    )


def _has_lost(before: dict[str, Any], after: dict[str, Any], names: Sequence[str]) -> bool:
    return any(before[name] for name in names) and not any(after[name] for name in names)


def _ended(public: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """Its times once it is over: as they are where it is over already."""
    if public["end_time"] <= now_ms and not public["recurrence"]:
        return {}
    return {"start_time": min(public["start_time"], now_ms), "end_time": now_ms, "recurrence": None}
