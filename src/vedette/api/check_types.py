"""Check types (reference: check types)."""

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
    "required": ["id", "category", "type", "fields"],
    "properties": {
        "id": schemas.TEXT,
        "category": schemas.TEXT,
        "type": schemas.TEXT,
        "fields": {"type": "array", "items": schemas.FIELD},
        "supported_platforms": {"type": "array", "items": schemas.TEXT},
    },
}


def routes(catalogue: Catalogue) -> list[HTTPRouteHandler]:
    """Of the catalogue of check types."""

    @get(
        "/v1.0/check_types",
        opt={"needs": Capability.READ, "lists": _SHOWN, "query": ("limit", "marker")},
        operation_id="list_check_types",
    )
    async def index(request: Call) -> Answer:
        limit = answers.limit_of(request)
        items, more = catalogue.page(answers.marker_of(request), limit)
        return answers.page(request, items, limit, more)

    @get(
        "/v1.0/check_types/{key:str}",
        opt={"needs": Capability.READ, "gives": _SHOWN},
        operation_id="get_check_type",
    )
    async def show(key: FromPath[str]) -> Answer:
        return answers.one(catalogue.show(key))

    return [index, show]
