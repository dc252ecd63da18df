"""Our own agent's side of a connection to an endpoint.

    greeting --welcome--> live --end--> over

The first heartbeat goes out right after the welcome, before anything that was kept back: it tells the server our clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from vedette.wire.answers import HOST_INFO, HOST_INFO_TYPES, SYSTEM_INFO, TARGETS, TEST
from vedette.wire.envelope import (
    DECODE_ERRORS,
    MalformedMessage,
    Request,
    Response,
    answered,
    asked,
    read,
    refused,
)
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
from vedette.wire.framing import KNOWN_PEER_LINE_BYTES, Lines, LineTooLong
from vedette.wire.messages import CLOSING, ROTATE, UNAVAILABLE, ScheduledCheck, closing_of, new_token_of
from vedette.wire.moment import Moment, set_by_ms
from vedette.wire.poller import POST_MULTI

HANDSHAKE_LIMIT_MS = 30_000
ANSWER_LIMIT_MS = 30_000
FILES_LIMIT_MS = 120_000
"""Many files are many objects to make."""
FILES = "config_file.post"
IDLE_INTERVALS = 1.5
ASK_AGAIN_MS = 5_000
"""After the server could not read the schedule, or store what the files define."""
T = TypeVar("T")


class Phase(StrEnum):
    """Where the conversation stands."""

    GREETING = "greeting"
    LIVE = "live"
    OVER = "over"


class Signal(StrEnum):
    """What moves it on."""

    WELCOME = "welcome"
    END = "end"


TRANSITIONS: Mapping[tuple[Phase, Signal], Phase] = MappingProxyType({(Phase.GREETING, Signal.WELCOME): Phase.LIVE})


class Introduction(msgspec.Struct, frozen=True, kw_only=True):
    """Who we say we are."""

    token: str
    agent_id: str
    guid: str  # of this process
    version: str
    features: tuple[str, ...]
    agent_name: str = "vedette-agent"
    zone_ids: tuple[str, ...] = ()  # of a collector


class _Welcome(msgspec.Struct, frozen=True):
    heartbeat_interval: int
    entity_id: str | None = None


class _Schedule(msgspec.Struct, frozen=True):
    checks: tuple[ScheduledCheck, ...]


class _Files(msgspec.Struct, frozen=True):
    values: list[dict[str, Any]]


class _Open(msgspec.Struct, frozen=True):
    method: str
    until_ms: int


_welcome = msgspec.json.Decoder(_Welcome)
_schedule = msgspec.json.Decoder(_Schedule)
_files = msgspec.json.Decoder(_Files)


class ClientConnection:
    """One connection to one endpoint. Methods return events in the order in which they are to be carried out."""

    def __init__(self, introduction: Introduction, now: Moment) -> None:
        self.phase = Phase.GREETING
        self._introduction = introduction
        self._lines = Lines(KNOWN_PEER_LINE_BYTES)
        self._open: dict[int, _Open] = {}
        self._next = 1
        self._interval_ms = 0
        self._fetch_ms: int | None = None  # when to ask for the schedule again
        self._files: Mapping[str, str | None] = {}  # on their way
        self._files_ms: int | None = None  # when to send them again
        self._heard_ms = self._beat_ms = now.steady_ms
        self._told_drift_ms = now.drift_ms

    # -- what goes out

    def hello(self, now: Moment) -> bytes:
        """The first line."""
        me = self._introduction
        features = [{"name": name, "version": "1.0.0"} for name in me.features]
        params = {
            "token": me.token,
            "agent_id": me.agent_id,
            "agent_name": me.agent_name,
            "process_version": me.version,
            "bundle_version": me.version,
            "features": features,
        }
        if me.zone_ids:
            params["zone_ids"] = list(me.zone_ids)
        return self._ask("handshake.hello", params, now, HANDSHAKE_LIMIT_MS)[1]

    def fetch_schedule(self, now: Moment) -> bytes:
        self._fetch_ms = None
        return self._ask("check_schedule.get", {}, now)[1]

    def post(self, params: Mapping[str, Any], now: Moment) -> tuple[int, bytes]:
        """A `check_metrics.post`: its number and its line."""
        return self._ask_by_our_clock("check_metrics.post", params, now)

    def post_files(self, files: Mapping[str, str | None], now: Moment) -> bytes:
        """The files that define checks on our host; None for one that cannot be read. Without any it is told too."""
        self._files, self._files_ms = files, None
        data = {name: [] if text is None else text for name, text in files.items()}
        params: dict[str, Any] = {"config_data": data} if data else {"dummy": 1}
        return self._ask(FILES, params, now, FILES_LIMIT_MS)[1]

    def stored(self, request: Request) -> bytes:
        """The answer to a `token.rotate`: the new token is safe."""
        return answered(request, {"stored": True}, self._introduction.guid)

    def not_stored(self, request: Request, problem: str) -> bytes:
        """The other answer: we go on with the token we have."""
        return refused(request, 400, "notStored", problem, self._introduction.guid)

    def answer(self, request: Request, result: Any) -> bytes:
        """The answer to a question about the host; `result` is any JSON value but null."""
        return answered(request, result, self._introduction.guid)

    def refuse(self, request: Request, problem: str) -> bytes:
        """The other answer: we cannot say."""
        return refused(request, 400, "badRequest", problem, self._introduction.guid)

    def _ask_by_our_clock(self, method: str, params: Mapping[str, Any], now: Moment) -> tuple[int, bytes]:
        """A request with a time in it. Where our clock was set since the last heartbeat, one goes before it."""
        was_set = set_by_ms(self._told_drift_ms, now.drift_ms) and self.phase is Phase.LIVE
        beat = b"".join(event.data for event in self._beat(now) if isinstance(event, Send)) if was_set else b""
        number, line = self._ask(method, dict(params), now)
        return number, beat + line

    def _ask(
        self, method: str, params: dict[str, Any], now: Moment, limit_ms: int = ANSWER_LIMIT_MS
    ) -> tuple[int, bytes]:
        number, self._next = self._next, self._next + 1
        self._open[number] = _Open(method, now.steady_ms + limit_ms)
        return number, asked(number, method, params, self._introduction.guid, "endpoint")

    # -- what comes in

    def receive(self, data: bytes, now: Moment) -> list[ClientEvent]:
        """Any bytes, cut anywhere. Never raises for what the server does."""
        self._heard_ms = now.steady_ms
        self._lines.feed(data)
        events: list[ClientEvent] = []
        while self.phase is not Phase.OVER:
            try:
                line = self._lines.take()
            except LineTooLong:
                return events + self._end("the server sent a line that is too long")
            if line is None:
                break
            events += self._read_line(line, now)
        return events

    def _read_line(self, line: bytes, now: Moment) -> list[ClientEvent]:
        try:
            message = read(line)
            if message is None:
                return []
            return self._request(message, now) if isinstance(message, Request) else self._response(message, now)
        except MalformedMessage as error:
            return self._end(f"the server sent something that makes no sense: {error}")

    def _request(self, request: Request, now: Moment) -> list[ClientEvent]:
        handler = self._handler(request.method) if self.phase is Phase.LIVE else None
        try:
            if handler is not None:
                return handler(request, now)
            problem = "Unknown method"
        except MalformedMessage as error:
            problem = str(error)
        return [Send(refused(request, 400, "badRequest", problem, self._introduction.guid))]

    def _handler(self, method: str) -> Callable[[Request, Moment], list[ClientEvent]] | None:
        handler = _REQUESTS.get(method)
        return None if handler is None else partial(handler, self)

    def _on_changed(self, request: Request, now: Moment) -> list[ClientEvent]:
        return [Send(self._acknowledged(request) + self.fetch_schedule(now))]

    def _on_closing(self, request: Request, now: Moment) -> list[ClientEvent]:
        closing = closing_of(request)
        return [Send(self._acknowledged(request)), ClosingAnnounced(closing)]

    def _on_rotate(self, request: Request, now: Moment) -> list[ClientEvent]:
        return [TokenOffered(request, new_token_of(request))]

    def _on_question(self, request: Request, now: Moment) -> list[ClientEvent]:
        return [Questioned(request)]

    def _acknowledged(self, request: Request) -> bytes:
        return answered(request, [], self._introduction.guid)

    def _response(self, response: Response, now: Moment) -> list[ClientEvent]:
        if not isinstance(response.id, int) or (found := self._open.pop(response.id, None)) is None:
            return []
        return _ANSWERS[found.method](self, response, now)

    def _on_hello(self, response: Response, now: Moment) -> list[ClientEvent]:
        if response.error is not None:
            return [Refused(response.error), *self._end("refused")]
        welcome = _decoded(_welcome, response)
        if welcome.heartbeat_interval <= 0:
            raise MalformedMessage("heartbeat_interval: expected a positive number")
        self._go(Signal.WELCOME)
        self._interval_ms = welcome.heartbeat_interval
        return [Welcomed(welcome.heartbeat_interval, welcome.entity_id), *self._beat(now)]

    def _on_heartbeat(self, response: Response, now: Moment) -> list[ClientEvent]:
        return [] if response.error is None else self._end("the server refused a heartbeat")

    def _on_schedule(self, response: Response, now: Moment) -> list[ClientEvent]:
        if response.error is not None and response.error.type != UNAVAILABLE:
            return self._end(f"the server gave no schedule: {response.error.message}")
        if response.error is not None:
            self._fetch_ms = now.steady_ms + ASK_AGAIN_MS
            return []
        return [ScheduleReceived(_decoded(_schedule, response).checks)]

    def _on_files(self, response: Response, now: Moment) -> list[ClientEvent]:
        if response.error is not None and response.error.type == UNAVAILABLE:
            self._files_ms = now.steady_ms + ASK_AGAIN_MS
            return []
        outcomes = [] if response.error is not None else _decoded(_files, response).values
        return [FilesAnswered(outcomes, response.error)]

    def _on_post(self, response: Response, now: Moment) -> list[ClientEvent]:
        return [PostAnswered(int(response.id), response.error)]

    # -- time

    @property
    def deadline_ms(self) -> int:
        """The steady time at which `tick` has something to do, if nothing comes before."""
        limits = [question.until_ms for question in self._open.values()]
        if self.phase is Phase.LIVE:
            limits += [self._beat_ms, self._idle_ms()]
        limits += [due_ms for due_ms in (self._fetch_ms, self._files_ms) if due_ms is not None]
        return min(limits, default=self._heard_ms)

    def _idle_ms(self) -> int:
        return self._heard_ms + int(IDLE_INTERVALS * self._interval_ms)

    def tick(self, now: Moment) -> list[ClientEvent]:
        """A heartbeat when one is due; the end when the server is silent."""
        if self.phase is Phase.OVER:
            return []
        late = next((question for question in self._open.values() if question.until_ms <= now.steady_ms), None)
        if late is not None:
            return self._end(f"no answer to {late.method} in time")
        if self.phase is Phase.LIVE and self._idle_ms() <= now.steady_ms:
            return self._end("nothing heard from the server")
        events = self._beat(now) if self.phase is Phase.LIVE and self._beat_ms <= now.steady_ms else []
        if self._fetch_ms is not None and self._fetch_ms <= now.steady_ms:
            events.append(Send(self.fetch_schedule(now)))
        if self._files_ms is not None and self._files_ms <= now.steady_ms:
            events.append(Send(self.post_files(self._files, now)))
        return events

    def _beat(self, now: Moment) -> list[ClientEvent]:
        self._told_drift_ms = now.drift_ms
        self._beat_ms = now.steady_ms + self._interval_ms
        return [Send(self._ask("heartbeat.post", self._beat_params(now), now)[1])]

    def _beat_params(self, now: Moment) -> dict[str, Any]:
        return {"timestamp": now.wall_ms}

    def _end(self, reason: str) -> list[ClientEvent]:
        self._go(Signal.END)
        return [Ended(reason)]

    def _go(self, signal: Signal) -> None:
        self.phase = TRANSITIONS.get((self.phase, signal), Phase.OVER)


def _decoded(decoder: msgspec.json.Decoder[T], response: Response) -> T:
    try:
        return decoder.decode(response.result or b"null")
    except DECODE_ERRORS as error:
        raise MalformedMessage(str(error)[:300]) from None


_ANSWERS: Mapping[str, Callable[[ClientConnection, Response, Moment], list[ClientEvent]]] = MappingProxyType(
    {
        "handshake.hello": ClientConnection._on_hello,  # noqa: SLF001 - the table belongs to the class
        "heartbeat.post": ClientConnection._on_heartbeat,  # noqa: SLF001
        "check_schedule.get": ClientConnection._on_schedule,  # noqa: SLF001
        "check_metrics.post": ClientConnection._on_post,  # noqa: SLF001
        FILES: ClientConnection._on_files,  # noqa: SLF001
        POST_MULTI: ClientConnection._on_post,  # noqa: SLF001
    }
)

_REQUESTS: Mapping[str, Callable[[ClientConnection, Request, Moment], list[ClientEvent]]] = MappingProxyType(
    {
        "check_schedule.changed": ClientConnection._on_changed,  # noqa: SLF001
        CLOSING: ClientConnection._on_closing,  # noqa: SLF001
        ROTATE: ClientConnection._on_rotate,  # noqa: SLF001
        **dict.fromkeys(
            (HOST_INFO, HOST_INFO_TYPES, SYSTEM_INFO, TARGETS, TEST),
            ClientConnection._on_question,  # noqa: SLF001
        ),
    }
)
