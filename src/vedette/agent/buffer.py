"""What was observed and is not yet safe at the server: in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from vedette.wire.moment import set_by_ms

MOST_KEPT = 10_000
"""About a day of five checks at 60 s, in a few MiB."""
MOST_BYTES = 16 * 1024 * 1024
"""As they go over the wire; in memory they take some five times as much. Plugins may have a lot to say."""
Params = dict[str, Any]


_encode = msgspec.json.Encoder().encode


class _Kept(msgspec.Struct, frozen=True):
    number: int
    params: Params
    drift_ms: int
    size: int  # bytes


class Buffer:
    """Posts wait, are sent, and leave when the server has them; when it is full the oldest waiting one goes."""

    def __init__(self, most: int = MOST_KEPT, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._size = 0
        self._waiting: deque[_Kept] = deque()
        self._sent: dict[int, _Kept] = {}
        self._count = 0
        self.dropped = 0
        """How many were lost to a full buffer."""

    def put(self, params: Params, drift_ms: int = 0) -> None:
        """`drift_ms` is that of the clock that their timestamp was taken from."""
        self._count += 1
        kept = _Kept(self._count, params, drift_ms, len(_encode(params)))
        self._waiting.append(kept)
        self._size += kept.size
        while self._waiting and (len(self) > self._most or self._size > self._most_bytes):
            self._size -= self._waiting.popleft().size
            self.dropped += 1

    def peek(self, drift_ms: int = 0) -> Params | None:
        """The oldest that waits, its time told by the clock as it is now: the server knows how far off that one is."""
        if not self._waiting:
            return None
        kept = self._waiting[0]
        by_ms = set_by_ms(kept.drift_ms, drift_ms)
        return kept.params | {"timestamp": kept.params["timestamp"] + by_ms} if by_ms else kept.params

    def sent(self, post_number: int) -> None:
        """The oldest waiting one went out as this post."""
        self._sent[post_number] = self._waiting.popleft()

    def answered(self, post_number: int) -> Params | None:
        """The server has it, or does not want it."""
        kept = self._sent.pop(post_number, None)
        if kept is None:
            return None
        self._size -= kept.size
        return kept.params

    def give_back(self, post_number: int) -> None:
        """It must be sent again, in its place."""
        kept = self._sent.pop(post_number)
        earlier = [self._waiting.popleft() for _ in range(self._earlier_than(kept))]
        self._waiting.extendleft([kept, *reversed(earlier)])

    def _earlier_than(self, kept: _Kept) -> int:
        return next((at for at, other in enumerate(self._waiting) if other.number > kept.number), len(self._waiting))

    def give_all_back(self) -> None:
        """The connection is gone and with it every answer."""
        for post_number in list(reversed(self._sent)):
            self.give_back(post_number)

    @property
    def in_flight(self) -> int:
        return len(self._sent)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent)
