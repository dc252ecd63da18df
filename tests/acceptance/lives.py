"""A server that is killed and comes back, as those who use it see it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

from tests.acceptance.server import Server


class Life(NamedTuple):
    """Where the server is between one start and the next kill."""

    number: int
    api: str
    agent: tuple[str, int]
    ca_file: Path


class Site:
    """Tells its users of each new life; `kills` counts. Not started before `come_up`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.stopping = threading.Event()
        self._changed = threading.Condition()
        self._life: Life | None = None
        self._lives = 0

    def come_up(self) -> Life:
        """Starts the server and tells everybody."""
        server = self.server.start()
        self._lives += 1
        life = Life(self._lives, server.api, server.agent, server.ca_file)
        with self._changed:
            self._life = life
            self._changed.notify_all()
        return life

    def life_after(self, number: int) -> Life | None:
        """Waits for a life later than that one; None when the test is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopping.is_set() or self._number > number)
            return None if self.stopping.is_set() else self._life

    def stop(self) -> None:
        """Its users end after what they are doing."""
        self.stopping.set()
        with self._changed:
            self._changed.notify_all()

    @property
    def _number(self) -> int:
        return 0 if self._life is None else self._life.number
