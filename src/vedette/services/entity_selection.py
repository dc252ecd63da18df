"""Which entities a view is about: all of them, or those named by id, by uri or by agent (reference: get overview)."""

from __future__ import annotations

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.faults import invalid, not_found
from vedette.domain.resources import ENTITY
from vedette.ports.documents import Documents, Filter
from vedette.services.entities import uri_ref
from vedette.services.requests import Request

MOST_NAMED = 100


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """The names given; all empty: every entity."""

    entity_ids: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    agent_ids: tuple[str, ...] = ()

    @property
    def first(self) -> str | None:
        return next(iter((*self.entity_ids, *self.uris, *self.agent_ids)), None)


async def selected(
    documents: Documents, request: Request, named: Named, marker: str | None, limit: int
) -> list[Document]:
    """A page of them by id, and the one after it.

    Raises `notFoundError` for any id that there is none of, and when none of the uris or agents is known.
    """
    _expect_one_kind(named)
    if named.entity_ids:
        return [one for one in await _by_id(documents, request, named.entity_ids) if one.id >= (marker or "")][
            : limit + 1
        ]
    where = Filter(agent_ids=named.agent_ids, refs=tuple(uri_ref(uri) for uri in named.uris))
    page = await documents.list(request.tenant_id, Kind.ENTITY, where, marker, limit + 1)
    if (
        not page
        and named.first is not None
        and not await documents.list(request.tenant_id, Kind.ENTITY, where, None, 1)
    ):
        raise not_found(ENTITY.noun, named.first)
    return page


async def _by_id(documents: Documents, request: Request, entity_ids: tuple[str, ...]) -> list[Document]:
    found = await documents.list(request.tenant_id, Kind.ENTITY, Filter(ids=entity_ids), None, MOST_NAMED + 1)
    missing = [key for key in entity_ids if key not in {one.id for one in found}]
    if missing:
        raise not_found(ENTITY.noun, missing[0])
    return found


def _expect_one_kind(named: Named) -> None:
    given = {"entityId": named.entity_ids, "uri": named.uris, "agentId": named.agent_ids}
    names = [name for name, values in given.items() if values]
    if len(names) > 1:
        raise invalid(names[1], f"Expected only one of entityId, uri and agentId, got {' and '.join(names)}")
    for name, values in given.items():
        if len(values) > MOST_NAMED:
            raise invalid(name, f"Expected at most {MOST_NAMED} of them, got {len(values)}")
