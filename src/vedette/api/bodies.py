"""Request bodies: JSON objects within limits (api decisions: addresses, methods, headers)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from vedette.domain.faults import Fault, bad_request

if TYPE_CHECKING:
    from litestar.types import Receive

IS_HERE = "vedette.body_is_here"
"""In the scope of a request that has come to its end before anybody asked for its body."""
MOST_BYTES = 256 * 1024
MOST_DEPTH = 32
_MOST_READ = 4 * MOST_BYTES
_decode = msgspec.json.Decoder().decode


async def read(receive: Receive, declared: str | None) -> bytes:
    """The whole body. Raises 413 `requestTooLargeError`; no more than the limit is kept.

    What is a little too large is read to its end, for else a client that is still sending may never see the answer.
    """
    if declared is not None and re.fullmatch("[0-9]{1,18}", declared) and int(declared) > _MOST_READ:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise bad_request("The request ended before its body did", "Expected the whole body")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MOST_BYTES:
            parts.clear()
        else:
            parts.append(part)
        if size > _MOST_READ or (size > MOST_BYTES and not message.get("more_body", False)):
            raise _too_large()
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large() -> Fault:
    return Fault("requestTooLargeError", "The request body is too large", f"Expected at most {MOST_BYTES} bytes")


def json_object(body: bytes) -> dict[str, Any]:
    """A body that must be a JSON object. Raises 400 `badRequest` that says what was wrong."""
    if not body.strip():
        raise bad_request("The request has no body", "Expected a JSON object")
    value = _parse(body)
    if not isinstance(value, dict):
        raise bad_request("The request body is not an object", "Expected a JSON object")
    return value


def optional_object(body: bytes) -> dict[str, Any]:
    """The body of a call that needs none: nothing, `""` and `null` count as an empty object."""
    if not body.strip() or (value := _parse(body)) in ("", None):
        return {}
    if not isinstance(value, dict):
        raise bad_request("The request body is not an object", "Expected a JSON object or no body")
    return value


def _parse(body: bytes) -> Any:
    try:
        value = _decode(body)
    except UnicodeDecodeError:
        raise bad_request("The request body is not UTF-8", "Expected JSON in UTF-8") from None
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise bad_request("The request body is not JSON", _without_data(error)) from None
    if body.count(b"{") + body.count(b"[") > MOST_DEPTH and _is_deeper(value, MOST_DEPTH):
        raise bad_request("The request body is nested too deeply", f"Expected at most {MOST_DEPTH} levels")
    return value


def _without_data(error: Exception) -> str:
    return "Expected less nesting" if isinstance(error, RecursionError) else f"Expected JSON: {error}"


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    members = value.values() if isinstance(value, dict) else value
    return any(_is_deeper(member, levels - 1) for member in members)
