"""Chance, from the operating system."""

from __future__ import annotations

import os
import threading

_DRAWN_AT_ONCE = 4096


class _Pool(threading.local):
    """Bytes drawn ahead, each given out once: one system call serves a hundred requests, where it costs 30 us and more.

    One for each thread; a forked child starts with none, so that it never gives out its parent's.
    """

    drawn = b""
    at = 0

    def take(self, count: int) -> bytes:
        if count > _DRAWN_AT_ONCE:
            return os.urandom(count)
        end = self.at + count
        if end > len(self.drawn):
            self.drawn, self.at, end = os.urandom(_DRAWN_AT_ONCE), 0, count
        taken = self.drawn[self.at : end]
        self.at = end
        return taken

    def forget(self) -> None:
        self.drawn, self.at = b"", 0


_pool = _Pool()
os.register_at_fork(after_in_child=_pool.forget)


def entropy(count: int) -> bytes:
    """`count` random bytes fit for secrets."""
    return _pool.take(count)
