"""Who is greeted next: after a restart every agent of an installation comes at once.

Connections are accepted as fast as they come, for an agent's patience runs from its side, and wait here for their TLS
handshake, which is what costs. Stock agents give up after 6 s and come back within a minute or two: work on one that
cannot be answered in time is lost twice, so it is closed before its handshake instead.
"""

from __future__ import annotations

import socket
from collections import deque
from typing import NamedTuple

from vedette.services.agent_connections import Address


class Accepted(NamedTuple):
    """A connection that nobody has spoken to yet."""

    sock: socket.socket
    address: Address
    at_ms: int  # steady


class Turns(NamedTuple):
    """Whom to greet now, and whom to close, each in the order of their coming."""

    greet: list[Accepted]
    close: list[Accepted]


class Admission:
    """A line, first come first served. `begun` and `ended` count the handshakes under way; all times are steady."""

    def __init__(self, at_once: int, patience_ms: int) -> None:
        self._at_once = at_once
        self._patience_ms = patience_ms
        self._line: deque[Accepted] = deque()
        self._under_way = 0

    def __len__(self) -> int:
        return len(self._line)

    def come(self, accepted: Accepted) -> None:
        self._line.append(accepted)

    def turns(self, now_ms: int) -> Turns:
        """Every one of `greet` counts as under way until `ended`."""
        turns = Turns([], [])
        while self._line:
            is_late = now_ms - self._line[0].at_ms >= self._patience_ms
            if not is_late and self._under_way >= self._at_once:
                break
            (turns.close if is_late else turns.greet).append(self._line.popleft())
            self._under_way += not is_late
        return turns

    def ended(self) -> None:
        """A handshake is over, or goes on so slowly that it takes nobody's turn."""
        self._under_way -= 1

    def give_up(self) -> list[Accepted]:
        """Everybody who waits, at the end."""
        left = list(self._line)
        self._line.clear()
        return left
