"""Addresses: every resource answers at `/v1.0/{tenant}/...` and at `/v1.0/...`, with or without a trailing slash.

The framework routes the short form; the tenant of the path travels in the visit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import unquote

from vedette.domain.collections import COLLECTIONS

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?", re.ASCII)
_VERSION = "/v1.0"

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]


def without_tenant(path: str) -> tuple[str, str | None]:
    """(the short form of an address, the tenant it named).

    >>> without_tenant("/v1.0/acme/entities/")
    ('/v1.0/entities', 'acme')
    """
    short = path.rstrip("/") or "/"
    if not short.startswith("/v1.0/"):
        return short, None
    first, _, rest = short[len(_VERSION) + 1 :].partition("/")
    if not first or not rest or first in COLLECTIONS:
        return short, None
    return f"{_VERSION}/{rest}", first


def path_of(scope: Any) -> str:
    """The path, every segment percent-decoded once; what must not be taken for a separator stays as `%2F` and `%25`."""
    raw: bytes = scope["raw_path"]
    if b"%" not in raw:
        path: str = scope["path"]
        return path
    return "/".join(_escaped(unquote(part)) for part in raw.decode("latin-1").split("/"))


def _escaped(segment: str) -> str:
    return segment.replace("%", "%25").replace("/", "%2F")


def segment_of(escaped: str) -> str:
    """What a segment of `path_of` stands for."""
    return escaped.replace("%2F", "/").replace("%25", "%")


def is_no_address(path: str) -> bool:
    """What no resource answers at, whatever a router makes of it."""
    return "//" in path or "\0" in path


def header(scope: Any, name: bytes) -> str | None:
    """The first header of a name; header names arrive in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


class Bases:
    """What the caller sees as our scheme and host: `--public-url`, a trusted proxy's word, or the request's own."""

    def __init__(self, public_url: str | None, trusted_proxies: Networks) -> None:
        self._public_url = public_url.rstrip("/") if public_url else None
        self._trusted = tuple(trusted_proxies)

    def base_and_peer(self, scope: Any) -> tuple[str, str]:
        """(scheme://host, the caller's address)."""
        client = scope.get("client")
        peer = client[0] if client else ""
        if self._trusted and self._is_trusted(peer):
            return self._forwarded(scope, peer)
        return self._public_url or _own(scope, header(scope, b"host")), peer

    def _forwarded(self, scope: Any, proxy: str) -> tuple[str, str]:
        chain = (header(scope, b"x-forwarded-for") or "").split(",")
        hops = (hop for hop in map(str.strip, reversed(chain)) if address_of(hop) is not None)
        peer = next((hop for hop in hops if not self._is_trusted(hop)), proxy)
        scheme = header(scope, b"x-forwarded-proto")
        host = header(scope, b"x-forwarded-host") or header(scope, b"host")
        base = self._public_url or _own(scope, host, scheme if scheme in {"http", "https"} else None)
        return base, peer

    def _is_trusted(self, peer: str) -> bool:
        address = address_of(peer)
        return address is not None and any(address in network for network in self._trusted)


def address_of(peer: str) -> Address | None:
    """None for what is no address. IPv4 within IPv6, as a listener on both shows it, is IPv4."""
    try:
        address = ip_address(peer)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(peer: str) -> bool:
    """Whether this is an address of the machine itself."""
    address = address_of(peer)
    return address is not None and address.is_loopback


def _own(scope: Any, host: str | None, scheme: str | None = None) -> str:
    if host is None or not _HOST.fullmatch(host):
        name, port = scope["server"]
        host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return f"{scheme or scope['scheme']}://{host}"
