"""The bytes of a request."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping

import msgspec

from vedette.probes.http.url import Url

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(rb"[\x00\r\n]")
_OURS = frozenset(  # what the reference forbids to set: they are the probe's own
    (b"content-length", b"user-agent", b"host", b"connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)
_HARMLESS = frozenset(  # what may follow a redirect to another site: nothing that could be a secret
    (b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"content-type", b"pragma")
)
_WITH_BODY = frozenset((b"POST", b"PUT"))


class InvalidRequest(ValueError):
    """A method or header that cannot be sent."""


Headers = tuple[tuple[bytes, bytes], ...]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What one location is asked."""

    url: Url
    method: bytes
    headers: Headers
    credentials: bytes | None  # `user:password`, for a server that asks for digest authentication
    authorization: bytes | None  # the header's value
    payload: bytes

    def authorized(self, authorization: bytes) -> Request:
        return msgspec.structs.replace(self, authorization=authorization)


def checked_method(method: str) -> bytes:
    """Raises `InvalidRequest`."""
    name = method.upper().encode("utf-8", "replace")
    if not _TOKEN.fullmatch(name):
        raise InvalidRequest("invalid method")
    return name


def checked_headers(headers: Mapping[str, str]) -> Headers:
    """Raises `InvalidRequest`, naming the header; its value may be a secret."""
    return tuple(_checked_header(name, value) for name, value in headers.items())


def _checked_header(name: str, value: str) -> tuple[bytes, bytes]:
    name_sent, value_sent = name.encode("utf-8", "replace"), value.encode("utf-8", "replace")
    if not _TOKEN.fullmatch(name_sent) or name_sent.lower() in _OURS or _FORBIDDEN.search(value_sent):
        raise InvalidRequest(f"invalid header {name[:50]!r}")
    return name_sent, value_sent


def basic_authorization(credentials: bytes) -> bytes:
    """Of `user:password`."""
    return b"Basic " + b64encode(credentials)


def harmless(headers: Headers) -> Headers:
    """Those that may be sent to another site."""
    return tuple(pair for pair in headers if pair[0].lower() in _HARMLESS)


def request_bytes(request: Request) -> bytes:
    """The request as sent; the connection is for it alone."""
    given = {name.lower() for name, _ in request.headers}
    lines = [
        b"%b %b HTTP/1.1" % (request.method, request.url.target.encode()),
        b"Host: " + request.url.authority.encode(),
        b"User-Agent: Vedette (remote.http)",
        b"Connection: close",
        *(b"%b: %b" % pair for pair in request.headers),
    ]
    if b"accept" not in given:
        lines.append(b"Accept: */*")
    if b"accept-encoding" not in given:
        lines.append(b"Accept-Encoding: gzip, deflate")
    if request.authorization is not None and b"authorization" not in given:
        lines.append(b"Authorization: " + request.authorization)
    if request.payload or request.method in _WITH_BODY:
        lines.append(b"Content-Length: %d" % len(request.payload))
    return b"\r\n".join((*lines, b"", request.payload))
