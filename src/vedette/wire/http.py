"""The little HTTP that shares the agent port: a request's head, nothing else."""

from __future__ import annotations

import msgspec

LONGEST_HEAD_BYTES = 8 * 1024


class HttpRequest(msgspec.Struct, frozen=True):
    """Of the head only method and path count; a query is cut off."""

    method: str
    path: str


class HeadTooLong(Exception):
    """More than the limit without an empty line."""


def head_of(text: bytes) -> HttpRequest | None:
    """None while the head is not complete; a first line that is no request gives empty method and path."""
    if not text[:LONGEST_HEAD_BYTES].replace(b"\r\n", b"\n").partition(b"\n\n")[1]:
        if len(text) > LONGEST_HEAD_BYTES:
            raise HeadTooLong
        return None
    words = text.split(b"\n", 1)[0].decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return HttpRequest("", "")
    return HttpRequest(words[0], words[1].partition("?")[0])
