"""The names of the API's collections: the first segment of every address, and therefore no tenant's id."""

from __future__ import annotations

COLLECTIONS = frozenset(
    {
        "__experiments", "account", "agent_installers", "agent_tokens", "agents", "alarm_examples", "alarms", "audits",
        "changelogs", "check_types", "checks", "entities", "limits", "monitoring_zones", "notification_plans",
        "notification_types", "notifications", "private", "private_monitoring_zones", "suppression_logs",
        "suppressions", "test-notification", "test-notifications", "usage", "views",
    }
)  # fmt: skip
