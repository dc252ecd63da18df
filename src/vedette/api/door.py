"""The outermost layer: transaction ids, tenants, load shedding, the common headers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vedette.api import jsonp
from vedette.api.addresses import Address, Bases, address_of, is_no_address, path_of, without_tenant
from vedette.api.faults import NOTHING_HERE, body_of, identity_body_of, unavailable
from vedette.api.visits import Visit
from vedette.domain.faults import Fault
from vedette.services.rates import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar.types import ASGIApp, Message, Receive, Send

    from vedette.ports.clock import Clock, Entropy

NEVER_SHED = frozenset({"/healthz", "/readyz", "/metrics"})


_WINDOW = WINDOW.encode()


class Door:
    """Wraps the framework's application.

    `overloaded()` says why work must not start now, or nothing; an admitted request completes. `takes_plain_http_from`
    says of an address whether it may speak to us without TLS.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what the outside of the API is made of
        self, app: ASGIApp, bases: Bases, clock: Clock, entropy: Entropy, overloaded: Callable[[], str | None],
        count: Callable[[str, int], None], takes_plain_http_from: Callable[[Address], bool],
    ) -> None:  # fmt: skip
        self._app = app
        self._bases = bases
        self._clock = clock
        self._entropy = entropy
        self._overloaded = overloaded
        self._count = count
        self._takes_plain_http_from = takes_plain_http_from
        # An address is judged once, not at every request.
        self._may_speak_plainly = lru_cache(maxsize=1024)(self._judge)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit(self._entropy(12).hex(), self._clock())
        path = path_of(scope)
        visit.path, visit.tenant = without_tenant(path)
        visit.base_url, visit.peer = self._bases.base_and_peer(scope)
        scope["path"] = visit.path
        visit.enter(scope)
        fault = self._refusal(scope, visit, path)
        if jsonp.is_asked(scope, visit.path):
            try:
                send = jsonp.wrapping(jsonp.name_of(scope), send)
            except Fault as bad_name:
                fault = fault or bad_name
        if fault is not None:
            await self._refuse(visit, fault, send)
            return
        await self._app(scope, receive, self._with_headers(visit, scope["method"], send))

    def _refusal(self, scope: Any, visit: Visit, path: str) -> Fault | None:
        """Why a request does not come in at all."""
        if scope["scheme"] == "http" and not self._may_speak_plainly(_peer(scope)):
            return Fault("forbiddenError", "Plain HTTP is served on loopback only",
                         "Expected https: this server speaks it with --tls or --tls-cert, or behind a --trusted-proxy",
                         headers={"Connection": "close"})  # fmt: skip
        why = None if visit.path in NEVER_SHED else self._overloaded()
        if why is not None:
            return unavailable(why)
        return NOTHING_HERE if is_no_address(path) else None

    def _with_headers(self, visit: Visit, method: str, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(method, message["status"])
                _add_headers(visit, message)
            await send(message)

        return sending

    def _judge(self, peer: str) -> bool:
        address = address_of(peer)
        return address is not None and self._takes_plain_http_from(address)

    async def _refuse(self, visit: Visit, fault: Fault, send: Send) -> None:
        is_identity = visit.path.startswith("/v2.0")
        body = identity_body_of(fault) if is_identity else body_of(fault, visit.transaction_id)
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"x-response-id", visit.transaction_id.encode()),
            *((name.lower().encode(), value.encode()) for name, value in fault.headers.items()),
        ]
        self._count("shed", fault.code)
        await send({"type": "http.response.start", "status": fault.code, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _peer(scope: Any) -> str:
    """Who is on the other end of the connection, not who a proxy speaks for."""
    client = scope.get("client")
    return client[0] if client else ""


def _add_headers(visit: Visit, message: Any) -> None:
    headers = list(message.get("headers", ()))
    headers.append((b"x-response-id", visit.transaction_id.encode()))
    standing = visit.standing
    if standing is not None:
        remaining = max(0, standing.limit - standing.used) if standing.limit else 0
        headers += (
            (b"x-ratelimit-limit", str(standing.limit).encode()),
            (b"x-ratelimit-used", str(standing.used).encode()),
            (b"x-ratelimit-remaining", str(remaining).encode()),
            (b"x-ratelimit-window", _WINDOW),
            (b"x-ratelimit-type", visit.group.encode()),
        )
    message["headers"] = headers
