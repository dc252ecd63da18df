"""One connection to an endpoint, from TCP to its end: an asyncio protocol around the wire's client side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, cast

import msgspec

from vedette.agent.buffer import Buffer
from vedette.wire.client import ClientConnection, Introduction, Phase
from vedette.wire.envelope import Failure, Request
from vedette.wire.events import (
    ClientEvent,
    ClosingAnnounced,
    Ended,
    FilesAnswered,
    PostAnswered,
    Questioned,
    Refused,
    ScheduleReceived,
    Send,
    TokenOffered,
    Welcomed,
)
from vedette.wire.messages import UNAVAILABLE, Closing, ScheduledCheck
from vedette.wire.moment import Moment

WINDOW = 32
"""Posts on their way at a time."""
PAUSE_MS = 5_000
"""After the server said that it cannot store now."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection ended."""

    reason: str
    refusal: Failure | None = None
    was_live: bool = False
    has_new_token: bool = False  # ended by us, to come back with it


class Owner(Protocol):
    """Whose connection it is, and what it is told."""

    def welcomed(self, event: Welcomed) -> None: ...

    def files_due(self, event: Welcomed) -> Mapping[str, str | None] | None:
        """The files to upload, if any are."""
        ...

    def files_answered(self, event: FilesAnswered) -> None: ...

    def scheduled(self, checks: Sequence[ScheduledCheck]) -> None: ...

    def not_taken(self, params: Mapping[str, Any], failure: Failure) -> None: ...

    def closing(self, closing: Closing) -> None:
        """The server is about to cut the connection."""
        ...

    def store_token(self, token: str) -> str | None:
        """Makes a new token durable; what went wrong, or None."""
        ...

    def questioned(self, request: Request, link: Link) -> None:
        """The server asks about the host; `link` takes the answer."""
        ...


class Link(asyncio.Protocol):
    """`ended` is done when the connection is gone. Sends what is in the buffer as far as the window allows."""

    def __init__(self, introduction: Introduction, buffer: Buffer, owner: Owner, now: Callable[[], Moment]) -> None:
        self._loop = asyncio.get_running_loop()
        self._wire = ClientConnection(introduction, now())
        self._buffer = buffer
        self._owner = owner
        self._now = now
        self._timer: asyncio.TimerHandle | None = None
        self._paused_until_ms = 0
        self._is_write_full = False
        self._reason = ""
        self._refusal: Failure | None = None
        self._was_live = self._has_new_token = False
        self.ended: asyncio.Future[End] = self._loop.create_future()
        self.emptied = asyncio.Event()
        """Set whenever nothing is left in the buffer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._wire.hello(self._now()))
        self._arm()

    def data_received(self, data: bytes) -> None:
        self._carry_out(self._wire.receive(data, self._now()))

    def pause_writing(self) -> None:
        self._is_write_full = True

    def resume_writing(self) -> None:
        self._is_write_full = False
        self.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._buffer.give_all_back()
        if not self.ended.done():
            reason = self._reason or (str(exc) if exc else "the server closed the connection")
            self.ended.set_result(
                End(
                    reason=reason,
                    refusal=self._refusal,
                    was_live=self._was_live,
                    has_new_token=self._has_new_token,
                )
            )

    def close(self) -> None:
        self._reason = self._reason or "closed"
        self._transport.close()

    def answer(self, request: Request, result: Any) -> None:
        """Nobody waits any more when the connection is gone."""
        self._write(self._wire.answer(request, result))

    def refuse(self, request: Request, problem: str) -> None:
        """The same: we cannot say."""
        self._write(self._wire.refuse(request, problem))

    def _write(self, line: bytes) -> None:
        if self._wire.phase is Phase.LIVE and not self._transport.is_closing():
            self._transport.write(line)

    def pump(self) -> None:
        """Sends what may go now."""
        now = self._now()
        while self._may_send(now):
            params = self._buffer.peek(now.drift_ms)
            if params is None:
                break
            number, line = self._wire.post(params, now)
            self._buffer.sent(number)
            self._transport.write(line)
        if len(self._buffer) == 0:
            self.emptied.set()
        if self._has_new_token and self._buffer.in_flight == 0:
            self.close()
        self._arm()

    def _may_send(self, now: Moment) -> bool:
        if self._has_new_token:
            return False
        is_free = not self._is_write_full and self._buffer.in_flight < WINDOW and self._paused_until_ms <= now.steady_ms
        return is_free and self._wire.phase is Phase.LIVE and not self._transport.is_closing()

    def _carry_out(self, events: list[ClientEvent]) -> None:
        for event in events:
            _ON[type(event)](self, event)
        self.pump()

    def _send(self, event: Send) -> None:
        self._transport.write(event.data)

    def _ended(self, event: Ended) -> None:
        self._reason = self._reason or event.reason
        self._transport.abort()

    def _welcomed(self, event: Welcomed) -> None:
        self._was_live = True
        files = self._owner.files_due(event)
        if files is not None:  # first, for they may be what the schedule is made of
            self._transport.write(self._wire.post_files(files, self._now()))
        self._transport.write(self._wire.fetch_schedule(self._now()))
        self._owner.welcomed(event)

    def _refused(self, event: Refused) -> None:
        self._refusal = event.failure

    def _files_answered(self, event: FilesAnswered) -> None:
        self._owner.files_answered(event)

    def _scheduled(self, event: ScheduleReceived) -> None:
        self._owner.scheduled(event.checks)

    def _post_answered(self, event: PostAnswered) -> None:
        if event.failure is not None and event.failure.type == UNAVAILABLE:
            self._buffer.give_back(event.number)
            self._paused_until_ms = self._now().steady_ms + PAUSE_MS
            return
        params = self._buffer.answered(event.number)
        if event.failure is not None and params is not None:
            self._owner.not_taken(params, event.failure)

    def _closing(self, event: ClosingAnnounced) -> None:
        self._reason = self._reason or f"the server closed it: {event.closing.message or event.closing.reason}"
        self._owner.closing(event.closing)

    def _token_offered(self, event: TokenOffered) -> None:
        """Once it is stored this connection only waits for what is on its way, and ends."""
        problem = self._owner.store_token(event.token)
        if problem is not None:
            self._transport.write(self._wire.not_stored(event.request, problem))
            return
        self._transport.write(self._wire.stored(event.request))
        self._has_new_token = True

    def _questioned(self, event: Questioned) -> None:
        self._owner.questioned(event.request, self)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._wire.phase is Phase.OVER or self._transport.is_closing():
            return
        now_ms = self._now().steady_ms
        due_ms = self._wire.deadline_ms
        if self._paused_until_ms > now_ms:
            due_ms = min(due_ms, self._paused_until_ms)
        self._timer = self._loop.call_later(max(due_ms - now_ms, 1) / 1000, self._tick)

    def _tick(self) -> None:
        self._carry_out(self._wire.tick(self._now()))


_ON: Mapping[type[Any], Callable[[Link, Any], None]] = MappingProxyType(
    {
        Send: Link._send,  # noqa: SLF001 - the table belongs to the class
        Ended: Link._ended,  # noqa: SLF001
        Welcomed: Link._welcomed,  # noqa: SLF001
        Refused: Link._refused,  # noqa: SLF001
        FilesAnswered: Link._files_answered,  # noqa: SLF001
        ScheduleReceived: Link._scheduled,  # noqa: SLF001
        PostAnswered: Link._post_answered,  # noqa: SLF001
        ClosingAnnounced: Link._closing,  # noqa: SLF001
        TokenOffered: Link._token_offered,  # noqa: SLF001
        Questioned: Link._questioned,  # noqa: SLF001
    }
)
