"""Our side of a connection that an agent opened.

    unknown --JSON--> greeting --hello--> judging --welcome--> live
       |                 |                   |                   |
       +--HTTP--> http   +------ end --------+------ end --------+--> over

What the table does not hold ends the conversation. Time limits go by steady time: the greeting has 10 s, a live peer
must send a whole message within three heartbeat intervals, each request of ours has its own limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from vedette.domain.redaction import without_keys
from vedette.wire.envelope import FIRST_OWN_ID, MalformedMessage, Request, Response, answered, asked, read, refused
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
from vedette.wire.framing import (
    BLANK,
    KNOWN_PEER_LINE_BYTES,
    UNKNOWN_PEER_LINE_BYTES,
    Lines,
    LineTooLong,
    is_json,
)
from vedette.wire.http import LONGEST_HEAD_BYTES, HeadTooLong, head_of
from vedette.wire.messages import files_of, hello_of, post_of
from vedette.wire.moment import Moment
from vedette.wire.poller import POST_MULTI, collector_post_of, heartbeat_of

GREETING_LIMIT_MS = 10_000
ANSWER_LIMIT_MS = 30_000
MISSED_INTERVALS = 3
MOST_MALFORMED = 20
"""Lines of a known peer that make no sense are passed over, but not for ever."""
MOST_CONTROL = 200
"""Messages other than posts in one window of 10 s: an agent sends one every half minute."""
CONTROL_WINDOW_MS = 10_000
MOST_ASKED = 64


class Phase(StrEnum):
    """Where the conversation stands."""

    UNKNOWN = "unknown"
    GREETING = "greeting"
    JUDGING = "judging"
    LIVE = "live"
    HTTP = "http"
    OVER = "over"


class Signal(StrEnum):
    """What moves it on."""

    JSON = "json"
    OTHER = "other"
    HELLO = "hello"
    WELCOME = "welcome"
    END = "end"


TRANSITIONS: Mapping[tuple[Phase, Signal], Phase] = MappingProxyType(
    {
        (Phase.UNKNOWN, Signal.JSON): Phase.GREETING,
        (Phase.UNKNOWN, Signal.OTHER): Phase.HTTP,
        (Phase.GREETING, Signal.HELLO): Phase.JUDGING,
        (Phase.JUDGING, Signal.WELCOME): Phase.LIVE,
    }
)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a welcomed agent is told."""

    heartbeat_interval_ms: int = 30_000
    entity_id: str | None = None  # the entity it is bound to
    channel: str = "stable"
    is_collector: bool = False  # it gets its checks by `poller.prepare` and posts by `check_metrics.post_multi`

    def __post_init__(self) -> None:
        first_digits = str(self.heartbeat_interval_ms)[:2]
        if self.heartbeat_interval_ms <= 0 or "10" <= first_digits <= "14":
            raise ValueError(
                f"heartbeat_interval_ms: {self.heartbeat_interval_ms}: expected a positive number that does not begin "
                "with 10 to 14: with those, stock agents overrun their own idle limit"
            )


_DEFAULT_TERMS = Terms()


class _Asked(msgspec.Struct, frozen=True):
    method: str
    until_ms: int


class ServerConnection:
    """One peer. Every method returns events in the order in which they are to be carried out."""

    __slots__ = (
        "_asked",
        "_control",
        "_heard_ms",
        "_hello",
        "_lines",
        "_malformed",
        "_next",
        "_opened_ms",
        "_terms",
        "_window_ms",
        "phase",
    )

    def __init__(self, now: Moment) -> None:
        self.phase = Phase.UNKNOWN
        self._lines = Lines(UNKNOWN_PEER_LINE_BYTES)
        self._opened_ms = self._heard_ms = self._window_ms = now.steady_ms
        self._control = self._malformed = 0
        self._next = FIRST_OWN_ID
        self._hello: Request | None = None
        self._terms = _DEFAULT_TERMS
        self._asked: dict[int, _Asked] = {}

    @property
    def is_over(self) -> bool:
        return self.phase is Phase.OVER

    @property
    def held(self) -> int:
        """Bytes of the peer that wait for a line end, or for our verdict."""
        return self._lines.held

    @property
    def questions(self) -> int:
        """Requests of ours that are not answered yet."""
        return len(self._asked)

    # -- what comes in

    def receive(self, data: bytes, now: Moment) -> list[ServerEvent]:
        """Any bytes, cut anywhere. Never raises for what the peer does."""
        if self.phase is Phase.UNKNOWN:
            data = data.lstrip(BLANK)
            if not data:
                return []
            self._go(Signal.JSON if is_json(data[0]) else Signal.OTHER)
        if self.phase is Phase.OVER:
            return []
        self._lines.feed(data)
        return self._http() if self.phase is Phase.HTTP else self._read_lines(now)

    def _http(self) -> list[ServerEvent]:
        text = self._lines.peek(LONGEST_HEAD_BYTES + 1)
        try:
            request = head_of(text)
        except HeadTooLong:
            return self._end("an HTTP head that is too long")
        if request is None:
            return []
        self._go(Signal.END)
        return [HttpAsked(request)]

    def _read_lines(self, now: Moment) -> list[ServerEvent]:
        events: list[ServerEvent] = []
        while self.phase in {Phase.GREETING, Phase.LIVE}:
            try:
                line = self._lines.take()
            except LineTooLong:
                return events + self._end(f"a line of more than {self._lines.limit} bytes")
            if line is None:
                break
            events += self._read_line(line, now)
        if self.phase is Phase.JUDGING and self._lines.held > UNKNOWN_PEER_LINE_BYTES:
            events += self._end("too much before the handshake was answered")
        return events

    def _read_line(self, line: bytes, now: Moment) -> list[ServerEvent]:
        try:
            message = read(line)
        except MalformedMessage as error:
            return self._malformed_line(str(error))
        if message is None:
            return []
        if self.phase is Phase.GREETING:
            return self._greeting(message)
        self._heard_ms = now.steady_ms
        return self._response(message, now) if isinstance(message, Response) else self._request(message, now)

    def _malformed_line(self, problem: str) -> list[ServerEvent]:
        self._malformed += 1
        if self.phase is Phase.GREETING or self._malformed > MOST_MALFORMED:
            return self._end(problem)
        return []

    def _greeting(self, message: Request | Response) -> list[ServerEvent]:
        if isinstance(message, Response):
            return self._end("a response before the handshake")
        if message.method != "handshake.hello":
            return self._refuse(message, 400, "badRequest", "The first message must be handshake.hello")
        try:
            hello = hello_of(message)
        except MalformedMessage as error:
            return self._refuse(message, 400, "badRequest", f"handshake.hello: {error}")
        self._hello = message
        self._go(Signal.HELLO)
        return [HelloReceived(hello)]

    def _request(self, request: Request, now: Moment) -> list[ServerEvent]:
        if request.method not in _POSTS and self._is_flooding(now):
            return self._end("too many messages")
        try:
            if request.method == "heartbeat.post":
                return self._heartbeat(request, now)
            handlers, out_of_place = _OF_COLLECTORS if self._terms.is_collector else _OF_AGENTS
            handler = handlers.get(request.method)
            if handler is not None:
                return handler(request)
            problem = out_of_place.get(request.method, f"Unknown method {without_keys(request.method[:64])}")
        except MalformedMessage as error:
            problem = f"{request.method}: {error}"
        return [Send(refused(request, 400, "badRequest", problem))]

    def _heartbeat(self, request: Request, now: Moment) -> list[ServerEvent]:
        try:
            sent_ms, is_blind = heartbeat_of(request)
        except MalformedMessage:  # any error to a heartbeat makes a stock agent leave
            sent_ms, is_blind = None, False
        return [Send(answered(request, {"timestamp": now.wall_ms})), HeartbeatReceived(sent_ms, is_blind)]

    def _response(self, response: Response, now: Moment) -> list[ServerEvent]:
        found = self._asked.pop(response.id, None) if isinstance(response.id, int) else None
        if found is None or not isinstance(response.id, int):
            return self._end("too many answers to nothing") if self._is_flooding(now) else []
        return [Answered(response.id, found.method, response.result, response.error)]

    def _is_flooding(self, now: Moment) -> bool:
        if now.steady_ms - self._window_ms >= CONTROL_WINDOW_MS:
            self._window_ms, self._control = now.steady_ms, 0
        self._control += 1
        return self._control > MOST_CONTROL

    # -- what goes out

    def welcome(self, terms: Terms, now: Moment) -> list[ServerEvent]:
        """Answers the hello; what the peer sent meanwhile follows. Nothing when it is over already."""
        if self.phase is not Phase.JUDGING or self._hello is None:
            return []
        result: dict[str, Any] = {"heartbeat_interval": terms.heartbeat_interval_ms, "channel": terms.channel}
        if terms.entity_id is not None:
            result["entity_id"] = terms.entity_id
        self._go(Signal.WELCOME)
        self._terms, self._heard_ms = terms, now.steady_ms
        self._lines.limit = KNOWN_PEER_LINE_BYTES
        hello, self._hello = self._hello, None
        return [Send(answered(hello, result)), *self._read_lines(now)]

    def refuse(self, code: int, kind: str, message: str) -> list[ServerEvent]:
        """Answers the hello with an error and ends: one client would stay connected, mute, for ever."""
        if self.phase is not Phase.JUDGING or self._hello is None:
            return []
        return self._refuse(self._hello, code, kind, message)

    def _refuse(self, request: Request, code: int, kind: str, message: str) -> list[ServerEvent]:
        return [Send(refused(request, code, kind, message)), *self._end(message)]

    def ask(
        self, method: str, params: dict[str, Any], now: Moment, target: str | None, limit_ms: int = ANSWER_LIMIT_MS
    ) -> tuple[int, bytes] | None:
        """A request of ours: its number and its line. None when the peer is not live or owes too many answers."""
        if self.phase is not Phase.LIVE or len(self._asked) >= MOST_ASKED:
            return None
        number, self._next = self._next, self._next + 1
        self._asked[number] = _Asked(method, now.steady_ms + limit_ms)
        return number, asked(number, method, params, "endpoint", target)

    def tell(self, method: str, params: dict[str, Any], target: str | None) -> bytes | None:
        """A request of ours to which no answer is awaited: its line. None when the peer is not live."""
        if self.phase is not Phase.LIVE:
            return None
        number, self._next = self._next, self._next + 1
        return asked(number, method, params, "endpoint", target)

    # -- time

    @property
    def deadline_ms(self) -> int | None:
        """The steady time at which `tick` has something to do, if nothing comes before."""
        if self.phase is Phase.LIVE:
            limits = [question.until_ms for question in self._asked.values()] if self._asked else []
            return min([self._heard_ms + MISSED_INTERVALS * self._terms.heartbeat_interval_ms, *limits])
        if self.phase in {Phase.JUDGING, Phase.OVER}:
            return None
        return self._opened_ms + GREETING_LIMIT_MS

    def silent_ms(self, now: Moment) -> int:
        """For how long no message has come."""
        return now.steady_ms - self._heard_ms

    def tick(self, now: Moment) -> list[ServerEvent]:
        """What has run out by now."""
        deadline = self.deadline_ms
        if deadline is None or now.steady_ms < deadline:
            return []
        if self.phase is not Phase.LIVE:
            return self._end("no handshake in time")
        if now.steady_ms - self._heard_ms >= MISSED_INTERVALS * self._terms.heartbeat_interval_ms:
            return self._end("no message for three heartbeat intervals")
        late = [number for number, question in self._asked.items() if question.until_ms <= now.steady_ms]
        return [Unanswered(number, self._asked.pop(number).method) for number in late]

    def end(self) -> None:
        """The socket is gone, or is about to be closed by us."""
        self._go(Signal.END)
        self._lines.clear()

    def _end(self, reason: str) -> list[ServerEvent]:
        self.end()
        return [Ended(reason)]

    def _go(self, signal: Signal) -> None:
        self.phase = TRANSITIONS.get((self.phase, signal), Phase.OVER)


def _on_schedule(request: Request) -> list[ServerEvent]:
    return [ScheduleAsked(request)]


def _on_post(request: Request) -> list[ServerEvent]:
    return [MetricsPosted(request, post_of(request))]


def _on_files(request: Request) -> list[ServerEvent]:
    return [FilesPosted(request, files_of(request))]


def _on_post_multi(request: Request) -> list[ServerEvent]:
    return [CollectorPosted(request, collector_post_of(request))]


_Handlers = Mapping[str, Callable[[Request], list[ServerEvent]]]
_POSTS = frozenset({"check_metrics.post", POST_MULTI})
_HELLO_AGAIN = "handshake.hello: the handshake is over already"
_BY_POLLER = "a collector gets its checks by poller.prepare, and posts by check_metrics.post_multi"

_OF_AGENTS: tuple[_Handlers, Mapping[str, str]] = (
    MappingProxyType(
        {"check_schedule.get": _on_schedule, "check_metrics.post": _on_post, "config_file.post": _on_files}
    ),
    MappingProxyType(
        {
            "handshake.hello": _HELLO_AGAIN,
            POST_MULTI: f"{POST_MULTI}: only a collector of a private monitoring zone may send it, and this connection "
            "is an agent's",
        }
    ),
)
"""What an agent may send, and what to say of what it may not."""
_OF_COLLECTORS: tuple[_Handlers, Mapping[str, str]] = (
    MappingProxyType({POST_MULTI: _on_post_multi}),
    MappingProxyType(
        {"handshake.hello": _HELLO_AGAIN}
        | {
            method: f"{method}: {_BY_POLLER}"
            for method in ("check_schedule.get", "check_metrics.post", "config_file.post")
        }
    ),
)
