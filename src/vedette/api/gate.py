"""The gate: who may do what. Runs after routing, before the handler, and audits what was refused.

A route says what it needs in its options: `needs` (a `Capability`), `rate` (a rate limit's group) and `app` (its name
in audits). A route without `needs` is open.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from vedette.api import audit_drafts, bodies
from vedette.api.addresses import header, segment_of
from vedette.api.visits import Visit, visit_of
from vedette.domain.faults import Fault, bad_request
from vedette.ports.unit import StoreUnavailable
from vedette.services.rates import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litestar.types import ASGIApp, Message, Receive, Scope, Send

    from vedette.domain.principals import Capability, Principal
    from vedette.services.audits import Auditor
    from vedette.services.rates import Rates

_WRITES = frozenset({"POST", "PUT", "DELETE"})
_UNAUDITED = frozenset({401, 429, 503})
_BODY_DEADLINE_S = 30.0
_log = structlog.get_logger("vedette.api")


class Gate:
    """Authenticates, authorises, counts, reads the body within limits."""

    def __init__(self, principal: Callable[[str], Awaitable[Principal | None]], rates: Rates, auditor: Auditor) -> None:
        self._principal = principal
        self._rates = rates
        self._auditor = auditor

    def around(self, app: ASGIApp) -> ASGIApp:
        """A route's application behind the gate."""

        async def gated(scope: Scope, receive: Receive, send: Send) -> None:
            await self.handle(scope, receive, send, app)

        return gated

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        options: dict[str, Any] = scope["route_handler"].opt
        visit = visit_of(scope)
        method: str = scope["method"]  # type: ignore[typeddict-item]  # only http scopes come this far
        if "%" in visit.path:
            scope["path_params"] = {name: segment_of(value) for name, value in scope["path_params"].items()}
        if "needs" in options:
            await self._let_in(scope, receive, send, next_app)
            return
        _refuse_xml(scope, method)
        if method in _WRITES:
            visit.body = await _read(receive, scope)
        await next_app(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Every request of a tenant counts, refused ones too, so that no role can fill the audit without end."""
        options: dict[str, Any] = scope["route_handler"].opt
        visit = visit_of(scope)
        method: str = scope["method"]  # type: ignore[typeddict-item]  # only http scopes come this far
        visit.principal = principal = await self._authenticate(scope)
        self._count(visit, principal, options.get("rate", GLOBAL))
        if method not in _WRITES:
            _refuse_xml(scope, method)
            _admit(scope, visit, principal, options["needs"])
            await next_app(scope, receive, send)
            return
        visit.draft = audit_drafts.draft(scope, options.get("app", ""), method)
        try:
            visit.body = await _read(receive, scope)
            visit.draft = audit_drafts.with_body(visit.draft, visit.body)
            _refuse_xml(scope, method)
            _admit(scope, visit, principal, options["needs"])
        except Fault as fault:
            await self._audit(visit, fault.code)
            raise
        await next_app(scope, receive, self._auditing(visit, send))

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

    def _auditing(self, visit: Visit, send: Send) -> Send:
        """Records a refused write before its answer goes out; a done one was recorded with the change."""

        async def sending(message: Message) -> None:
            if (
                message["type"] == "http.response.start"
                and message["status"] >= 400
                and message["status"] not in _UNAUDITED
            ):
                await self._audit(visit, message["status"])
            await send(message)

        return sending

    async def _audit(self, visit: Visit, status: int) -> None:
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
