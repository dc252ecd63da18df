"""The messages an agent sends and what is answered: their members, read tolerantly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from vedette.domain.metrics import Metric
from vedette.wire.envelope import DECODE_ERRORS, MalformedMessage, Request
from vedette.wire.metrics import Pair, metrics_of, timestamp_ms

BUFFERS = "vedette.buffer"
"""Feature: the agent stores and forwards, and keeps the rhythm of unchanged checks over a new schedule."""
FAST_RECONNECT = "fast_reconnect"
"""Feature: the agent is back within seconds of a lost connection."""
NOTICES = "notices"
"""Feature: the agent is told by `connection.closing` why it is about to be cut."""
TOKEN_ROTATION = "token_rotation"  # noqa: S105 - a feature
"""Feature: the agent stores the token that `token.rotate` hands it, and comes back with it."""
CLOSING = "connection.closing"
ROTATE = "token.rotate"
LONGEST_TOKEN = 512
UNAVAILABLE = "unavailable"
"""The `type` of an error that goes away: what was refused so may be sent again. Its code is 400 after the handshake."""
LONGEST_STATUS = 256
MOST_NAMED_FILES = 4_096
"""Of an upload: each has an answer."""
_MOST_NAMES = 64
_LONGEST_WORD = 255
_TOKEN = re.compile(r"[!-~]{1,512}")
Revision = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""What a peer says that the revision of a check is; 0 where it does not say."""
T = TypeVar("T")


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """Who the peer says it is."""

    token: str
    agent_id: str
    guid: str | None  # of the process; opaque, and absent on a machine without a network interface
    agent_name: str = ""
    process_version: str = ""
    bundle_version: str = ""
    features: frozenset[str] = frozenset()
    zone_ids: tuple[str, ...] = ()  # not empty: a poller of private zones


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One result of one check, as the agent reports it."""

    check_id: str
    check_type: str
    available: bool
    status: str
    timestamp_ms: int | None  # the agent's own clock; None when it sent none
    metrics: dict[str, Metric]
    check_revision: int = 0  # the revision of the check it was made under; stock agents do not say


class ScheduledCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A check as handed to an agent. Every member but `revision` is always there: stock agents need them."""

    id: str
    type: str
    period: int  # seconds
    timeout: int  # seconds
    disabled: bool
    details: Mapping[str, Any]  # never null
    revision: int | None = None  # only for agents that give it back


class Closing(msgspec.Struct, frozen=True):
    """`connection.closing`: the connection is about to be cut."""

    reason: str  # one of few words
    message: str = ""  # the same for people


class _RotateParams(msgspec.Struct, frozen=True):
    token: str


class _HelloParams(msgspec.Struct, frozen=True):
    token: str = ""
    agent_id: str = ""
    agent_name: str | None = None
    process_version: str | int | float | None = None
    bundle_version: str | int | float | None = None
    features: Any = None
    zone_ids: list[str] | None = None


class _PostParams(msgspec.Struct, frozen=True):
    check_id: str
    check_type: str | None = None
    state: str | None = None
    status: str | None = None
    metrics: list[Pair] | None = None
    timestamp: int | float | str | None = None
    check_revision: Revision = 0


class _FilesParams(msgspec.Struct, frozen=True):
    config_data: dict[str, Any] | list[Any] | None = None


_hello = msgspec.json.Decoder(_HelloParams)
_post = msgspec.json.Decoder(_PostParams)
_files = msgspec.json.Decoder(_FilesParams)
_closing = msgspec.json.Decoder(Closing)
_rotate = msgspec.json.Decoder(_RotateParams)


def read_params(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    """Raises `MalformedMessage` naming the member and what was expected of it."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"params: {error}"[:300]) from None
    except DECODE_ERRORS as error:
        raise MalformedMessage(f"params: {type(error).__name__}") from None


def hello_of(request: Request) -> Hello:
    """Raises `MalformedMessage`."""
    params = read_params(_hello, request.params)
    zones = params.zone_ids or []
    if len(zones) > _MOST_NAMES:
        raise MalformedMessage(f"params: expected at most {_MOST_NAMES} zone_ids")
    return Hello(
        token=params.token.strip(),
        agent_id=params.agent_id.strip(),
        guid=request.source,
        agent_name=(params.agent_name or "")[:_LONGEST_WORD],
        process_version=_word(params.process_version),
        bundle_version=_word(params.bundle_version),
        features=features_of(params.features),
        zone_ids=tuple(zones),
    )


def _word(value: str | float | None) -> str:
    return "" if value is None else str(value)[:_LONGEST_WORD]


def features_of(value: Any) -> frozenset[str]:
    """Names of the features that are on; a list of objects with a `name`, or of plain names."""
    if not isinstance(value, list):
        return frozenset()
    names = (_feature(item) for item in value[:_MOST_NAMES])
    return frozenset(name for name in names if name)


def _feature(item: Any) -> str:
    if isinstance(item, dict):
        name = item.get("name")
        return "" if item.get("disabled") is True or not isinstance(name, str) else name[:_LONGEST_WORD]
    return item[:_LONGEST_WORD] if isinstance(item, str) else ""


def post_of(request: Request) -> Post:
    """Raises `MalformedMessage`. Absent `state` and `status` are those of agents before June 2012."""
    params = read_params(_post, request.params)
    return Post(
        check_id=params.check_id,
        check_type=params.check_type or "",
        available=(params.state or "available") == "available",
        status=(params.status or "")[:LONGEST_STATUS],
        timestamp_ms=timestamp_ms(params.timestamp),
        metrics=metrics_of(params.metrics or []),
        check_revision=params.check_revision,
    )


def files_of(request: Request) -> dict[str, str | None]:
    """File name -> text of an agent's YAML files; None for one that it could not read.

    Raises `MalformedMessage`: an upload that is not understood must not look like one without files.
    """
    data = read_params(_files, request.params).config_data
    if data is None or data == []:
        return {}
    if not isinstance(data, dict):
        raise MalformedMessage("config_data: expected an object of file names and texts")
    if len(data) > MOST_NAMED_FILES:
        raise MalformedMessage(f"config_data: expected at most {MOST_NAMED_FILES} files, got {len(data)}")
    if any(len(name) > _LONGEST_WORD for name in data):
        raise MalformedMessage(f"config_data: expected file names of at most {_LONGEST_WORD} characters")
    return {name: text if isinstance(text, str) else None for name, text in data.items()}


def schedule_result(checks: Iterable[ScheduledCheck]) -> dict[str, Any]:
    """`check_schedule.get`: always a list, for anything else kills a stock agent."""
    return {"checks": list(checks)}


def files_result(values: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`config_file.post`: `values` must be there, for its absence kills a stock agent."""
    listed = list(values)
    return {"success": all(value.get("success") is True for value in listed), "values": listed}


def closing_of(request: Request) -> Closing:
    """Raises `MalformedMessage`."""
    closing = read_params(_closing, request.params)
    return Closing(closing.reason[:_LONGEST_WORD], closing.message[:_LONGEST_WORD])


def new_token_of(request: Request) -> str:
    """The token to store: one word, for it goes into a file of lines. Raises `MalformedMessage`, without the token."""
    token = read_params(_rotate, request.params).token
    if not _TOKEN.fullmatch(token):
        raise MalformedMessage(f"token: expected 1 to {LONGEST_TOKEN} printable characters and no blank")
    return token
