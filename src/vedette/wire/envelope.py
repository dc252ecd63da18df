"""The envelope: what makes a line a request or a response, and lines of our own.

A peer's id goes back as the very bytes it came in: stock agents look for the same type and value. What upsets a stock
client cannot be built here: `v` is the text `1`, `source` is always there, `target` is left out when the peer has no
name, and a response has exactly one of `result` and `error`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

ENDPOINT = "endpoint"
FIRST_OWN_ID = 1_000_000_000
"""Requests that the server starts count from here: one client keeps its own ids and ours in one map."""
LONGEST_ID = 256
LONGEST_NAME = 512
DECODE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class MalformedMessage(Exception):
    """A line, or the part of one that was looked at, is not what the protocol allows. The text says what."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request of the peer, kept until it is answered."""

    id: bytes  # JSON text of a number or string
    source: str | None
    method: str
    params: bytes  # JSON text of an object


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """The peer's answer to a request of ours: exactly one of `result` and `error`."""

    id: int | float | str
    source: str | None
    result: bytes | None = None  # JSON text
    error: Failure | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An `error` member. Code 400 keeps a stock agent connected, any other drops it."""

    code: int | float | str | None = None
    type: str | None = None
    message: str | None = None


class _Line(msgspec.Struct, frozen=True):
    id: Raw = Raw(b"")
    source: str | None = None
    method: str | None = None
    params: Raw = Raw(b"")
    result: Raw = Raw(b"")
    error: Raw = Raw(b"")


_line = msgspec.json.Decoder(_Line)
_id = msgspec.json.Decoder(int | float | str)
_failure = msgspec.json.Decoder(Failure | str)


def read(line: bytes) -> Request | Response | None:
    """One line: None for a blank one. Raises `MalformedMessage`."""
    text = line if line.isascii() else line.decode("utf-8", "replace").encode()
    if not text.strip():
        return None
    try:
        found = _line.decode(text)
        known_id = _id.decode(found.id)
    except DECODE_ERRORS as error:
        raise MalformedMessage(f"not a message: {type(error).__name__}") from None
    if len(bytes(found.id)) > LONGEST_ID or len(found.source or "") > LONGEST_NAME:
        raise MalformedMessage("not a message: id or source is too long")
    if found.method:
        return Request(
            id=bytes(found.id), source=found.source, method=found.method[:LONGEST_NAME], params=_object(found.params)
        )
    return _response(found, known_id)


def _object(raw: Raw) -> bytes:
    """An empty object is printed as `[]` by one client, and may be absent or null."""
    text = bytes(raw).strip()
    return b"{}" if text in {b"", b"null"} or (text.startswith(b"[") and not text[1:-1].strip()) else text


def _response(found: _Line, known_id: float | str) -> Response:
    if bytes(found.error) not in {b"", b"null"}:
        try:
            failure = _failure.decode(found.error)
        except DECODE_ERRORS:
            failure = Failure(message="an error of unknown form")
        error = Failure(message=failure) if isinstance(failure, str) else failure
        return Response(id=known_id, source=found.source, error=error)
    return Response(id=known_id, source=found.source, result=bytes(found.result) or b"null")


class _Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    v: str
    id: Raw
    source: str | UnsetType = UNSET
    target: str | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: Any = UNSET
    result: Any = UNSET
    error: Any = UNSET


_encode = msgspec.json.Encoder().encode


def answered(request: Request, result: Any, source: str = ENDPOINT) -> bytes:
    """The line of a good answer; `result` is any JSON value but null."""
    return _line_of(_Outgoing(v="1", id=Raw(request.id), source=source, target=_target(request), result=result))


def refused(request: Request, code: int, kind: str, message: str, source: str = ENDPOINT) -> bytes:
    """The line of an error. After the handshake `code` must be 400 unless the wish is to drop the peer."""
    error = {"code": code, "type": kind, "message": message}
    return _line_of(_Outgoing(v="1", id=Raw(request.id), source=source, target=_target(request), error=error))


def asked(number: int, method: str, params: dict[str, Any], source: str | None, target: str | None) -> bytes:
    """The line of a request of ours; `params` is always an object, for its absence kills a stock agent."""
    return _line_of(
        _Outgoing(
            v="1",
            id=Raw(b"%d" % number),
            source=source if source is not None else UNSET,
            target=target if target is not None else UNSET,
            method=method,
            params=params,
        )
    )


def _target(request: Request) -> str | UnsetType:
    return UNSET if request.source is None else request.source


def _line_of(message: _Outgoing) -> bytes:
    return _encode(message) + b"\n"
