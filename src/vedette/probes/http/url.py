"""The parts of an http or https url that a request needs."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote_to_bytes, urljoin, urlsplit

import msgspec

_PORTS = {"http": 80, "https": 443}
_HOST_LIMIT = 253
_URL_LIMIT = 8096
_NEVER_IN_HOST = re.compile(r"""[\x00-\x20\x7f/\\@<>"]""")
_SAFE = "!#$%&'()*+,/:;=?@[]~-._"


class InvalidUrl(ValueError):
    """Not an http or https url with a host. The message does not repeat it: urls carry secrets."""


class Url(msgspec.Struct, frozen=True, kw_only=True):
    """`target` is what the request line asks for; everything is ASCII and free of blanks and control characters."""

    text: str  # without user name and password, for resolving a relative Location
    scheme: str
    host: str  # a name, or an address without brackets
    port: int
    authority: str  # the Host header
    target: str
    credentials: bytes | None = None  # `user:password` when the url has them

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    def is_same_site(self, other: Url) -> bool:
        """Whether what was meant for this one may be sent to the other: same origin, or its move to https."""
        if self.host != other.host:
            return False
        if (self.scheme, self.port) == (other.scheme, other.port):
            return True
        return (self.scheme, self.port, other.scheme, other.port) == ("http", 80, "https", 443)


def parse_url(text: str) -> Url:
    """Raises `InvalidUrl`."""
    if len(text) > _URL_LIMIT:
        raise InvalidUrl(f"url longer than {_URL_LIMIT} characters")
    try:
        return _url(urlsplit(text))
    except InvalidUrl:
        raise
    except ValueError as error:
        raise InvalidUrl("url with an invalid host or port") from error


def _url(parts: SplitResult) -> Url:
    """Raises `ValueError`."""
    host, port = _ascii_host(parts.hostname or ""), parts.port
    if parts.scheme not in _PORTS or not host or port == 0:
        raise InvalidUrl("not an http or https url with a host")
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port in (None, _PORTS[parts.scheme]) else f"{shown}:{port}"
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return Url(
        text=f"{parts.scheme}://{authority}{target}",
        scheme=parts.scheme,
        host=host,
        port=_PORTS[parts.scheme] if port is None else port,
        authority=authority,
        target=target if target.startswith("/") else f"/{target}",
        credentials=_credentials(parts.username, parts.password),
    )


def redirected(url: Url, location: str) -> Url:
    """Where a Location header leads; raises `InvalidUrl`."""
    try:
        there = urljoin(url.text, location.strip())
    except ValueError as error:
        raise InvalidUrl("redirect to a url with an invalid host or port") from error
    return parse_url(there)


def _ascii_host(host: str) -> str:
    """Raises `ValueError` (`UnicodeError`) for what is no host name; a full stop at its end is left out."""
    if len(host) > _HOST_LIMIT or _NEVER_IN_HOST.search(host):
        raise ValueError(host)
    name = host.removesuffix(".")
    if ":" in name:
        return name
    return name.encode("idna").decode("ascii") if name else ""


def _credentials(user: str | None, password: str | None) -> bytes | None:
    if user is None:
        return None
    return unquote_to_bytes(user) + b":" + unquote_to_bytes(password or "")
