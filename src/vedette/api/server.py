"""uvicorn inside our own loop, and what it leaves open: peers that are slow or endless before a request begins."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vedette.api import bodies
from vedette.api.faults import JSON, body_of
from vedette.domain.faults import bad_request

if TYPE_CHECKING:
    import socket

    from litestar.types import ASGIApp

_HEAD_DEADLINE_S = 15.0
_MOST_HEAD_BYTES = 64 * 1024
_MOST_BODY_BYTES = 2 * 1024 * 1024
"""A body as it comes over the wire, chunk heads and trailers with it: the API refuses it long before."""
_REST_DEADLINE_S = 10.0
_READER_DEADLINE_S = 60.0
_KEEP_ALIVE_S = 75
_MOST_CONNECTIONS = 10_000
_NOT_HTTP_BODY = body_of(bad_request("The request is not HTTP", "Expected an HTTP/1.1 request"), "")
_NOT_HTTP = (
    f"HTTP/1.1 400 Bad Request\r\nContent-Type: {JSON}\r\nContent-Length: {len(_NOT_HTTP_BODY)}\r\n"
    "Connection: close\r\n\r\n"
).encode() + _NOT_HTTP_BODY
# What peers send that is not HTTP is no event of ours: anybody could fill the log with it.
_log = logging.getLogger("vedette.http")
_log.setLevel(logging.ERROR)


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that are too slow or send too much, for the parser itself has no limits.

    A head (request line and headers) has a deadline and a size; the rest of a body that nobody waits for has them too;
    and a peer must read what it asked for.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _log

    _timer: asyncio.TimerHandle | None = None  # of the head, or of the rest of a body after the answer
    _reader_timer: asyncio.TimerHandle | None = None
    _is_in_head = False
    _is_in_body = False
    _bytes = 0  # of the head or body under way

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
        self._bytes = 0
        self._expect(_HEAD_DEADLINE_S)

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._timer is None:  # most heads come in one piece, and need no timer
            self._expect(_HEAD_DEADLINE_S)
        if self._bytes > (_MOST_BODY_BYTES if self._is_in_body else _MOST_HEAD_BYTES) and self._is_under_way:
            self._give_up()

    @property
    def _is_under_way(self) -> bool:
        """Whether a request has begun and not ended."""
        return self._is_in_head or self._is_in_body or self._timer is not None

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_NOT_HTTP)
        self.transport.close()

    def on_message_begin(self) -> None:
        self._is_in_head = True
        if self._timer is None:
            self._bytes = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_body:  # else it is a trailer, which nobody asked for
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._expect(None)
        self._is_in_head, self._is_in_body = False, True
        self._bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_body = False
        self._bytes = 0
        self._expect(None)
        scope: Any = self.cycle.scope
        scope[bodies.IS_HERE] = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_in_body and self.cycle.response_complete:
            self._expect(_REST_DEADLINE_S)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader_timer = self.loop.call_later(_READER_DEADLINE_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._end_reader_timer()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """What a peer has not read by now it never will; closing would wait for it."""
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        super().connection_lost(exc)
        self._end_reader_timer()

    def _expect(self, within_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if within_s is not None:
            self._timer = self.loop.call_later(within_s, self._give_up)

    def _end_reader_timer(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _give_up(self) -> None:
        self._expect(None)
        self.transport.abort()


class Certificate(NamedTuple):
    """PEM files; the key may be in the same file."""

    chain: Path
    key: Path


class HttpServer:
    """Serves an ASGI application on a listening socket."""

    def __init__(self, app: ASGIApp, listener: socket.socket, certificate: Certificate | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=GuardedProtocol,
            loop="none",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=10,
            ssl_certfile=certificate.chain if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        config: Any = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._listener])
        self._task = asyncio.create_task(self._server.main_loop(), name="http")

    async def stop(self) -> None:
        """No new connections; requests under way complete within 10 s."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            await self._server.shutdown(sockets=[self._listener])
