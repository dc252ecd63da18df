"""The terms an alarm is decided under: what its criteria and its check lay down."""

from __future__ import annotations

import msgspec

from vedette.domain.ids import AgentId
from vedette.domain.states import Consistency

AGENT_PLACE = ""
"""The one place of an agent's check."""

_agent_grace_ms = 15_000
_default_counts = {"remote.ping": 3}


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Made once for an alarm and kept until alarm, check or entity change; see `terms`."""

    consistency: Consistency
    count: int  # consecutiveCount, 1..5
    places: tuple[str, ...]  # the check's zones, or the agent's place
    agent_id: AgentId | None  # the agent bound to the entity; None for remote checks
    is_agent: bool
    check_revision: int
    window_ms: int  # a vote is fresh for so long, and a longer gap clears it
    half_period_ms: float  # results nearer than this count as one
    not_yet_counts_as_false: bool = False  # see `Criteria.evaluate`


def consecutive_count(written: int | None, check_type: str) -> int:
    """How many results make a run: as the criteria say, else 1, for `remote.ping` 3."""
    return written or _default_counts.get(check_type, 1)


def window_ms(count: int, period_ms: int, *, is_agent: bool) -> int:
    """1.5 x consecutiveCount x period; for agents period + 15 s in place of the period."""
    return int(1.5 * count * (period_ms + _agent_grace_ms * is_agent))
