"""CORS: pages of other origins may call the API (api decisions: headers).

Tokens travel in headers, never in cookies, and no credentials are allowed: what a page may do is what its token may.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from vedette.api.addresses import header
from vedette.api.door import NEVER_SHED

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Send

ANY = "*"
ALLOWED = ("Accept", "Content-Type", "Idempotency-Key", "If-Match", "X-Auth-Token", "X-Tenant-Id")
"""Request headers that pages may send."""
EXPOSED = (
    "X-Response-Id", "X-Object-ID", "Location", "X-RateLimit-Limit", "X-RateLimit-Used", "X-RateLimit-Remaining",
    "X-RateLimit-Window", "X-RateLimit-Type", "X-Ignored-Attributes", "ETag", "Retry-After",
    "X-Shell-Installer-Location",
)  # fmt: skip
"""Headers of answers that pages may read."""
_MAX_AGE_S = 7200
_Header = tuple[bytes, bytes]
_EXPOSE: _Header = (b"access-control-expose-headers", ", ".join(EXPOSED).encode())
_ALLOW: _Header = (b"access-control-allow-headers", ", ".join(ALLOWED).encode())
_AGE: _Header = (b"access-control-max-age", str(_MAX_AGE_S).encode())
_VARY: _Header = (b"vary", b"Origin")


class Cors:
    """Wraps the door. `origins`: who may call, `*` for everybody.

    Health and metrics are not for pages: a browser beside the server reaches them without a token.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins if "://" in origin)
        self._is_any = ANY in origins

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        origin = header(scope, b"origin") if scope["type"] == "http" else None
        if origin is not None and scope["path"].rstrip("/") not in NEVER_SHED:
            send = self._shared(scope, origin.encode("latin-1"), send)
        elif not self._is_any:
            send = _adding([_VARY], send)
        await self._app(scope, receive, send)

    def _shared(self, scope: Any, origin: bytes, send: Send) -> Send:
        if self._is_any:
            allowed: list[_Header] = [(b"access-control-allow-origin", b"*")]
        elif origin in self._origins:
            allowed = [(b"access-control-allow-origin", origin), _VARY]
        else:
            return _adding([_VARY], send)
        if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method") is not None:
            return _answering_preflight(allowed, send)
        return _adding([*allowed, _EXPOSE], send)


def _adding(headers: list[_Header], send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return sending


def _answering_preflight(allowed: list[_Header], send: Send) -> Send:
    """What the address allows is known from the answer to OPTIONS."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            methods = b", ".join(value for name, value in given if name.lower() == b"allow")
            if methods:
                given += [*allowed, (b"access-control-allow-methods", methods), _ALLOW, _AGE]
            message["headers"] = given
        await send(message)

    return sending
