"""Objects as users have them: an entity, its check, its alarm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

BODIES: Mapping[str, dict[str, Any]] = {
    "entities": {
        "label": "web1.example.org",
        "ip_addresses": {"public0": "192.0.2.17", "private0": "10.0.0.17"},
        "metadata": {"team": "web", "environment": "production"},
    },
    # Of an agent: collectors have nothing to do with it, so that what is measured is the API.
    "checks": {"type": "agent.memory", "label": "memory", "period": 60, "metadata": {"team": "web"}},
    "alarms": {
        "label": "memory is used up",
        "notification_plan_id": "npTechnicalContactsEmail",
        "criteria": 'if (percentage(metric["actual_used"], metric["total"]) > 95) {'
        ' return new AlarmStatus(CRITICAL, "#{actual_used} of #{total}"); } return new AlarmStatus(OK, "enough");',
    },
}


def create(client: httpx.Client, path: str, body: Mapping[str, Any]) -> str:
    """The id of the new object."""
    answer = client.post(path, json=body).raise_for_status()
    key: str = answer.headers["x-object-id"]
    return key
