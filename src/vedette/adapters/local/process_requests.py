"""Requests between processes where there is one process only."""

from __future__ import annotations

from vedette.ports.process_requests import ProcessGone


async def nobody_else(process_id: str, _question: bytes, _limit_s: float) -> bytes:
    """See `ports.process_requests.AskProcess`: with SQLite every other process is one that ended."""
    raise ProcessGone(process_id)
