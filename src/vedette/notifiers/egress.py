"""Connections of notifiers: only to addresses that the egress policy allows, judged after DNS."""

from __future__ import annotations

from collections.abc import Iterable

import httpcore

from vedette.ports.probing import Resolve

_connect_s = 5.0  # for one address, so that a dead one leaves time for the next


class NameNotFoundError(Exception):
    """The receiver's host name has no address."""


class EgressBackend(httpcore.AsyncNetworkBackend):
    """Resolves by the port and tries the addresses it gives, in order. One for each attempt."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def aclose(self) -> None:
        """Closes what is still open: httpcore leaves a connection behind that is cancelled in its TLS handshake."""
        if self._stream is not None:
            await self._stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises `EgressDenied`, `NameNotFoundError`, `httpcore.ConnectError`, `httpcore.ConnectTimeout`."""
        try:
            addresses = await self._resolve(host, port, None)
        except OSError as error:
            raise NameNotFoundError from error
        failure: Exception = NameNotFoundError()
        for address in addresses:
            try:
                self._stream = await self._network.connect_tcp(str(address), port, timeout or _connect_s)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return self._stream
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """There are none here."""
        raise httpcore.UnsupportedProtocol("Unix sockets are not connected to")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
