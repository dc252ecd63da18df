"""Chunks that cannot be read any more: each is said once, and counted."""

from __future__ import annotations

import structlog

from vedette.adapters.sql.chunks.frame import Damaged

_log = structlog.get_logger("vedette.chunks")


class Damages:
    """The damaged chunks that this process has met."""

    def __init__(self) -> None:
        self._ids: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def met(self, id: int, damaged: Damaged) -> None:
        """What was in the chunk is lost; everything else goes on."""
        if id not in self._ids:
            self._ids.add(id)
            _log.error("chunk_damaged", chunk=id, problem=str(damaged))
