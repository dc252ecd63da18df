"""Agent installers (an address that only clients know).

Whoever has an installer's address may fetch it, as a host that is being set up has no token of the API.
"""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, repeatable, schemas
from vedette.api.answer import Answer
from vedette.api.faults import JSON
from vedette.api.visits import Call
from vedette.domain.attributes import object_schema
from vedette.domain.principals import Capability
from vedette.services.installers import ATTRIBUTES, Installers
from vedette.services.once import Once

_COLLECTION = "/v1.0/agent_installers"
_SCRIPT = ".sh"
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def routes(installers: Installers, once: Once) -> list[HTTPRouteHandler]:
    """Create, and get as JSON or as a shell script."""
    options: dict[str, Any] = {
        "needs": Capability.CREATE,
        "app": "agent_installers",
        "takes": object_schema(ATTRIBUTES),
        **repeatable.OPTIONS,
    }

    @post(_COLLECTION, opt=options, operation_id="create_agent_installer")
    async def create(request: Call) -> Answer:
        """Makes an installer for an entity's host; `X-Shell-Installer-Location` says where its shell script is."""
        body = bodies.json_object(request.visit.body)
        done = await repeatable.create(request, once, body, lambda asked: installers.create(asked, body))
        answer = answers.created(request, "/agent_installers", done)
        answer.headers["X-Shell-Installer-Location"] = answer.headers["Location"] + _SCRIPT
        return answer

    @get(f"{_COLLECTION}/{{key:str}}", opt={"gives": schemas.ANY_OBJECT}, operation_id="get_agent_installer")
    async def show(request: Call, key: FromPath[str]) -> Answer:
        """What an installer is for; with `.sh` after it, the script itself."""
        visit = request.visit
        if key.endswith(_SCRIPT):
            text = await installers.script(key.removesuffix(_SCRIPT), visit.tenant, visit.now_ms)
            return Answer(text.encode(), media_type="text/x-shellscript; charset=utf-8", headers=_PRIVATE)
        shown = answers.encoded(await installers.show(key, visit.tenant, visit.now_ms))
        return Answer(shown.body, media_type=JSON, headers=_PRIVATE)

    return [create, show]
