"""Monitoring zones, built-in and private (reference: monitoring zones).

A private zone is created, changed and deleted at `/monitoring_zones`, and its `Location` says
`/private_monitoring_zones`: clients read the kind of object from there.
"""

from __future__ import annotations

from litestar import delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, conditions, documents, repeatable, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.services.documents import DocumentService
from vedette.services.once import Once
from vedette.services.private_zones import PrivateZoneRemoval

_COLLECTION = "/v1.0/monitoring_zones"
_ITEM = f"{_COLLECTION}/{{key:str}}"
_LOCATION = "/private_monitoring_zones"
_APP = "monitoring_zones"
_BUILT_IN: schemas.Schema = {
    "type": "object",
    "properties": {
        "id": schemas.TEXT,
        "label": schemas.TEXT,
        "country_code": schemas.TEXT,
        "source_ips": {"type": "array", "items": schemas.TEXT},
    },
    "required": ["id", "label", "country_code", "source_ips"],
}


def routes(service: DocumentService, removal: PrivateZoneRemoval, once: Once) -> list[HTTPRouteHandler]:
    """`service` has the built-in zones as what it cannot change."""
    shown: schemas.Schema = {"anyOf": [_BUILT_IN, schemas.shown(service.resource)]}
    takes = schemas.creation_of(service.resource)
    writes = {"needs": Capability.CREATE, "app": _APP}

    @post(_COLLECTION, opt=writes | repeatable.OPTIONS | {"takes": takes}, operation_id="create_monitoring_zone")
    async def create(request: Call) -> Answer:
        """Creates a private zone."""
        body = bodies.json_object(request.visit.body)
        done = await repeatable.create(request, once, body, lambda asked: service.create(asked, body))
        return answers.created(request, _LOCATION, done)

    @get(
        _COLLECTION,
        opt={"needs": Capability.READ, "lists": shown, "query": documents.QUERY},
        operation_id="list_monitoring_zones",
    )
    async def index(request: Call) -> Answer:
        """Built-in and private zones."""
        return await documents.page(service, request, None)

    @get(_ITEM, opt={"needs": Capability.READ, "gives": shown, "tagged": True}, operation_id="get_monitoring_zone")
    async def show(request: Call, key: FromPath[str]) -> Answer:
        """One of them."""
        return conditions.tagged(await service.show(request.asked, key))

    changes = schemas.change_of(service.resource.attributes)

    @put(_ITEM, opt=writes | conditions.OPTIONS | {"takes": changes}, operation_id="update_monitoring_zone")
    async def update(request: Call, key: FromPath[str]) -> Answer:
        """Changes a private zone."""
        body = bodies.json_object(request.visit.body)
        done = await service.update(request.asked, key, body, wanted=conditions.wanted(request))
        return answers.changed(request, _LOCATION, done)

    @delete(
        _ITEM,
        opt={"needs": Capability.DELETE, "app": _APP, "query": ("keep",)} | conditions.OPTIONS,
        operation_id="delete_monitoring_zone",
    )
    async def remove(request: Call, key: FromPath[str]) -> None:
        """Deletes a private zone and the checks polled from it only; `keep=true` disables those instead."""
        keeps_checks = answers.is_asked(request, "keep")
        await removal.remove(request.asked, key, conditions.wanted(request), keeps_checks=keeps_checks)

    return [create, index, show, update, remove]
