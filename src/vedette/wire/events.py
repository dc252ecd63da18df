"""What a connection tells its owner: bytes to send, and what the peer wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.wire.envelope import Failure, Request
from vedette.wire.http import HttpRequest
from vedette.wire.messages import Closing, Hello, Post, ScheduledCheck
from vedette.wire.poller import CollectorPost, ConfirmParams, PolledCheck


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
    """Already answered. `sent_ms` is the peer's clock, `is_blind` what a collector says of its sight."""

    sent_ms: int | None
    is_blind: bool = False


class ScheduleAsked(msgspec.Struct, frozen=True):
    """To be answered with the complete list of the agent's checks."""

    request: Request


class MetricsPosted(msgspec.Struct, frozen=True):
    """To be answered when durable."""

    request: Request
    post: Post


class CollectorPosted(msgspec.Struct, frozen=True):
    """A collector's `check_metrics.post_multi`, to be answered when durable."""

    request: Request
    post: CollectorPost


class FilesPosted(msgspec.Struct, frozen=True):
    """The agent's YAML files, name -> text; None for one that it could not read."""

    request: Request
    files: dict[str, str | None]


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
    | CollectorPosted
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


class FilesAnswered(msgspec.Struct, frozen=True):
    """What the server made of our files, or why it took none of them."""

    outcomes: list[dict[str, Any]]
    failure: Failure | None


class ClosingAnnounced(msgspec.Struct, frozen=True):
    """The server is about to cut the connection, and says why. Already answered."""

    closing: Closing


class TokenOffered(msgspec.Struct, frozen=True):
    """Store it in place of ours, then `ClientConnection.stored` or `.not_stored`."""

    request: Request
    token: str


class Questioned(msgspec.Struct, frozen=True):
    """The server asks about the host: `ClientConnection.answer` or `.refuse`, when that is known."""

    request: Request


class ChecksCommitted(msgspec.Struct, frozen=True):
    """The complete list of what our collector is to run from now on, by check id. Already answered."""

    checks: Mapping[str, PolledCheck]


class ConfirmAsked(msgspec.Struct, frozen=True):
    """The server asks our collector for a probe beside its schedule. Already answered."""

    params: ConfirmParams


ClientEvent = (
    Send
    | Ended
    | Welcomed
    | Refused
    | ScheduleReceived
    | FilesAnswered
    | PostAnswered
    | ClosingAnnounced
    | TokenOffered
    | Questioned
    | ChecksCommitted
    | ConfirmAsked
)
