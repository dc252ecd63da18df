"""What a connection tells its owner: bytes to send, and what the peer wants."""

from __future__ import annotations

import msgspec

from vedette.wire.envelope import Failure, Request
from vedette.wire.http import HttpRequest
from vedette.wire.messages import Closing, Hello, Post, ScheduledCheck


class Send(msgspec.Struct, frozen=True):
    """Bytes for the peer."""

    data: bytes


class Ended(msgspec.Struct, frozen=True):
    """The conversation is over: send what is waiting and close. `reason` is for the log, and for people."""

    reason: str


class HttpAsked(msgspec.Struct, frozen=True):
    """Not an agent: one HTTP request, one answer, then the end."""

    request: HttpRequest


class HelloReceived(msgspec.Struct, frozen=True):
    """Judge it: `ServerConnection.welcome` or `.refuse`. Nothing more is read until then."""

    hello: Hello


class HeartbeatReceived(msgspec.Struct, frozen=True):
    """Already answered. `sent_ms` is the peer's clock."""

    sent_ms: int | None


class ScheduleAsked(msgspec.Struct, frozen=True):
    """To be answered with the complete list of the agent's checks."""

    request: Request


class MetricsPosted(msgspec.Struct, frozen=True):
    """To be answered when durable."""

    request: Request
    post: Post


class FilesPosted(msgspec.Struct, frozen=True):
    """The agent's YAML files, name -> text."""

    request: Request
    files: dict[str, str]


class Answered(msgspec.Struct, frozen=True):
    """The peer answered a request of ours: `result` is JSON text, or `error` is set."""

    number: int
    method: str
    result: bytes | None
    error: Failure | None


class Unanswered(msgspec.Struct, frozen=True):
    """A request of ours ran into its time limit; a client that does not know a method never answers."""

    number: int
    method: str


ServerEvent = (
    Send
    | Ended
    | HttpAsked
    | HelloReceived
    | HeartbeatReceived
    | ScheduleAsked
    | MetricsPosted
    | FilesPosted
    | Answered
    | Unanswered
)


class Welcomed(msgspec.Struct, frozen=True):
    """The server took us; `entity_id` is None while no entity has our agent id."""

    heartbeat_interval_ms: int
    entity_id: str | None


class Refused(msgspec.Struct, frozen=True):
    """The server did not take us."""

    failure: Failure


class ScheduleReceived(msgspec.Struct, frozen=True):
    """The complete list of our checks."""

    checks: tuple[ScheduledCheck, ...]


class PostAnswered(msgspec.Struct, frozen=True):
    """Post `number` is durable at the server, or was refused."""

    number: int
    failure: Failure | None


class ClosingAnnounced(msgspec.Struct, frozen=True):
    """The server is about to cut the connection, and says why. Already answered."""

    closing: Closing


class TokenOffered(msgspec.Struct, frozen=True):
    """Store it in place of ours, then `ClientConnection.stored` or `.not_stored`."""

    request: Request
    token: str


ClientEvent = Send | Ended | Welcomed | Refused | ScheduleReceived | PostAnswered | ClosingAnnounced | TokenOffered
