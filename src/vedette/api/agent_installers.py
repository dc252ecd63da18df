"""Agent installers (an address that only clients know).

Whoever has an installer's address may fetch it, as a host that is being set up has no token of the API.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.faults import JSON
from vedette.api.visits import Call
from vedette.domain.attributes import object_schema
from vedette.domain.principals import Capability
from vedette.services.installers import ATTRIBUTES, Installers

_COLLECTION = "/v1.0/agent_installers"
_SCRIPT = ".sh"
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def routes(installers: Installers) -> list[HTTPRouteHandler]:
    """Create, and get as JSON or as a shell script."""
    options: dict[str, Any] = {
        "needs": Capability.CREATE,
        "app": "agent_installers",
        "takes": object_schema(ATTRIBUTES),
    }

    @post(_COLLECTION, opt=options, operation_id="create_agent_installer")
    async def create(request: Call) -> Response[bytes]:
        """Makes an installer for an entity's host; `X-Shell-Installer-Location` says where its shell script is."""
        done = await installers.create(request.asked, bodies.json_object(request.visit.body))
        answer = answers.created(request, "/agent_installers", done)
        answer.headers["X-Shell-Installer-Location"] = answer.headers["Location"] + _SCRIPT
        return answer

    @get(f"{_COLLECTION}/{{key:str}}", opt={"gives": schemas.ANY_OBJECT}, operation_id="get_agent_installer")
    async def show(request: Call, key: FromPath[str]) -> Response[bytes]:
        """What an installer is for; with `.sh` after it, the script itself."""
        visit = request.visit
        if key.endswith(_SCRIPT):
            text = await installers.script(key.removesuffix(_SCRIPT), visit.tenant, visit.now_ms)
            return Response(text.encode(), media_type="text/x-shellscript; charset=utf-8", headers=_PRIVATE)
        shown = answers.encoded(await installers.show(key, visit.tenant, visit.now_ms))
        return Response(shown.content, media_type=JSON, headers=_PRIVATE)

    return [create, show]
