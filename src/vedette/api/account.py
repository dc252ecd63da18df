"""The account, its limits and its audits (reference: account)."""

from __future__ import annotations

import msgspec
from litestar import get, put
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers, bodies, conditions, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.principals import Capability
from vedette.domain.resources import ACCOUNT_ATTRIBUTES
from vedette.services.account import AccountService
from vedette.services.audits import Auditor


def routes(service: AccountService, auditor: Auditor) -> list[HTTPRouteHandler]:
    """The account, its limits and its audits."""

    @get(
        "/v1.0/account",
        opt={"needs": Capability.READ, "gives": schemas.ANY_OBJECT, "tagged": True},
        operation_id="get_account",
    )
    async def show(request: Call) -> Answer:
        return conditions.tagged(await service.show(request.asked))

    takes = schemas.change_of(ACCOUNT_ATTRIBUTES)

    @put(
        "/v1.0/account",
        opt={"needs": Capability.CREATE, "app": "account", "takes": takes} | conditions.OPTIONS,
        operation_id="update_account",
    )
    async def update(request: Call) -> Answer:
        body = bodies.json_object(request.visit.body)
        done = await service.update(request.asked, body, conditions.wanted(request))
        return answers.changed(request, "/account", msgspec.structs.replace(done, id=""))

    @get("/v1.0/limits", opt={"needs": Capability.READ, "gives": schemas.ANY_OBJECT}, operation_id="get_limits")
    async def limits(request: Call) -> Answer:
        return answers.encoded(await service.limits(request.asked))

    @get("/v1.0/audits", opt={"needs": Capability.READ, **schemas.SERIES}, operation_id="list_audits")
    async def audits(request: Call) -> Answer:
        rows = await auditor.page(request.asked.tenant_id, answers.span_of(request))
        return answers.series(request, rows)

    return [show, update, limits, audits]
