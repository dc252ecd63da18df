"""What a probe looks for in a body: decoding it and searching it, in bounded time and memory."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import re2

from vedette.probes.http.body import BODY_LIMIT, Body
from vedette.probes.http.head import BadResponse, Head

MATCH_LIMIT = 80  # characters (reference: remote.http, "match is truncated to 80 characters")
WORK_ON_LOOP = 10_000_000
"""Program size times bytes that a search may cost on the event loop (some milliseconds); above, it gets a thread."""

_GZIP_OR_ZLIB = 47
_RAW_DEFLATE = -15
_WINDOWS = {
    "gzip": (_GZIP_OR_ZLIB,),
    "x-gzip": (_GZIP_OR_ZLIB,),
    "deflate": (_GZIP_OR_ZLIB, _RAW_DEFLATE),  # some servers leave out the zlib header
}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_CHARSETS = re.compile(
    r"utf-?(8|16|16le|16be)|us-ascii|iso-8859-\d+|latin1|windows-125\d|koi8-[ru]|euc-(jp|kr)|shift_jis|gb2312|gbk"
    r"|gb18030|big5",
    re.IGNORECASE,
)


class InvalidExpression(ValueError):
    """An expression that RE2 refuses; named by the detail it came from."""


class Content(msgspec.Struct, frozen=True):
    """A body as far as it is considered, decompressed."""

    data: bytes
    left_off: int  # bytes known to have been cut
    unknown_encoding: str = ""  # the Content-Encoding that was left as it is


def content_of(head: Head, body: Body) -> Content:
    """Raises `BadResponse` for a body that is not what its Content-Encoding says."""
    encoding = head.text(b"content-encoding").lower()
    kept = bytes(body.kept)
    if encoding in ("", "identity") or not kept:
        return Content(kept, body.left_off)
    if encoding not in _WINDOWS:
        return Content(kept, body.left_off, encoding[:50])
    for window in _WINDOWS[encoding]:
        unpacked = _unpacked(kept, window)
        if unpacked is not None:
            return Content(unpacked[:BODY_LIMIT], body.left_off + max(0, len(unpacked) - BODY_LIMIT))
    raise BadResponse(f"invalid content-encoding: {encoding}")


def _unpacked(packed: bytes, window: int) -> bytes | None:
    """At most one byte more than is considered, whatever it would unfold to; None for what is not packed so."""
    try:
        return zlib.decompressobj(window).decompress(packed, BODY_LIMIT + 1)
    except zlib.error:
        return None


def text_of(head: Head, content: Content) -> str:
    """By the response's charset if it names a common one, else as UTF-8; what does not fit is replaced.

    So are zero characters: not every store can keep them.
    """
    found = _CHARSET.search(head.text(b"content-type")[:200])
    charset = found[1] if found and _CHARSETS.fullmatch(found[1]) else "utf-8"
    try:
        text = content.data.decode(charset, "replace")
    except LookupError:  # iso-8859-99
        text = content.data.decode("utf-8", "replace")
    return text.replace("\0", "\ufffd")


async def find(expressions: Mapping[str, str], text: str) -> dict[str, str]:
    """What each metric's expression matches in the text, the empty text for nothing. Raises `InvalidExpression`.

    `body_match` is the whole match, `body_match_<key>` the first group where the expression has one.
    """
    data = text.encode("utf-8", "replace")
    return {name: await _search(name, expression, data) for name, expression in expressions.items()}


async def _search(name: str, expression: str, data: bytes) -> str:
    compiled = _compiled(name, expression)
    if compiled.programsize * len(data) <= WORK_ON_LOOP:
        found = compiled.search(data)
    else:
        found = await asyncio.to_thread(compiled.search, data)
    if found is None:
        return ""
    group = 1 if compiled.groups and name != "body_match" else 0
    return (found.group(group) or b"").decode("utf-8", "replace")[:MATCH_LIMIT]


def _compiled(name: str, expression: str) -> Any:
    """Kept by re2 itself, the latest 128."""
    options = re2.Options()
    options.log_errors = False  # it would print tenants' expressions
    try:
        return re2.compile(expression.encode("utf-8", "replace"), options)
    except re2.error as error:
        raise InvalidExpression(f"invalid expression for {name}") from error
