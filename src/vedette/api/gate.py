"""The gate: who may do what. Runs after routing, calls the handler, and audits what was refused.

A route says what it needs in its options: `needs` (a `Capability`), `rate` (a rate limit's group) and `app` (its name
in audits). A route without `needs` is open.

It is the last layer. The framework's own last step looks for dependencies, bodies and return types that no handler of
ours has, and took a quarter of the time of a request.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from vedette.api import audit_drafts, bodies
from vedette.api.addresses import header, segment_of
from vedette.api.answer import Answer
from vedette.api.faults import status_of
from vedette.api.visits import Call, Visit, visit_of
from vedette.domain.faults import Fault, bad_request
from vedette.ports.unit import StoreUnavailable
from vedette.services.rates import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litestar.handlers import HTTPRouteHandler
    from litestar.types import ASGIApp, Receive, Scope, Send

    from vedette.domain.principals import Capability, Principal
    from vedette.services.audits import Auditor
    from vedette.services.rates import Rates

_WRITES = frozenset({"POST", "PUT", "DELETE"})
_UNAUDITED = frozenset({401, 429, 503})
_LEAST_REFUSAL = 400
_NOTHING = Answer(b"", status_code=204)
_BODY_DEADLINE_S = 30.0
_log = structlog.get_logger("vedette.api")


class Gate:
    """Authenticates, authorises, counts, reads the body within limits."""

    def __init__(self, principal: Callable[[str], Awaitable[Principal | None]], rates: Rates, auditor: Auditor) -> None:
        self._principal = principal
        self._rates = rates
        self._auditor = auditor
        self._takes: dict[HTTPRouteHandler, tuple[str, ...]] = {}

    def around(self, app: ASGIApp) -> ASGIApp:
        """What the framework runs in place of a route's own application."""
        return self.handle

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler: HTTPRouteHandler = scope["route_handler"]  # type: ignore[assignment]  # we have no others
        visit = visit_of(scope)
        method: str = scope["method"]  # type: ignore[typeddict-item]  # only http scopes come this far
        if "%" in visit.path:
            scope["path_params"] = {name: segment_of(value) for name, value in scope["path_params"].items()}
        call = Call(scope, receive, send)
        if "needs" in handler.opt:
            answer = await self._let_in(call, visit, method, handler)
        else:
            _refuse_xml(scope, method)
            if method in _WRITES:
                visit.body = await _read(receive, scope)
            answer = await self._answer(handler, call)
        await answer(scope, receive, send)

    async def _let_in(self, call: Call, visit: Visit, method: str, handler: HTTPRouteHandler) -> Answer:
        """Every request of a tenant counts, refused ones too, so that no role can fill the audit without end."""
        scope, options = call.scope, handler.opt
        visit.principal = principal = await self._authenticate(scope)
        self._count(visit, principal, options.get("rate", GLOBAL))
        if method not in _WRITES:
            _refuse_xml(scope, method)
            _admit(scope, visit, principal, options["needs"])
            return await self._answer(handler, call)
        visit.draft = audit_drafts.draft(scope, options.get("app", ""), method)
        try:
            visit.body = await _read(call.receive, scope)
            visit.draft = audit_drafts.with_body(visit.draft, visit.body)
            _refuse_xml(scope, method)
            _admit(scope, visit, principal, options["needs"])
            answer = await self._answer(handler, call)
        except Exception as error:
            await self._audit(visit, status_of(error))
            raise
        await self._audit(visit, answer.status_code)
        return answer

    async def _answer(self, handler: HTTPRouteHandler, call: Call) -> Answer:
        """Calls the handler with what it takes: the call, and pieces of the path."""
        takes = self._takes.get(handler)
        if takes is None:
            takes = self._takes[handler] = tuple(handler.parsed_fn_signature.parameters)
        given = call.scope["path_params"]
        arguments = {name: call if name == "request" else given[name] for name in takes}
        answer: Answer | None = await handler.fn(**arguments)
        return _NOTHING if answer is None else answer

    async def _authenticate(self, scope: Scope) -> Principal:
        token = header(scope, b"x-auth-token")
        principal = await self._principal(token) if token else None
        if principal is None:
            raise Fault("unauthorizedError", "No valid token provided. Please authenticate",
                        "Expected a valid X-Auth-Token header")  # fmt: skip
        return principal

    def _count(self, visit: Visit, principal: Principal, group: str) -> None:
        visit.group = group
        visit.standing = self._rates.standing(principal.tenant_id, group, visit.now_ms)
        self._rates.count(principal.tenant_id, GLOBAL, visit.now_ms)
        if group != GLOBAL:
            self._rates.count(principal.tenant_id, group, visit.now_ms)

    async def _audit(self, visit: Visit, status: int) -> None:
        """Records what was refused; what was done was recorded with the change."""
        if status < _LEAST_REFUSAL or status in _UNAUDITED:
            return
        try:
            await self._auditor.refused(visit.request(), status)
        except StoreUnavailable as error:
            _log.error("audit_lost", txn=visit.transaction_id, status=status, error=str(error))


def _admit(scope: Scope, visit: Visit, principal: Principal, needs: Capability) -> None:
    """Raises 403 for another tenant's address, and for what the role does not allow."""
    named = header(scope, b"x-tenant-id")
    if any(tenant is not None and tenant.lower() != principal.tenant_id.lower() for tenant in (visit.tenant, named)):
        raise Fault("forbiddenError", "Access to this tenant is forbidden", "The token belongs to another tenant")
    if principal.capability < needs:
        raise Fault("missingCapabilitiesError", "The role does not allow this",
                    "Roles of the token: " + ", ".join(principal.roles))  # fmt: skip


async def _read(receive: Receive, scope: Scope) -> bytes:
    if bodies.IS_HERE in scope:
        return await bodies.read(receive, header(scope, b"content-length"))
    try:
        async with asyncio.timeout(_BODY_DEADLINE_S):
            return await bodies.read(receive, header(scope, b"content-length"))
    except TimeoutError:
        raise Fault("requestTimeout", "The request body took too long",
                    f"Expected the whole body within {_BODY_DEADLINE_S:.0f} seconds") from None  # fmt: skip


def _refuse_xml(scope: Scope, method: str) -> None:
    accept = header(scope, b"accept")
    if accept is not None and all(_is_xml(media_type) for media_type in accept.split(",")):
        raise _plain("Only JSON is spoken here", "Expected Accept: application/json", 406)
    content_type = header(scope, b"content-type")
    if method in _WRITES and content_type is not None and _is_xml(content_type):
        raise _plain("Only JSON is spoken here", "Expected Content-Type: application/json", 415)


def _is_xml(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower() in {"application/xml", "text/xml"}


def _plain(message: str, details: str, code: int) -> Fault:
    fault = bad_request(message, details)
    fault.code = code
    return fault
