"""Who is greeted next: after a restart every agent of an installation comes at once.

Connections are accepted as fast as they come, for an agent's patience runs from its side, and wait here for their TLS
handshake, which is what costs. Stock agents give up after 6 s and come back within a minute or two: work on one that
cannot be answered in time is lost twice, so it is closed before its handshake instead.

Addresses take turns: one that opens connections without end, and says nothing on them, keeps only itself waiting.
"""

from __future__ import annotations

import socket
from collections import OrderedDict, deque
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
    """A line for each address, first come first served, and each address in its turn. All times are steady."""

    def __init__(self, at_once: int, patience_ms: int) -> None:
        self._at_once = at_once
        self._patience_ms = patience_ms
        self._lines: OrderedDict[str, deque[Accepted]] = OrderedDict()  # by address, the next one first
        self._order: deque[Accepted] = deque()  # in which they came; some of the later ones have been greeted
        self._waiting: set[socket.socket] = set()
        self._under_way = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def come(self, accepted: Accepted) -> None:
        self._lines.setdefault(accepted.address.ip, deque()).append(accepted)
        self._order.append(accepted)
        self._waiting.add(accepted.sock)

    def turns(self, now_ms: int) -> Turns:
        """Every one of `greet` counts as under way until `ended`."""
        turns = Turns([], self._late(now_ms))
        while self._under_way < self._at_once and (accepted := self._next()) is not None:
            turns.greet.append(accepted)
            self._under_way += 1
        return turns

    def _late(self, now_ms: int) -> list[Accepted]:
        late: list[Accepted] = []
        while self._order:
            first = self._order[0]
            if first.sock in self._waiting:
                if now_ms - first.at_ms < self._patience_ms:
                    break
                self._waiting.discard(first.sock)
                late.append(first)
            self._order.popleft()
        return late

    def _next(self) -> Accepted | None:
        while self._lines:
            ip, line = self._lines.popitem(last=False)
            accepted = line.popleft()
            if line:
                self._lines[ip] = line
            if accepted.sock in self._waiting:
                self._waiting.discard(accepted.sock)
                return accepted
        return None

    def ended(self) -> None:
        """A handshake is over, or goes on so slowly that it takes nobody's turn."""
        self._under_way -= 1

    def give_up(self) -> list[Accepted]:
        """Everybody who waits, at the end."""
        left = [one for one in self._order if one.sock in self._waiting]
        self._lines.clear()
        self._order.clear()
        self._waiting.clear()
        return left
