"""Notification types (reference: notification types)."""

from __future__ import annotations

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.services.catalogue import Catalogue

_SHOWN: schemas.Schema = {
    "type": "object",
    "required": ["id", "fields"],
    "properties": {"id": schemas.TEXT, "fields": {"type": ["array", "null"], "items": schemas.FIELD}},
}


def routes(catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """Of the catalogue of notification types."""

    @get(
        "/v1.0/notification_types",
        opt={"needs": Capability.READ, "lists": _SHOWN, "query": ("limit", "marker")},
        operation_id="list_notification_types",
    )
    async def index(request: Call) -> Answer:
        limit = answers.limit_of(request)
        items, more = catalogue.page(answers.marker_of(request), limit)
        return answers.page(request, items, limit, more)

    @get(
        "/v1.0/notification_types/{key:str}",
        opt={"needs": Capability.READ, "gives": _SHOWN},
        operation_id="get_notification_type",
    )
    async def show(key: FromPath[str]) -> Answer:
        return answers.one(catalogue.show(key))

    return [index, show]
