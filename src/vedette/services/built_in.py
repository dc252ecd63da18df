"""What exists on every account and cannot be changed (api decisions: resources)."""

from __future__ import annotations

import msgspec

from vedette.services.notifications import BUILT_IN_NOTIFICATIONS
from vedette.services.plans import BUILT_IN_PLANS

_LABELS = {
    "npTechnicalContactsEmail": "Technical Contacts - Email",
    "npManaged": "Managed",
    "ntTechnicalContactsEmail": "Technical Contacts - Email",
}


def notifications() -> dict[str, bytes]:
    """Id -> as it is shown."""
    return {
        key: msgspec.json.encode(
            {"id": key, "label": _LABELS[key], "type": "technicalContactsEmail", "details": {}, "metadata": None,
             "created_at": 0, "updated_at": 0}
        )
        for key in BUILT_IN_NOTIFICATIONS
    }  # fmt: skip


def plans() -> dict[str, bytes]:
    """Id -> as it is shown."""
    contacts = sorted(BUILT_IN_NOTIFICATIONS)
    lists = {"critical_state": contacts, "warning_state": contacts, "ok_state": contacts}
    return {
        key: msgspec.json.encode(
            {"id": key, "label": _LABELS[key]} | lists | {"metadata": None, "created_at": 0, "updated_at": 0}
        )
        for key in BUILT_IN_PLANS
    }
