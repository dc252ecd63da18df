"""How a monitoring zone stands: an addition to the reference, which has nothing that changes by itself in a zone."""

from __future__ import annotations

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.ports.silence import EvaluationMemory
from vedette.services.documents import DocumentService
from vedette.services.zone_standing import Stance, zone_standing

_SHOWN: schemas.Schema = {
    "type": "object",
    "properties": {
        "id": schemas.TEXT,
        "standing": {"type": "string", "enum": [stance.value for stance in Stance]},
        "since": {"type": ["integer", "null"]},
    },
    "required": ["id", "standing", "since"],
}


def routes(zones: DocumentService, memory: EvaluationMemory) -> list[HTTPRouteHandler]:
    """`zones` knows which a tenant may see."""

    @get(
        "/v1.0/monitoring_zones/{key:str}/standing",
        opt={"needs": Capability.READ, "gives": _SHOWN},
        operation_id="get_monitoring_zone_standing",
    )
    async def show(request: Call, key: FromPath[str]) -> Answer:
        """Up, down, blind or lagging, and since when."""
        await zones.show(request.asked, key)
        return answers.encoded(await zone_standing(memory, key))

    return [show]
