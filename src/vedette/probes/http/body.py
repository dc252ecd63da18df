"""The bodies of a response: by length, in chunks, until the connection closes. At most `BODY_LIMIT` bytes are kept."""

from __future__ import annotations

from typing import Protocol

from vedette.probes.http.head import HEAD_LIMIT, BadResponse, Head

BODY_LIMIT = 100 * 1024  # reference: remote.http, "Body is limited to 100k"
_LINE_LIMIT = 4096
_HEX_DIGITS = 16
_BODILESS = frozenset((101, 204, 304))


class Body(Protocol):
    """Takes what arrives and keeps the beginning; `left_off` is how many bytes are known not to be kept."""

    @property
    def kept(self) -> bytearray: ...

    @property
    def left_off(self) -> int: ...

    def take(self, data: bytes) -> bool:
        """Whether that was all that is wanted. Raises `BadResponse`."""
        ...

    def close(self) -> None:
        """The server closed the connection; raises `BadResponse` when the body was not complete."""
        ...


def body_of(head: Head, method: bytes) -> Body:
    """The kind of body that a final response's head announces (RFC 9112 section 6.3)."""
    if method == b"HEAD" or head.code in _BODILESS:
        return SizedBody(0)
    if head.is_chunked:
        return ChunkedBody()
    length = head.content_length
    return UnsizedBody() if length is None else SizedBody(length)


class SizedBody:
    """As long as Content-Length says."""

    def __init__(self, length: int) -> None:
        self.kept = bytearray()
        self.left_off = max(0, length - BODY_LIMIT)
        self._wanted = length - self.left_off

    def take(self, data: bytes) -> bool:
        self.kept += data[: self._wanted - len(self.kept)]
        return len(self.kept) >= self._wanted

    def close(self) -> None:
        raise BadResponse(f"connection closed after {len(self.kept)} bytes of the body")


class UnsizedBody:
    """Until the server closes the connection."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self.left_off = 0

    def take(self, data: bytes) -> bool:
        room = BODY_LIMIT - len(self.kept)
        self.kept += data[:room]
        self.left_off += max(0, len(data) - room)
        return self.left_off > 0

    def close(self) -> None:
        """That is how such a body ends."""


class ChunkedBody:
    """Lines and chunks in turn. Nothing is kept but the body and an unfinished line."""

    def __init__(self) -> None:
        self._sink = UnsizedBody()
        self._line = bytearray()
        self._chunk = 0  # bytes of the chunk still to come
        self._wants_line_end = False
        self._in_trailer = False
        self._line_bytes = 0  # of trailers

    @property
    def kept(self) -> bytearray:
        return self._sink.kept

    @property
    def left_off(self) -> int:
        return self._sink.left_off

    def take(self, data: bytes) -> bool:
        at = 0
        while at < len(data):
            if self._chunk:
                piece = data[at : at + self._chunk]
                self._chunk -= len(piece)
                at += len(piece)
                if self._sink.take(piece):
                    return True
                continue
            end = data.find(b"\n", at)
            self._line += data[at : end if end >= 0 else len(data)]
            if len(self._line) > _LINE_LIMIT:
                raise BadResponse("chunk line too long")
            if end < 0:
                return False
            at = end + 1
            if self._take_line():
                return True
        return False

    def _take_line(self) -> bool:
        line = bytes(self._line).strip()
        self._line.clear()
        if self._in_trailer:
            self._line_bytes += len(line)
            if self._line_bytes > HEAD_LIMIT:
                raise BadResponse("trailer too long")
            return not line
        if self._wants_line_end:
            if line:
                raise BadResponse("chunk longer than its size")
            self._wants_line_end = False
            return False
        self._begin_chunk(line.partition(b";")[0].strip())
        return False

    def _begin_chunk(self, size: bytes) -> None:
        if not size or len(size) > _HEX_DIGITS or size.strip(b"0123456789abcdefABCDEF"):
            raise BadResponse("invalid chunk size")
        self._chunk = int(size, 16)
        self._in_trailer = self._chunk == 0
        self._wants_line_end = True

    def close(self) -> None:
        if not self._in_trailer:  # some servers leave out the last blank line
            raise BadResponse(f"connection closed after {len(self.kept)} bytes of the body")
