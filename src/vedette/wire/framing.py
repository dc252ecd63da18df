"""Lines: LF or CRLF, with a limit, in bounded memory."""

from __future__ import annotations

BLANK = b" \t\r\n"
UNKNOWN_PEER_LINE_BYTES = 64 * 1024
"""The longest line of a peer that has not authenticated."""
KNOWN_PEER_LINE_BYTES = 4 * 1024 * 1024
"""The longest line of one that has: configuration uploads and host info reach hundreds of kilobytes."""


class LineTooLong(Exception):
    """The peer sent more than the limit without a line end."""


class Lines:
    """Cuts a stream into lines; holds at most one limit's worth plus what was fed last."""

    __slots__ = ("_buffer", "_scanned", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._scanned = 0  # no line end before this place: a long line is looked through once, not at each piece

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take(self) -> bytes | None:
        """The next line without its end, None when none is complete. Raises `LineTooLong`."""
        end = self._buffer.find(b"\n", self._scanned)
        length = len(self._buffer) if end < 0 else end
        if length > self.limit:
            self.clear()
            raise LineTooLong
        if end < 0:
            self._scanned = length
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        return line.rstrip(b"\r")

    def peek(self, most: int) -> bytes:
        """What waits, uncut, at most `most` bytes."""
        return bytes(self._buffer[:most])

    def clear(self) -> None:
        self._buffer.clear()
        self._scanned = 0

    @property
    def held(self) -> int:
        """Bytes waiting."""
        return len(self._buffer)


def is_json(first: int) -> bool:
    """Whether the first byte that is not blank begins line-JSON; everything else is HTTP."""
    return first in b"{["
