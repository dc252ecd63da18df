"""One connection: an asyncio protocol that feeds `wire` and carries out what it says.

An idle connection has no task. What an agent wants of the services is queued and worked off in order by one task that
ends with the queue; posts that came together are made durable together. While too much is queued, or the peer does not
read, we do not read either.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Protocol, cast

import msgspec
import structlog

from vedette.agent_endpoint.https import answer
from vedette.agent_endpoint.limits import Limits
from vedette.domain.tokens import Reason, recorded
from vedette.ports.unit import StoreUnavailable
from vedette.services.agent_connections import Address, Identity
from vedette.services.agent_files import FileOutcome
from vedette.services.agent_replies import BUSY, NOT_CONNECTED, Outcome, Reply
from vedette.services.agents import Agents
from vedette.services.handshakes import TEXTS, Refusal
from vedette.services.not_taken import NotTaken
from vedette.wire.deliveries import Step
from vedette.wire.envelope import Request, answered, refused
from vedette.wire.events import (
    Answered,
    CollectorPosted,
    Ended,
    FilesPosted,
    HeartbeatReceived,
    HelloReceived,
    HttpAsked,
    MetricsPosted,
    ScheduleAsked,
    Send,
    ServerEvent,
    Unanswered,
)
from vedette.wire.framing import KNOWN_PEER_LINE_BYTES
from vedette.wire.messages import CLOSING, NOTICES, ROTATE, UNAVAILABLE, Hello, files_result, schedule_result
from vedette.wire.moment import Moment
from vedette.wire.poller import METHODS as POLLER_METHODS
from vedette.wire.server import ANSWER_LIMIT_MS, Phase, ServerConnection, Terms

Posted = MetricsPosted | CollectorPosted
Wish = Posted | ScheduleAsked | FilesPosted
MOST_QUEUED = 64
MOST_QUEUED_BYTES = KNOWN_PEER_LINE_BYTES
"""Of requests that wait; what is read is held in full and once more as it is understood."""
MOST_POSTS_AT_ONCE = 64
WRITE_BUFFER_BYTES = 64 * 1024
LONGEST_PROBLEM = 300
FILES_AGAIN_S = 5.0
"""Less than a stop of the server waits for accepted work."""
NOTICE_S = 0.5
"""How long an agent that is told why it is cut may take to say that it has understood."""
log = structlog.get_logger(__name__)


class Endpoint(Protocol):
    """What a peer needs of the listener that accepted it."""

    agents: Agents
    ca_pem: bytes
    limits: Limits

    def now(self) -> Moment: ...

    def count(self, what: str) -> None: ...

    def arrived(self, peer: AgentPeer) -> None:
        """Its TLS handshake is done."""
        ...

    def over(self, peer: AgentPeer) -> None:
        """Its conversation has ended; safe to call twice."""
        ...

    def lost(self, peer: AgentPeer) -> None:
        """Its socket is closed."""
        ...


class AgentPeer(asyncio.Protocol):
    """A peer from its TLS handshake to its end. It is the `Live` connection that the services see."""

    __slots__ = ("_address", "_cut_for", "_endpoint", "_is_reading", "_is_stopping", "_is_write_full", "_queue",
                 "_queued_bytes", "_task", "_transport", "_waiting", "_wire", "identity_or_none",
                 "silent_ms")  # fmt: skip

    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._endpoint = endpoint
        self._address = address
        self._queue: deque[Wish] = deque()
        self._queued_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._is_reading = True
        self._is_write_full = self._is_stopping = False
        self._cut_for: Reason | None = None
        self._waiting: dict[int, asyncio.Future[Reply]] = {}  # for answers, by the request's number
        self.identity_or_none: Identity | None = None
        self.silent_ms = 0  # for how long nothing had come when it was closed for that, else 0

    # -- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._wire = ServerConnection(self._endpoint.now())
        self._endpoint.arrived(self)

    def data_received(self, data: bytes) -> None:
        self._carry_out(self._wire.receive(data, self._endpoint.now()))

    def pause_writing(self) -> None:
        self._is_write_full = True
        self._set_reading()

    def resume_writing(self) -> None:
        self._is_write_full = False
        self._set_reading()
        if self.identity_or_none is not None and self.identity.is_collector:
            self._endpoint.agents.collectors.pump(self, self._endpoint.now().steady_ms)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.identity_or_none is not None and not self._wire.is_over:
            self._log("agent.disconnected", reason="the connection was lost" if exc else "the agent closed it")
        self._wire.end()
        self._lose_answers()
        self._endpoint.over(self)
        self._endpoint.lost(self)

    # -- what the listener and the services call

    @property
    def identity(self) -> Identity:
        """Of a live connection."""
        if self.identity_or_none is None:
            raise LookupError("no handshake yet")
        return self.identity_or_none

    @property
    def deadline_ms(self) -> int | None:
        return self._wire.deadline_ms

    @property
    def task(self) -> asyncio.Task[None] | None:
        """What is being worked off, if anything."""
        return self._task

    def tick(self) -> None:
        now = self._endpoint.now()
        events = self._wire.tick(now)
        if self._wire.is_over:
            self.silent_ms = self._wire.silent_ms(now)
        self._carry_out(events)

    def tell_schedule_changed(self) -> bool:
        """A collector fetches nothing."""
        return self.identity.is_collector or self._ask("check_schedule.changed", {}) is not None

    def hand_token(self, token: str) -> bool:
        return self._ask(ROTATE, {"token": token}) is not None

    def hand(self, step: Step) -> int | None:
        """Sends a request of a delivery; its number, 0 where no answer is expected. None when it cannot be sent now."""
        if self._is_write_full or not self._is_live:
            return None
        if step.limit_ms is not None:
            return self._ask(step.method, step.params, step.limit_ms)
        line = self._wire.tell(step.method, step.params, self.identity.guid)
        if line is not None:
            self._transport.write(line)
        return None if line is None else 0

    async def ask(self, method: str, params: dict[str, Any], limit_ms: int) -> Reply:
        number = self._ask(method, params, limit_ms)
        if number is None:
            return BUSY if self._is_live else NOT_CONNECTED
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            return await reply
        finally:
            self._waiting.pop(number, None)

    @property
    def _is_live(self) -> bool:
        return self._cut_for is None and not self._transport.is_closing() and self._wire.phase is Phase.LIVE

    def _ask(self, method: str, params: dict[str, Any], limit_ms: int = ANSWER_LIMIT_MS) -> int | None:
        """Sends a request; its number. None when that cannot be done now."""
        if not self._is_live:
            return None
        question = self._wire.ask(method, params, self._endpoint.now(), self.identity.guid, limit_ms)
        if question is None:
            return None
        self._transport.write(question[1])
        return question[0]

    def cut(self, reason: Reason, *, with_notice: bool) -> bool:
        """Stock agents are told nothing they did not ask for: it can crash them."""
        if self._cut_for is not None or self._wire.is_over:
            return False
        text = TEXTS[reason]
        may_tell = with_notice and NOTICES in self.identity.features
        is_told = may_tell and self._ask(CLOSING, {"reason": str(reason), "message": text}) is not None
        self._cut_for = reason
        self._drop_wishes()
        if is_told:
            asyncio.get_running_loop().call_later(NOTICE_S, self.close, text)
        else:
            self.close(text)
        return True

    def close(self, reason: str) -> None:
        """At once: what waits to be taken or to be sent is dropped."""
        self._drop_wishes()
        if not self._wire.is_over:
            self._log("agent.closed", reason=reason)
        self._wire.end()
        self._endpoint.over(self)
        self._transport.abort()

    def stop_reading(self) -> None:
        """The server stops: what was accepted is still answered."""
        self._is_stopping = True
        self._set_reading()

    def finish(self) -> None:
        """Sends what is waiting, then closes."""
        self._wire.end()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    # -- events

    def _carry_out(self, events: list[ServerEvent]) -> None:
        for event in events:
            _ON[type(event)](self, event)

    def _send(self, event: Send) -> None:
        self._transport.write(event.data)

    def _ended(self, event: Ended) -> None:
        self._endpoint.count("ended")
        self._log("agent.ended", reason=event.reason)
        self._lose_answers()
        self._endpoint.over(self)
        self._transport.close()

    def _http(self, event: HttpAsked) -> None:
        self._endpoint.count("http")
        self._transport.write(answer(event.request, self._endpoint.ca_pem))
        self._transport.close()

    def _hello(self, event: HelloReceived) -> None:
        self._work(self._judge(event.hello))

    def _heartbeat(self, event: HeartbeatReceived) -> None:
        identity, agents, now = self.identity, self._endpoint.agents, self._endpoint.now()
        agents.pass_time(now)
        if identity.is_collector:
            agents.collectors.heard(self, event.sent_ms, is_blind=event.is_blind, now=now)
        agents.heard(identity, event.sent_ms, now.wall_ms)

    def _wish(self, event: Wish) -> None:
        if self._cut_for is not None:
            return
        self._queue.append(event)
        self._queued_bytes += len(event.request.params)
        if self._task is None:
            self._work(self._work_off())
        self._set_reading()

    def _answered(self, event: Answered) -> None:
        """`check_schedule.changed` is answered by the fetch that follows."""
        if event.number in self._waiting:
            self._settle(event.number, _reply(event))
        elif event.method in POLLER_METHODS:
            self._endpoint.agents.collectors.answered(self, event, self._endpoint.now().steady_ms)
        elif event.method == CLOSING and self._cut_for is not None:
            self.close(TEXTS[self._cut_for])
        elif event.method == ROTATE and event.error is None:
            self._endpoint.agents.stored_token(self)
            self._log("agent.token_stored")
        elif event.method == ROTATE and event.error is not None:
            self._log("agent.token_not_stored", problem=(event.error.message or "")[:LONGEST_PROBLEM])

    def _unanswered(self, event: Unanswered) -> None:
        self._log("agent.unanswered", method=event.method)
        self._settle(event.number, Reply(outcome=Outcome.UNANSWERED))
        if event.method in POLLER_METHODS:
            self._endpoint.agents.collectors.answered(self, event, self._endpoint.now().steady_ms)

    def _settle(self, number: int, reply: Reply) -> None:
        """Who asked may have gone, or been told already."""
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _lose_answers(self) -> None:
        for number in list(self._waiting):
            self._settle(number, Reply(outcome=Outcome.LOST))

    # -- work

    def _work(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(coroutine)
        self._set_reading()
        self._task.add_done_callback(self._worked)

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        problem = task.exception()
        if problem is not None:
            log.error("agent.failed", ip=self._address.ip, exc_info=problem)
            self.close("an internal failure")
        elif self._queue:
            self._work(self._work_off())
        self._set_reading()

    async def _judge(self, hello: Hello) -> None:
        endpoint = self._endpoint
        verdict = await endpoint.agents.authenticate(hello, self._address, endpoint.now().wall_ms)
        now = endpoint.now()
        if isinstance(verdict, Refusal):
            self._refuse(verdict, hello, now)
            return
        if self._transport.is_closing():
            return
        self.identity_or_none = verdict
        events = self._wire.welcome(_terms(verdict, endpoint.limits), now)
        endpoint.agents.connected(self, now.steady_ms)
        self._log("agent.connected", version=verdict.bundle_version, token=recorded(hello.token))
        self._carry_out(events)
        if verdict.is_collector and not self._wire.is_over:  # after its welcome, for it may be cut at once
            endpoint.agents.collectors.connected(self)

    def _refuse(self, refused: Refusal, hello: Hello, now: Moment) -> None:
        """Later and later, where handshakes fail time and again."""
        ip = self._address.ip
        delay_s = self._endpoint.agents.failed(refused, hello, ip, now.steady_ms)
        log.warning("agent.refused", reason=str(refused.reason), ip=ip, agent_id=hello.agent_id[:64],
                    token=recorded(hello.token), delay_s=delay_s)  # fmt: skip
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self._tell_refused, refused)
        else:
            self._tell_refused(refused)

    def _tell_refused(self, refused: Refusal) -> None:
        self._carry_out(self._wire.refuse(refused.code, refused.type, refused.message))

    async def _work_off(self) -> None:
        while self._queue:
            first = self._queue[0]
            if isinstance(first, Posted):
                await self._take(self._leading_posts())
            else:
                self._next()
                await (self._hand_out(first.request) if isinstance(first, ScheduleAsked) else self._files(first))
            self._set_reading()

    def _leading_posts(self) -> list[Posted]:
        posts: list[Posted] = []
        while self._queue and len(posts) < MOST_POSTS_AT_ONCE and isinstance(self._queue[0], Posted):
            posts.append(cast("Posted", self._next()))
        return posts

    def _next(self) -> Wish:
        wish = self._queue.popleft()
        self._queued_bytes -= len(wish.request.params)
        return wish

    def _drop_wishes(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0

    async def _take(self, posts: list[Posted]) -> None:
        """A peer sends posts of one kind: an agent's or a collector's."""
        agents, now = self._endpoint.agents, self._endpoint.now()
        agents.pass_time(now)
        reported = [item.post for item in posts if isinstance(item, CollectorPosted)]
        own = [item.post for item in posts if isinstance(item, MetricsPosted)]
        try:
            if self.identity.is_collector:
                verdicts = await agents.collectors.post(self, reported, now)
            else:
                verdicts = await agents.post(self.identity, own, now.wall_ms)
        except StoreUnavailable:
            self._reply(*(refused(item.request, 400, UNAVAILABLE, "Nothing can be stored now") for item in posts))
            return
        taken: Any = {} if self.identity.is_collector else []  # what each kind is known to accept
        self._reply(*(
            answered(item.request, taken) if no is None else refused(item.request, 400, "badRequest", no.message)
            for item, no in zip(posts, verdicts, strict=True)
        ))  # fmt: skip

    async def _hand_out(self, request: Request) -> None:
        try:
            checks = await self._endpoint.agents.schedule(self)
        except StoreUnavailable:
            self._endpoint.agents.not_handed(self, self._endpoint.now().steady_ms)
            self._reply(refused(request, 400, UNAVAILABLE, "The schedule cannot be read now"))
            return
        self._reply(answered(request, schedule_result(checks)))

    async def _files(self, posted: FilesPosted) -> None:
        taken = await self._take_files(posted)
        if taken is None:
            self._reply(refused(posted.request, 400, UNAVAILABLE, "Nothing can be stored now"))
            return
        if isinstance(taken, NotTaken):
            self._reply(refused(posted.request, 400, "badRequest", taken.message))
            return
        self._reply(answered(posted.request, files_result([msgspec.to_builtins(one) for one in taken])))

    async def _take_files(self, posted: FilesPosted) -> list[FileOutcome] | NotTaken | None:
        """None where nothing can be stored now. A stock agent sends its files once, so they wait here until it can."""
        agents = self._endpoint.agents
        while True:
            try:
                return await agents.take_files(self.identity, posted.files, self._endpoint.now().wall_ms)
            except StoreUnavailable:
                if self.identity.is_ours or self._is_stopping or not self._is_live:
                    return None
            await asyncio.sleep(FILES_AGAIN_S)

    def _reply(self, *lines: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(lines))

    # -- flow

    def _set_reading(self) -> None:
        judging = self.identity_or_none is None and self._task is not None
        is_full = len(self._queue) >= MOST_QUEUED or self._queued_bytes >= MOST_QUEUED_BYTES
        wanted = not (judging or self._is_write_full or self._is_stopping or is_full)
        if wanted == self._is_reading or self._transport.is_closing():
            return
        self._is_reading = wanted
        change: Callable[[], None] = self._transport.resume_reading if wanted else self._transport.pause_reading
        change()

    def _log(self, event: str, **more: str) -> None:
        agent = self.identity_or_none
        known = {} if agent is None else {"agent_id": agent.agent_id, "tenant_id": agent.tenant_id}
        log.info(event, ip=self._address.ip, **known, **more)


def _terms(identity: Identity, limits: Limits) -> Terms:
    is_own_collector = identity.is_collector and identity.is_ours
    return Terms(
        heartbeat_interval_ms=limits.own_collectors_interval_ms if is_own_collector else limits.heartbeat_interval_ms,
        entity_id=identity.entity_id,
        is_collector=identity.is_collector,
    )


def _reply(event: Answered) -> Reply:
    if event.error is None:
        return Reply(outcome=Outcome.ANSWERED, result=msgspec.Raw(event.result or b"null"))
    return Reply(outcome=Outcome.REFUSED, message=(event.error.message or "")[:LONGEST_PROBLEM])


_ON: Mapping[type[Any], Callable[[AgentPeer, Any], None]] = MappingProxyType(
    {
        Send: AgentPeer._send,  # noqa: SLF001 - the table belongs to the class
        Ended: AgentPeer._ended,  # noqa: SLF001
        HttpAsked: AgentPeer._http,  # noqa: SLF001
        HelloReceived: AgentPeer._hello,  # noqa: SLF001
        HeartbeatReceived: AgentPeer._heartbeat,  # noqa: SLF001
        ScheduleAsked: AgentPeer._wish,  # noqa: SLF001
        MetricsPosted: AgentPeer._wish,  # noqa: SLF001
        CollectorPosted: AgentPeer._wish,  # noqa: SLF001
        FilesPosted: AgentPeer._wish,  # noqa: SLF001
        Answered: AgentPeer._answered,  # noqa: SLF001
        Unanswered: AgentPeer._unanswered,  # noqa: SLF001
    }
)
