"""Webhooks: the event is posted as JSON to a url (reference: notification types, webhook).

Any answer of 2xx is success. Redirects are not followed: what they lead to was not configured by the tenant, and the
webhook token is not to be carried there. Every other failure may pass, so it is tried again; only details that can
never work are permanent.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx

from vedette import __version__
from vedette.notifiers.egress import EgressBackend, NameNotFoundError
from vedette.notifiers.failures import failure_message
from vedette.ports.notifying import Message, Sent
from vedette.ports.probing import EgressDenied, Resolve

TIMEOUT_S = 15.0

SUCCESS = "Success: Webhook successfully executed"

_longest_answer = 16_384  # bytes; what a receiver says is not used
_drain_s = 1.0

_failures = (
    TimeoutError,
    EgressDenied,
    NameNotFoundError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
)


class Webhook:
    """Posts events. Each attempt is a connection of its own, so the egress policy is asked each time."""

    def __init__(self, resolve: Resolve, tls: ssl.SSLContext | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._resolve = resolve
        self._tls = tls or httpx.create_ssl_context()
        self._timeout_s = timeout_s

    async def __call__(self, message: Message) -> Sent:
        """One attempt."""
        url = _receiver(message.details)
        if url is None:
            return Sent(success=False, message="details.url is not an HTTP or HTTPS URL", permanent=True)
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._post(url, message)
        except httpcore.LocalProtocolError:
            return Sent(success=False, message="The request cannot be written as HTTP", permanent=True)
        except _failures as failure:
            return Sent(success=False, message=failure_message(failure))
        if 200 <= status <= 299:
            return Sent(success=True, message=SUCCESS)
        return Sent(success=False, message=f'Unexpected status code "{status}". Expected one of: /2[0-9]{{2}}/')

    async def _post(self, url: httpx.URL, message: Message) -> int:
        """The status of the answer."""
        address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        async with (
            aclosing(EgressBackend(self._resolve)) as network,
            httpcore.AsyncHTTPConnection(address.origin, self._tls, network_backend=network) as connection,
            connection.stream("POST", address, headers=_headers(url, message), content=message.payload) as answer,
        ):
            await _drain(answer)
            return answer.status


async def _drain(answer: httpcore.Response) -> None:
    """Reads a little of the answer's body, so that its sender is not cut off; it changes nothing if that fails."""
    length = 0
    try:
        async with asyncio.timeout(_drain_s):
            async for chunk in answer.aiter_stream():
                length += len(chunk)
                if length > _longest_answer:
                    return
    except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
        return


def _receiver(details: Mapping[str, Any]) -> httpx.URL | None:
    try:
        url = httpx.URL(details["url"])
    except (KeyError, TypeError, httpx.InvalidURL):
        return None
    return url if url.scheme in {"http", "https"} and url.host and (url.port or 0) <= 65_535 else None


def _headers(url: httpx.URL, message: Message) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"Host", url.netloc),
        (b"Content-Type", b"application/json"),
        (b"Accept", b"*/*"),
        (b"User-Agent", f"vedette/{__version__}".encode()),
        (b"Connection", b"close"),
    ]
    if url.userinfo:
        plain = unquote(url.userinfo.decode("ascii")).encode()
        headers.append((b"Authorization", b"Basic " + base64.b64encode(plain)))
    if message.webhook_token is not None:
        headers.append((b"X-Rackspace-Webhook-Token", message.webhook_token.encode()))
    return headers
