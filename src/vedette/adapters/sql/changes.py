"""The changes feed: a numbered row for each change of configuration, written in the transaction of the change."""

from __future__ import annotations

from vedette.adapters.sql.database import Statement

ADD = "INSERT INTO change (tenant_id, kind, id) VALUES (:tenant_id, :kind, :id)"

AFTER = "SELECT seq, tenant_id, kind, id FROM change WHERE seq > :after ORDER BY seq LIMIT :limit"

LAST = "SELECT COALESCE(MAX(seq), 0) FROM change"

LOCK = "changes"
"""Held from before a `seq` is drawn until it is committed, so that none appears below one already read."""


def changed(tenant_id: str, kind: str, key: str) -> Statement:
    """The feed's row for one object."""
    return Statement(ADD, {"tenant_id": tenant_id, "kind": kind, "id": key})


def tenant_lock(tenant_id: str) -> str:
    """Held by every change of a tenant's configuration, so that its guards still hold when it commits."""
    return f"tenant:{tenant_id}"


def locks(tenant_id: str) -> tuple[str, str]:
    """Of a write that changes configuration."""
    return LOCK, tenant_lock(tenant_id)
