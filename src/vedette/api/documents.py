"""The five operations that every configuration resource has: create, list, get, update, delete."""

from __future__ import annotations

from litestar import delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, conditions, repeatable, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.ports.documents import Filter
from vedette.services.documents import DocumentService
from vedette.services.once import Once

QUERY = ("limit", "marker", "id", "label")
"""Of a list, beside `metadata.KEY=VALUE`."""
_METADATA = "metadata."


def routes(service: DocumentService, once: Once) -> list[HTTPRouteHandler]:
    """Of a resource at the top: `/entities`, `/entities/{id}`."""
    plural, shown = service.resource.plural, schemas.shown(service.resource)
    writes = {"needs": Capability.CREATE, "app": plural}
    collection, item = f"/v1.0/{plural}", f"/v1.0/{plural}/{{key:str}}"

    creates = writes | repeatable.OPTIONS | {"takes": schemas.creation_of(service.resource)}
    changes = writes | conditions.OPTIONS | {"takes": schemas.change_of(service.resource.attributes)}
    deletes = conditions.OPTIONS | {"needs": Capability.DELETE, "app": plural}
    shows = {"needs": Capability.READ, "gives": shown, "tagged": True}

    @post(collection, opt=creates, operation_id=f"create_{plural}")
    async def create(request: Call) -> Answer:
        body = bodies.json_object(request.visit.body)
        done = await repeatable.create(request, once, body, lambda asked: service.create(asked, body))
        return answers.created(request, f"/{plural}", done)

    @get(collection, opt={"needs": Capability.READ, "lists": shown, "query": QUERY}, operation_id=f"list_{plural}")
    async def index(request: Call) -> Answer:
        return await page(service, request, None)

    @get(item, opt=shows, operation_id=f"get_{plural}")
    async def show(request: Call, key: FromPath[str]) -> Answer:
        return conditions.tagged(await service.show(request.asked, key))

    @put(item, opt=changes, operation_id=f"update_{plural}")
    async def update(request: Call, key: FromPath[str]) -> Answer:
        body = bodies.json_object(request.visit.body)
        done = await service.update(request.asked, key, body, wanted=conditions.wanted(request))
        return answers.changed(request, f"/{plural}", done)

    @delete(item, opt=deletes, operation_id=f"delete_{plural}")
    async def remove(request: Call, key: FromPath[str]) -> None:
        await service.remove(request.asked, key, wanted=conditions.wanted(request))

    return [create, index, show, update, remove]


def child_routes(service: DocumentService, once: Once) -> list[HTTPRouteHandler]:
    """Of a resource under an entity: `/entities/{entityId}/checks`, `/entities/{entityId}/checks/{id}`."""
    plural, shown = service.resource.plural, schemas.shown(service.resource)
    writes = {"needs": Capability.CREATE, "app": plural}
    collection = f"/v1.0/entities/{{entity_id:str}}/{plural}"
    item = f"{collection}/{{key:str}}"

    creates = writes | repeatable.OPTIONS | {"takes": schemas.creation_of(service.resource)}
    changes = writes | conditions.OPTIONS | {"takes": schemas.change_of(service.resource.attributes)}
    deletes = conditions.OPTIONS | {"needs": Capability.DELETE, "app": plural}
    shows = {"needs": Capability.READ, "gives": shown, "tagged": True}

    @post(collection, opt=creates, operation_id=f"create_{plural}")
    async def create(request: Call, entity_id: FromPath[str]) -> Answer:
        body = bodies.json_object(request.visit.body)
        done = await repeatable.create(request, once, body, lambda asked: service.create(asked, body, entity_id))
        return answers.created(request, f"/entities/{entity_id}/{plural}", done)

    @get(collection, opt={"needs": Capability.READ, "lists": shown, "query": QUERY}, operation_id=f"list_{plural}")
    async def index(request: Call, entity_id: FromPath[str]) -> Answer:
        return await page(service, request, entity_id)

    @get(item, opt=shows, operation_id=f"get_{plural}")
    async def show(request: Call, entity_id: FromPath[str], key: FromPath[str]) -> Answer:
        return conditions.tagged(await service.show(request.asked, key, entity_id))

    @put(item, opt=changes, operation_id=f"update_{plural}")
    async def update(request: Call, entity_id: FromPath[str], key: FromPath[str]) -> Answer:
        body = bodies.json_object(request.visit.body)
        done = await service.update(request.asked, key, body, entity_id, conditions.wanted(request))
        return answers.changed(request, f"/entities/{entity_id}/{plural}", done)

    @delete(item, opt=deletes, operation_id=f"delete_{plural}")
    async def remove(request: Call, entity_id: FromPath[str], key: FromPath[str]) -> None:
        await service.remove(request.asked, key, entity_id, conditions.wanted(request))

    return [create, index, show, update, remove]


async def page(service: DocumentService, request: Call, entity_id: str | None) -> Answer:
    """The list that is asked for, by the filters that every list takes."""
    limit = answers.limit_of(request)
    where = Filter(
        entity_id=entity_id,
        ids=answers.texts_of(request, "id", "ids"),
        label=answers.text_of(request, "label", "a label"),
        metadata=_metadata(request),
    )
    found = await service.page(request.asked, where, answers.marker_of(request), limit)
    return answers.page(request, found.items, limit, found.next_marker)


def _metadata(request: Call) -> tuple[tuple[str, str], ...]:
    """`metadata.KEY=VALUE`, exactly."""
    names = [name for name in request.query_params if name.startswith(_METADATA)]
    return tuple(
        (name.removeprefix(_METADATA), value)
        for name in names
        for value in answers.texts_of(request, name, "a metadata value")
    )
