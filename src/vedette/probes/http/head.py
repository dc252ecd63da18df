"""The head of a response: status code and the few headers a probe needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

HEAD_LIMIT = 64 * 1024
"""Bytes of all heads of an answer together, informational ones and trailers included."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?![0-9])")
_NEEDED = re.compile(  # one pass over the head is three times as fast as taking each line apart
    rb"\n(content-encoding|content-length|content-type|location|transfer-encoding|www-authenticate)[ \t]*:([^\n]*)",
    re.IGNORECASE,
)
_LENGTH_DIGITS = 18


class BadResponse(Exception):
    """Not a response that can be understood; the text is the probe's status."""


class Head(msgspec.Struct, frozen=True):
    """Of one response, informational or final."""

    code: int
    headers: Mapping[bytes, bytes]  # lower-case names, only those a probe needs

    def text(self, name: bytes) -> str:
        """A header's value, empty when there is none."""
        return self.headers.get(name, b"").decode("utf-8", "replace")

    @property
    def is_informational(self) -> bool:
        """More follows; 101 is final: the server no longer speaks HTTP after it."""
        return 100 <= self.code < 200 and self.code != 101

    @property
    def content_length(self) -> int | None:
        """None where the server gave none; raises `BadResponse` for what is no length."""
        value = self.headers.get(b"content-length")
        if value is None:
            return None
        values = {part.strip() for part in value.split(b",")}  # some servers say it twice
        length = values.pop()
        if values or not length.isdigit() or len(length) > _LENGTH_DIGITS:
            raise BadResponse("invalid Content-Length")
        return int(length)

    @property
    def is_chunked(self) -> bool:
        return self.headers.get(b"transfer-encoding", b"").lower().endswith(b"chunked")


def parse_head(raw: bytes) -> Head:
    """The head up to and without its blank line; bare line feeds are borne. Raises `BadResponse`."""
    status = _STATUS_LINE.match(raw)
    if status is None:
        raise BadResponse("not an HTTP response")
    headers: dict[bytes, bytes] = {}
    for name, value in _NEEDED.findall(raw):
        key = name.lower()
        headers[key] = b"%b, %b" % (headers[key], value.strip()) if key in headers else value.strip()
    return Head(int(status[1]), headers)


def end_of_head(data: bytes | bytearray, since: int) -> tuple[int, int] | None:
    """Where the head in `data` ends and where the body begins; nothing ends before `since`."""
    crlf = data.find(b"\r\n\r\n", since)
    lf = data.find(b"\n\n", since, crlf if crlf >= 0 else len(data))
    if lf >= 0:
        return lf, lf + 2
    return (crlf, crlf + 4) if crlf >= 0 else None
