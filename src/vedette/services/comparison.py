"""Who would have been told beside who was."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.states import State

MOST_SHOWN = 1_000
"""State changes, and notifications, that an answer lists; further ones are counted."""


class Page(msgspec.Struct, frozen=True):
    """A plan's receivers were, or would have been, told a state."""

    at_ms: int
    plan_id: str
    state: State
    previous: State  # last told to the plan
    status: str
    receivers: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        """As answered."""
        return {
            "timestamp": self.at_ms,
            "notification_plan_id": self.plan_id,
            "state": self.state,
            "previous_state": self.previous,
            "status": self.status,
            "notification_ids": list(self.receivers),
        }


def compared(would: Sequence[Page], was: Sequence[Page], tolerance_ms: int) -> dict[str, Any]:
    """What is the same, what would have been spared, and what would have come on top.

    Two are the same when they tell one plan one state, no further apart than `tolerance_ms`; each is matched once, in
    order.
    """
    waiting: dict[tuple[str, State], deque[Page]] = {}
    for page in was:
        waiting.setdefault((page.plan_id, page.state), deque()).append(page)
    additional: list[Page] = []
    spared: list[Page] = []
    for page in would:
        queue = waiting.get((page.plan_id, page.state), deque())
        while queue and queue[0].at_ms < page.at_ms - tolerance_ms:
            spared.append(queue.popleft())
        if queue and queue[0].at_ms <= page.at_ms + tolerance_ms:
            queue.popleft()
        else:
            additional.append(page)
    spared += [page for queue in waiting.values() for page in queue]
    spared.sort(key=lambda page: page.at_ms)
    return {
        "same": len(would) - len(additional),
        "additional": len(additional),
        "spared": len(spared),
        "additional_notifications": [page.shown() for page in additional[:MOST_SHOWN]],
        "spared_notifications": [page.shown() for page in spared[:MOST_SHOWN]],
    }
