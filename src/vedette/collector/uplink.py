"""One connection of our collector to an endpoint, from TCP to its end: an asyncio protocol around the wire's client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, cast

import msgspec

from vedette.wire.client import Introduction, Phase
from vedette.wire.collector_client import CollectorClient
from vedette.wire.envelope import Failure, Request
from vedette.wire.events import (
    ChecksCommitted,
    ClientEvent,
    ClosingAnnounced,
    ConfirmAsked,
    Ended,
    PostAnswered,
    Questioned,
    Refused,
    Send,
    TokenOffered,
    Welcomed,
)
from vedette.wire.messages import Closing
from vedette.wire.moment import Moment
from vedette.wire.poller import ConfirmParams, PolledCheck

WRITE_BUFFER_BYTES = 256 * 1024


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection ended."""

    reason: str
    refusal: Failure | None = None
    was_live: bool = False
    has_new_token: bool = False  # ended by us, to come back with it


class Owner(Protocol):
    """Whose connection it is, and what it is told."""

    running: Mapping[str, PolledCheck]
    """What was committed last, over whichever connection."""

    @property
    def is_blind(self) -> bool: ...

    def welcomed(self, uplink: Uplink) -> None: ...

    def committed(self, checks: Mapping[str, PolledCheck]) -> None:
        """The complete list of what is to be run."""
        ...

    def confirm(self, asked: ConfirmParams) -> None: ...

    def questioned(self, request: Request, uplink: Uplink) -> None:
        """A check is to be run once; `uplink` takes the answer."""
        ...

    def closing(self, closing: Closing) -> None:
        """The server is about to cut the connection."""
        ...

    def store_token(self, token: str) -> str | None:
        """Makes a new token durable; what went wrong, or None."""
        ...


class Uplink(asyncio.Protocol):
    """`ended` is done when the connection is gone, and with it every post that has no answer yet."""

    def __init__(self, introduction: Introduction, owner: Owner, now: Callable[[], Moment]) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._now = now
        self._wire = CollectorClient(introduction, owner.running, lambda: owner.is_blind, now())
        self._timer: asyncio.TimerHandle | None = None
        self._posts: dict[int, asyncio.Future[Failure | None]] = {}
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._reason = ""
        self._refusal: Failure | None = None
        self._was_live = self._has_new_token = False
        self.ended: asyncio.Future[End] = self._loop.create_future()

    # -- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._transport.write(self._wire.hello(self._now()))
        self._arm()

    def data_received(self, data: bytes) -> None:
        self._carry_out(self._wire.receive(data, self._now()))

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._may_write.set()
        for post in self._posts.values():
            if not post.done():
                post.set_exception(ConnectionError("the connection was lost before the answer came"))
        self._posts.clear()
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

    # -- what its owner calls

    @property
    def is_live(self) -> bool:
        return self._wire.phase is Phase.LIVE and not self._has_new_token and not self._transport.is_closing()

    async def post(self, params: Mapping[str, Any]) -> Failure | None:
        """A `check_metrics.post_multi`: None once it is durable, or why it is not taken. Raises `ConnectionError`."""
        await self._may_write.wait()
        if not self.is_live:
            raise ConnectionError("the connection has ended")
        number, line = self._wire.report(params, self._now())
        answer: asyncio.Future[Failure | None] = self._loop.create_future()
        self._posts[number] = answer
        self._transport.write(line)
        self._arm()
        try:
            return await answer
        finally:
            self._posts.pop(number, None)
            if self._has_new_token and not self._posts:
                self.close()

    def answer(self, request: Request, result: Any) -> None:
        """Nobody waits any more when the connection is gone."""
        if self.is_live:
            self._transport.write(self._wire.answer(request, result))

    def refuse(self, request: Request, problem: str) -> None:
        """The same: we cannot."""
        if self.is_live:
            self._transport.write(self._wire.refuse(request, problem))

    def beat(self) -> None:
        """What a heartbeat says has changed."""
        self._carry_out(self._wire.beat(self._now()))

    def close(self) -> None:
        """What was written is still sent."""
        self._reason = self._reason or "closed"
        self._transport.close()

    # -- events

    def _carry_out(self, events: list[ClientEvent]) -> None:
        for event in events:
            handler = _ON.get(type(event))
            if handler is not None:
                handler(self, event)
        self._arm()

    def _send(self, event: Send) -> None:
        self._transport.write(event.data)

    def _ended(self, event: Ended) -> None:
        self._reason = self._reason or event.reason
        self._transport.abort()

    def _welcomed(self, event: Welcomed) -> None:
        self._was_live = True
        self._owner.welcomed(self)

    def _refused(self, event: Refused) -> None:
        self._refusal = event.failure

    def _committed(self, event: ChecksCommitted) -> None:
        self._owner.committed(event.checks)

    def _confirm(self, event: ConfirmAsked) -> None:
        self._owner.confirm(event.params)

    def _questioned(self, event: Questioned) -> None:
        self._owner.questioned(event.request, self)

    def _post_answered(self, event: PostAnswered) -> None:
        post = self._posts.get(event.number)
        if post is not None and not post.done():
            post.set_result(event.failure)

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
        if not self._posts:
            self.close()

    # -- time

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._wire.phase is Phase.OVER or self._transport.is_closing():
            return
        wait_ms = max(self._wire.deadline_ms - self._now().steady_ms, 1)
        self._timer = self._loop.call_later(wait_ms / 1000, self._tick)

    def _tick(self) -> None:
        self._carry_out(self._wire.tick(self._now()))


_ON: Mapping[type[Any], Callable[[Uplink, Any], None]] = MappingProxyType(
    {
        Send: Uplink._send,  # noqa: SLF001 - the table belongs to the class
        Ended: Uplink._ended,  # noqa: SLF001
        Welcomed: Uplink._welcomed,  # noqa: SLF001
        Refused: Uplink._refused,  # noqa: SLF001
        ChecksCommitted: Uplink._committed,  # noqa: SLF001
        ConfirmAsked: Uplink._confirm,  # noqa: SLF001
        Questioned: Uplink._questioned,  # noqa: SLF001
        PostAnswered: Uplink._post_answered,  # noqa: SLF001
        ClosingAnnounced: Uplink._closing,  # noqa: SLF001
        TokenOffered: Uplink._token_offered,  # noqa: SLF001
    }
)
"""A collector fetches no schedule."""
