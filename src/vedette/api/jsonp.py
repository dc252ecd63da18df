"""JSONP: a page reads by a script's address (reference: request and response types).

`?JSONP=name&X-Auth-Token=...` on a GET of the monitoring API. The token leaves the address here, before anything else
looks at it, so that no log, audit or link of ours can show it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from vedette.api.addresses import header
from vedette.domain.faults import bad_request

if TYPE_CHECKING:
    from litestar.types import Message, Send

PATTERN = "^[A-Za-z0-9_.$]{1,64}$"
_NAME = re.compile("[A-Za-z0-9_.$]{1,64}")
_JSONP, _TOKEN = "JSONP", "X-Auth-Token"
_MARK = _JSONP.encode()
_HEADERS = (
    (b"content-type", b"application/javascript; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
_JSON = b"application/json"
# JSON may hold these as they are; a script may not, in older browsers.
_LINE_ENDS = ((b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"))


def is_asked(scope: Any, path: str) -> bool:
    """Whether the answer is to be a script; `path` is the address without the tenant."""
    return _MARK in scope["query_string"] and scope["method"] == "GET" and path.startswith("/v1.0") and bool(
        _given(scope, _JSONP)
    )  # fmt: skip


def name_of(scope: Any) -> str:
    """The function that the answer is handed to; moves the token from the address to where it belongs.

    A token in a header wins. Raises `badRequest` for what is no name.
    """
    tokens, names = _given(scope, _TOKEN), _given(scope, _JSONP)
    pairs = scope["query_string"].split(b"&")
    scope["query_string"] = b"&".join(pair for pair in pairs if _name_of(pair) != _TOKEN)
    if tokens and header(scope, b"x-auth-token") is None:
        token = tokens[0].encode("latin-1", "replace")
        scope["headers"] = [*scope["headers"], (b"x-auth-token", token)]
    if not _NAME.fullmatch(names[0]):
        raise bad_request("The JSONP parameter is not valid", "Expected 1 to 64 letters, digits, '_', '.' or '$'")
    return names[0]


def wrapping(name: str, send: Send) -> Send:
    """Sends JSON as a call of the function, with the status it has; what is no JSON goes out as it is."""
    start: list[Any] = []
    parts: list[bytes] = []

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            return
        if message["type"] != "http.response.body":
            await send(message)
            return
        parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = b"".join(parts)
        if start[0]["status"] != 204 and _is_json(start[0]):
            body = _called(name, body)
            start[0]["headers"] = _headers(start[0], len(body))
        await send(start[0])
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return sending


def _given(scope: Any, name: str) -> list[str]:
    pairs = scope["query_string"].split(b"&")
    return [unquote_plus(pair.partition(b"=")[2].decode("latin-1")) for pair in pairs if _name_of(pair) == name]


def _name_of(pair: bytes) -> str:
    return unquote_plus(pair.partition(b"=")[0].decode("latin-1"))


def _is_json(start: Any) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(_JSON) for name, value in start["headers"])


def _called(name: str, body: bytes) -> bytes:
    """The comment keeps a name at the very beginning from being taken for another file format's signature."""
    for raw, escaped in _LINE_ENDS:
        body = body.replace(raw, escaped)
    return b"/**/" + name.encode() + b"(" + body + b");"


def _headers(start: Any, length: int) -> list[tuple[bytes, bytes]]:
    replaced = {b"content-length", *(name for name, _ in _HEADERS)}
    kept = [(name, value) for name, value in start["headers"] if name.lower() not in replaced]
    return [*kept, *_HEADERS, (b"content-length", str(length).encode())]
