"""A response from the bytes that arrive, whatever they are: bounded in memory, linear in time."""

from __future__ import annotations

from vedette.probes.http.body import Body, body_of
from vedette.probes.http.head import HEAD_LIMIT, BadResponse, Head, end_of_head, parse_head


class ResponseReader:
    """Feed it until it says it has what is wanted; then `response` is there."""

    def __init__(self, method: bytes) -> None:
        self._method = method
        self._unread = bytearray()
        self._read_bytes = 0  # of informational heads
        self.response: tuple[Head, Body] | None = None

    def take(self, data: bytes) -> bool:
        """Whether the response is complete, or as much of it as a probe considers. Raises `BadResponse`."""
        if self.response is not None:
            return self.response[1].take(data)
        since = max(0, len(self._unread) - 3)
        self._unread += data
        while (ends := end_of_head(self._unread, since)) is not None:
            self._read_bytes += ends[1]
            self._check_length(self._read_bytes)
            head = parse_head(bytes(self._unread[: ends[0]]))
            rest = bytes(self._unread[ends[1] :])
            if not head.is_informational:
                return self._begin_body(head, rest)
            self._unread, since = bytearray(rest), 0
        self._check_length(self._read_bytes + len(self._unread))
        return False

    def _begin_body(self, head: Head, rest: bytes) -> bool:
        self._unread.clear()
        body = body_of(head, self._method)
        self.response = head, body
        return body.take(rest)

    def _check_length(self, length: int) -> None:
        if length > HEAD_LIMIT:
            raise BadResponse(f"headers longer than {HEAD_LIMIT // 1024} KiB")

    def close(self) -> None:
        """The server closed the connection. Raises `BadResponse` unless that completes the response."""
        if self.response is None:
            raise BadResponse("incomplete response" if self._unread else "connection closed without a response")
        self.response[1].close()
