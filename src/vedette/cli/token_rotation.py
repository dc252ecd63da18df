"""Following the rotation of an agent token."""

from __future__ import annotations

import sys
import time
from typing import Any

from vedette.cli.api_client import Api, segment
from vedette.cli.token_texts import moment
from vedette.domain.faults import Fault

_POLL_S = 1.0
_NOT_FOUND = 404


def follow_rotation(api: Api, old: str) -> dict[str, int]:
    """Until no agent is connected by the old token, or it has ended; how many are on which then."""
    shown = ""
    while True:
        rotation = _rotation(api, old)
        if rotation is None:
            print("the old token has ended", file=sys.stderr)
            return {"old": 0, "new": 0}
        agents: dict[str, int] = rotation["agents"]
        line = (
            f"{agents['new']} agents on the new token, {agents['old']} on the old until {moment(rotation['ends_at'])}"
        )
        if line != shown:
            print(line, file=sys.stderr)
            shown = line
        if agents["old"] == 0:
            return agents
        time.sleep(_POLL_S)


def finish_rotation(api: Api, new: str) -> bool:
    """Ends the old token now."""
    api.post(f"agent_tokens/{segment(new)}/rotate/finish", {})
    print("the old token has ended", file=sys.stderr)
    return True


def _rotation(api: Api, old: str) -> dict[str, Any] | None:
    try:
        rotation: dict[str, Any] | None = api.get(f"agent_tokens/{segment(old)}").get("rotation")
    except Fault as fault:
        if fault.code != _NOT_FOUND:
            raise
        return None
    return rotation
