"""Views of notification plans: how many alarms use each, and the managed ones first."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.domain.documents import Kind
from vedette.ports.documents import Documents, Filter
from vedette.services.documents import DocumentService, Page
from vedette.services.requests import Request

MANAGED = "npManaged"
_ATOM_HOPPER = "atomHopper"
_MOST_HOPPERS = 1000


class PlanViews:
    """Reads only."""

    def __init__(self, plans: DocumentService, documents: Documents) -> None:
        self._plans = plans
        self._documents = documents

    async def alarm_counts(self, request: Request, marker: str | None, limit: int) -> Page:
        """`{notification_plan_id, alarm_count}` of every plan, the built-in ones too."""
        counts = await self._documents.count_refs(request.tenant_id, Kind.ALARM)
        page = await self._plans.page(request, Filter(), marker, limit)
        ids = [_id(item) for item in page.items]
        shown = [{"notification_plan_id": key, "alarm_count": counts.get(key, 0)} for key in ids]
        return Page(items=[msgspec.json.encode(one) for one in shown], next_marker=page.next_marker)

    async def managed_first(self, request: Request, marker: str | None, limit: int) -> Page:
        """Plans that tell an Atom Hopper first, and then `npManaged` is left out; with none of them, that one first.

        (Reference: list notification plans with managed plans returned first.)
        """
        first = sorted(await self._hopping(request))
        left_out = {*first, MANAGED}
        leading = first or [MANAGED]
        begin = leading.index(marker) if marker in leading else 0 if marker is None else len(leading)
        ids = leading[begin:]
        rows = [(key, (await self._plans.show(request, key)).body) for key in ids[: limit + 1]]
        if len(rows) <= limit:
            rest = None if marker in left_out else marker
            wanted = limit + 1 - len(rows)
            page = await self._plans.page(request, Filter(), rest, wanted + len(left_out))
            others = [(_id(item), item) for item in page.items]
            rows += [(key, item) for key, item in others if key not in left_out][:wanted]
        more = rows[limit][0] if len(rows) > limit else None
        return Page(items=[item for _, item in rows[:limit]], next_marker=more)

    async def _hopping(self, request: Request) -> set[str]:
        """The plans that tell any Atom Hopper."""
        notifications = await self._documents.list(request.tenant_id, Kind.NOTIFICATION, Filter(), None, _MOST_HOPPERS)
        hoppers = tuple(one.id for one in notifications if _type(one.public) == _ATOM_HOPPER)
        if not hoppers:
            return set()
        found = await self._documents.list(request.tenant_id, Kind.PLAN, Filter(refs=hoppers), None, _MOST_HOPPERS)
        return {one.id for one in found}


def _id(item: bytes) -> str:
    key: str = msgspec.json.decode(item)["id"]
    return key


def _type(public: bytes) -> Any:
    return msgspec.json.decode(public)["type"]
