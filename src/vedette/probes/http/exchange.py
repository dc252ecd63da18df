"""One request and its response over one connection of its own."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Sequence
from typing import cast

import msgspec

from vedette.ports.probing import Address
from vedette.probes.certificates import Tls
from vedette.probes.http.body import Body
from vedette.probes.http.head import BadResponse, Head
from vedette.probes.http.request import Request, request_bytes
from vedette.probes.http.response import ResponseReader

ADDRESSES_TRIED = 4
_LACKING = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
NEVER_S = 3600.0


class Exhausted(Exception):
    """This process has run out of files, memory or ports: nothing was learnt about the target."""


def raise_if_exhausted(error: OSError) -> None:
    """Raises `Exhausted` from errors that are about us."""
    if error.errno in _LACKING:
        raise Exhausted(os.strerror(error.errno)) from error


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """`connected_at` and `first_byte_at` are seconds of the event loop's clock."""

    head: Head
    body: Body
    address: Address
    connected_at: float
    first_byte_at: float
    certificate: bytes | None = None  # DER, of the server
    certificate_error: str | None = None  # why it or its chain is not to be trusted


class _Receiver(asyncio.Protocol):
    """Sends the request and collects the response; `received` ends when it is complete, or cannot be."""

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self._request = request
        self._loop = loop
        self._reader = ResponseReader(request.method)
        self._failure: Exception | None = None
        self._received: asyncio.Future[None] = loop.create_future()
        self.connected_at = self.first_byte_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.connected_at = self._loop.time()
        if not self._request.url.is_secure:
            self.send(transport)

    def send(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by `isinstance`.
        cast("asyncio.WriteTransport", transport).write(request_bytes(self._request))

    def data_received(self, data: bytes) -> None:
        if self._received.done():
            return
        self.first_byte_at = self.first_byte_at or self._loop.time()
        try:
            if self._reader.take(data):
                self._received.set_result(None)
        except BadResponse as bad:
            self._fail(bad)

    def connection_lost(self, error: Exception | None) -> None:
        if self._received.done():
            return
        try:
            self._reader.close()
        except BadResponse as bad:
            self._fail(error if isinstance(error, OSError) else bad)
        else:
            self._received.set_result(None)

    def _fail(self, failure: Exception) -> None:
        self._failure = failure
        self._received.set_result(None)

    async def answer(self) -> tuple[Head, Body]:
        """Raises `BadResponse`, or `OSError` when the connection broke."""
        await self._received
        if self._failure is not None:
            raise self._failure
        if self._reader.response is None:
            raise BadResponse("connection closed without a response")
        return self._reader.response


async def exchange(request: Request, addresses: Sequence[Address], tls: Tls, deadline: float) -> Response:
    """Over the first of the addresses that takes a connection.

    `deadline` is by the event loop's clock; it is the caller's to keep, here it only divides the time among addresses.
    Raises `OSError` when no address takes a connection or it breaks, `BadResponse`.
    """
    tried = addresses[:ADDRESSES_TRIED]
    for index, address in enumerate(tried[:-1]):
        try:
            opened = await _open_within(request, address, (deadline - _now()) / (len(tried) - index))
        except OSError:
            continue
        return await _ask(request, address, tls, opened)
    return await _ask(request, tried[-1], tls, await _open(request, tried[-1]))


class _Opened(msgspec.Struct):
    transport: asyncio.Transport  # the TLS one once there is TLS
    receiver: _Receiver


async def _open(request: Request, address: Address) -> _Opened:
    loop = asyncio.get_running_loop()
    try:
        opened = await loop.create_connection(lambda: _Receiver(request, loop), str(address), request.url.port)
    except OSError as error:
        raise_if_exhausted(error)
        if error.errno == errno.EADDRNOTAVAIL and address.version == 4:  # no port is left; for IPv6: it is switched off
            raise Exhausted("no local port is left") from error
        raise
    return _Opened(*opened)


async def _open_within(request: Request, address: Address, seconds: float) -> _Opened:
    async with asyncio.timeout(seconds):
        return await _open(request, address)


async def _ask(request: Request, address: Address, tls: Tls, opened: _Opened) -> Response:
    certificate_error = None
    try:
        if request.url.is_secure:
            certificate_error = await _secure(request, address, tls, opened)
        head, body = await opened.receiver.answer()
        return Response(
            head=head,
            body=body,
            address=address,
            connected_at=opened.receiver.connected_at,
            first_byte_at=opened.receiver.first_byte_at,
            certificate=_certificate(opened.transport),
            certificate_error=certificate_error,
        )
    finally:
        opened.transport.abort()


async def _secure(request: Request, address: Address, tls: Tls, opened: _Opened) -> str | None:
    """TLS on what is open, the request sent; gives why the certificate is not to be trusted.

    OpenSSL leaves a connection whose certificate it refuses, so such a server is asked again without verification.
    """
    certificate_error = None
    try:
        opened.transport = await _start_tls(opened, tls.verifying, request)
    except ssl.SSLCertVerificationError as error:
        certificate_error = error.verify_message
        again = await _open(request, address)
        opened.transport, opened.receiver = again.transport, again.receiver
        opened.transport = await _start_tls(opened, tls.accepting, request)
    opened.receiver.send(opened.transport)
    return certificate_error


async def _start_tls(opened: _Opened, context: ssl.SSLContext, request: Request) -> asyncio.Transport:
    """The handshake ends with the probe's own time-out."""
    secured = await asyncio.get_running_loop().start_tls(
        opened.transport, opened.receiver, context, server_hostname=request.url.host, ssl_handshake_timeout=NEVER_S
    )
    if secured is None:  # the server was gone before the handshake ended
        raise ConnectionResetError("connection closed in the TLS handshake")
    return secured


def _certificate(transport: asyncio.Transport) -> bytes | None:
    secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return None if secured is None else secured.getpeercert(binary_form=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
