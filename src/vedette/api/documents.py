"""The five operations that every configuration resource has: create, list, get, update, delete."""

from __future__ import annotations

from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers, bodies
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.ports.documents import Filter
from vedette.services.documents import DocumentService


def routes(service: DocumentService) -> list[HTTPRouteHandler]:
    """Of a resource at the top: `/entities`, `/entities/{id}`."""
    plural = service.resource.plural
    collection, item = f"/v1.0/{plural}", f"/v1.0/{plural}/{{key:str}}"

    @post(collection, opt={"needs": Capability.CREATE, "app": plural}, operation_id=f"create_{plural}")
    async def create(request: Call) -> Response[bytes]:
        done = await service.create(request.asked, bodies.json_object(request.visit.body))
        return answers.created(request, f"/{plural}", done)

    @get(collection, opt={"needs": Capability.READ}, operation_id=f"list_{plural}")
    async def index(request: Call) -> Response[bytes]:
        return await _page(service, request, None)

    @get(item, opt={"needs": Capability.READ}, operation_id=f"get_{plural}")
    async def show(request: Call, key: str) -> Response[bytes]:
        return answers.one(await service.show(request.asked, key))

    @put(item, opt={"needs": Capability.CREATE, "app": plural}, operation_id=f"update_{plural}")
    async def update(request: Call, key: str) -> Response[bytes]:
        done = await service.update(request.asked, key, bodies.json_object(request.visit.body))
        return answers.changed(request, f"/{plural}", done)

    @delete(item, opt={"needs": Capability.DELETE, "app": plural}, operation_id=f"delete_{plural}")
    async def remove(request: Call, key: str) -> None:
        await service.remove(request.asked, key)

    return [create, index, show, update, remove]


def child_routes(service: DocumentService) -> list[HTTPRouteHandler]:
    """Of a resource under an entity: `/entities/{entityId}/checks`, `/entities/{entityId}/checks/{id}`."""
    plural = service.resource.plural
    collection = f"/v1.0/entities/{{entity_id:str}}/{plural}"
    item = f"{collection}/{{key:str}}"

    @post(collection, opt={"needs": Capability.CREATE, "app": plural}, operation_id=f"create_{plural}")
    async def create(request: Call, entity_id: str) -> Response[bytes]:
        done = await service.create(request.asked, bodies.json_object(request.visit.body), entity_id)
        return answers.created(request, f"/entities/{entity_id}/{plural}", done)

    @get(collection, opt={"needs": Capability.READ}, operation_id=f"list_{plural}")
    async def index(request: Call, entity_id: str) -> Response[bytes]:
        return await _page(service, request, entity_id)

    @get(item, opt={"needs": Capability.READ}, operation_id=f"get_{plural}")
    async def show(request: Call, entity_id: str, key: str) -> Response[bytes]:
        return answers.one(await service.show(request.asked, key, entity_id))

    @put(item, opt={"needs": Capability.CREATE, "app": plural}, operation_id=f"update_{plural}")
    async def update(request: Call, entity_id: str, key: str) -> Response[bytes]:
        done = await service.update(request.asked, key, bodies.json_object(request.visit.body), entity_id)
        return answers.changed(request, f"/entities/{entity_id}/{plural}", done)

    @delete(item, opt={"needs": Capability.DELETE, "app": plural}, operation_id=f"delete_{plural}")
    async def remove(request: Call, entity_id: str, key: str) -> None:
        await service.remove(request.asked, key, entity_id)

    return [create, index, show, update, remove]


async def _page(service: DocumentService, request: Call, entity_id: str | None) -> Response[bytes]:
    limit = answers.limit_of(request)
    where = Filter(
        entity_id=entity_id,
        ids=answers.texts_of(request, "id", "ids"),
        label=answers.text_of(request, "label", "a label"),
    )
    found = await service.page(request.asked, where, answers.marker_of(request), limit)
    return answers.page(request, found.items, limit, found.next_marker)
