"""One probe's way from the url of the check to the final response: redirects, authentication, egress policy."""

from __future__ import annotations

import asyncio
from typing import Any

from vedette.ports.clock import Entropy
from vedette.ports.probing import Address, Assignment, Resolve
from vedette.probes.certificates import Tls
from vedette.probes.http.digest import digest_authorization
from vedette.probes.http.exchange import Response, exchange, raise_if_exhausted
from vedette.probes.http.request import Request, basic_authorization, checked_headers, checked_method, harmless
from vedette.probes.http.url import Url, parse_url, redirected

REDIRECTS = 10

_MOVED = frozenset((301, 302, 303, 307, 308))
_BECOMES_GET = frozenset((301, 302, 303))
_SAFE_METHODS = frozenset((b"GET", b"HEAD"))
_UNAUTHORIZED = 401
_CNONCE_BYTES = 16


class TooManyRedirects(Exception):
    """More than `REDIRECTS`."""


class NameNotResolved(Exception):
    """No address for a host; the text is the probe's status."""


class Visit:
    """`began` is by the event loop's clock; `address` is the latest that was asked."""

    def __init__(self, assignment: Assignment, resolve: Resolve, tls: Tls, entropy: Entropy) -> None:
        self.began = asyncio.get_running_loop().time()
        self.address: Address | None = None
        self._assignment = assignment
        self._details = assignment.details
        self._resolve = resolve
        self._tls = tls
        self._entropy = entropy
        self._home = ""  # the host of the check's url: what the check's target stands for

    async def final_response(self) -> Response:
        """Raises what `exchange` and `Resolve` raise, `InvalidUrl`, `InvalidRequest`, `NameNotResolved`,
        `TooManyRedirects`.
        """
        request = self._first()
        self._home = request.url.host
        for _ in range(REDIRECTS + 1):
            response = await self._answered(request)
            location = response.head.text(b"location")
            if response.head.code not in _MOVED or not location or not self._details.get("follow_redirects", True):
                return response
            request = _next(request, response.head.code, redirected(request.url, location))
        raise TooManyRedirects

    def _first(self) -> Request:
        details = self._details
        url = parse_url(details["url"])
        credentials = _credentials(details) or url.credentials
        return Request(
            url=url,
            method=checked_method(details.get("method") or "GET"),
            headers=checked_headers(details.get("headers") or {}),
            credentials=credentials,
            authorization=None if credentials is None else basic_authorization(credentials),
            payload=(details.get("payload") or "").encode("utf-8", "replace"),
        )

    async def _answered(self, request: Request) -> Response:
        """Once more where the server asks for digest authentication."""
        response = await self._ask(request)
        if response.head.code != _UNAUTHORIZED or request.credentials is None:
            return response
        challenge = response.head.text(b"www-authenticate")
        cnonce = self._entropy(_CNONCE_BYTES).hex()
        answer = digest_authorization(challenge, request, request.credentials, cnonce)
        return response if answer is None else await self._ask(request.authorized(answer))

    async def _ask(self, request: Request) -> Response:
        url, assignment = request.url, self._assignment
        host = assignment.target if assignment.target and url.host == self._home else url.host
        try:
            addresses = await self._resolve(host, url.port, assignment.resolver)
        except OSError as error:
            raise_if_exhausted(error)
            raise NameNotResolved(f"could not resolve {host}") from error
        self.address = addresses[0]
        return await exchange(request, addresses, self._tls, self.began + assignment.timeout_s)


def _credentials(details: Any) -> bytes | None:
    if not details.get("auth_user"):
        return None
    return f"{details['auth_user']}:{details.get('auth_password') or ''}".encode("utf-8", "replace")


def _next(request: Request, code: int, url: Url) -> Request:
    """The payload goes to the first location only, what may be a secret never to another site."""
    method = b"GET" if code in _BECOMES_GET and request.method not in _SAFE_METHODS else request.method
    if request.url.is_same_site(url):
        return Request(
            url=url,
            method=method,
            headers=request.headers,
            credentials=request.credentials,
            authorization=request.authorization,
            payload=b"",
        )
    return Request(
        url=url,
        method=method,
        headers=harmless(request.headers),
        credentials=url.credentials,
        authorization=None if url.credentials is None else basic_authorization(url.credentials),
        payload=b"",
    )
