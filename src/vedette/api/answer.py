"""An answer as it goes out. The framework's own response goes through two more layers than ours needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from litestar.types import Receive, Scope, Send

_NO_CONTENT = 204


class Answer:
    """Status, headers and a body that is complete."""

    __slots__ = ("body", "headers", "media_type", "status_code")

    def __init__(
        self,
        body: bytes,
        *,
        status_code: int = 200,
        media_type: str = "application/json; charset=utf-8",
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.body = body
        self.status_code = status_code
        self.media_type = media_type
        self.headers = dict(headers)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """As an ASGI application; a HEAD gets the headers only."""
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.status_code != _NO_CONTENT:
            headers.append((b"content-type", self.media_type.encode()))
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        is_head = scope["method"] == "HEAD"  # type: ignore[typeddict-item]  # only http scopes come this far
        await send({"type": "http.response.body", "body": b"" if is_head else self.body, "more_body": False})
