"""This process's keys and its sign of life, kept up while it runs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.files import LocalFailure
from vedette.adapters.local.key_file import KeyFollower
from vedette.app.base import Base
from vedette.app.loops import Loop
from vedette.services.key_keeping import KeyKeeping
from vedette.services.presence import BEAT_S, Presence

_STEP_S = 1.0
_BEAT_MS = round(BEAT_S * 1000)
_log = structlog.get_logger("vedette.keys")


def new_process_id() -> str:
    """Tells processes apart, and tells people which one it is."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{entropy(4).hex()}"


class Kept:
    """`presence` beats in the loop's steps; `begin` returns after the first one."""

    def __init__(self, base: Base, process_id: str) -> None:
        stores = base.stores
        self.presence = Presence(stores.agents, stores.commit, process_id, lambda: base.keys.newest, now_ms)
        self._keys = KeyKeeping(stores.agents, base.keys, now_ms, self.presence.step)
        if base.config.keys is None:
            self._keys.look = _look(base)
        self.loop = Loop("keeping", self._step, _STEP_S)

    async def begin(self, cleanup: AsyncExitStack) -> None:
        await self._step()
        cleanup.push_async_callback(self.presence.leave)

    async def _step(self) -> bool:
        return await self._keys.step(_BEAT_MS)


def _look(base: Base) -> Callable[[], object]:
    follower = KeyFollower(base.directory.key_file, base.keys)

    def look() -> None:
        before = base.keys.versions
        try:
            follower.follow()
        except (LocalFailure, OSError) as error:
            _log.error("key_file_unusable", problem=str(error), versions=before)
            return
        if base.keys.versions != before:
            _log.info("keys_changed", versions=base.keys.versions, before=before)

    return look
