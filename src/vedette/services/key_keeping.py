"""A process's keys: it takes over what changes where they are kept, and uses the newest that every process knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from vedette.ports.agents import Agents
from vedette.ports.clock import Clock
from vedette.services.key_rotation import known_to_all

_CHANGING_MS = 60_000


class Keys(Protocol):
    """The process's keyring, as far as it can change."""

    @property
    def newest(self) -> int: ...

    def agree(self, known_to_all: int) -> None: ...


class KeyKeeping:
    """A step looks at the keys, agrees with the others, and beats, in this order.

    So who sees three different beats of a process, the first of them after all knew a key, knows that it uses that key.
    """

    def __init__(self, agents: Agents, keys: Keys, clock: Clock, beat: Callable[[], Awaitable[object]]) -> None:
        """`beat` says that the process is alive and which key is the newest it knows."""
        self.look: Callable[[], object] = lambda: None  # takes over keys that have changed where they are kept
        self._agents = agents
        self._keys = keys
        self._clock = clock
        self._beat = beat
        self._newest = keys.newest
        self._changed_ms = 0
        self._beaten_ms = 0

    async def step(self, beat_ms: int) -> bool:
        """Beats when the last time is `beat_ms` ago, and each time while keys are changing. False: there is no more."""
        self.look()
        now_ms = self._clock()
        if self._keys.newest != self._newest:
            self._newest, self._changed_ms = self._keys.newest, now_ms
        self._keys.agree(min(self._newest, await known_to_all(self._agents, self._newest, now_ms)))
        is_due = not 0 <= now_ms - self._beaten_ms < beat_ms
        if is_due or now_ms - self._changed_ms < _CHANGING_MS:
            await self._beat()
            self._beaten_ms = now_ms
        return False
