"""Agent tokens as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from vedette.cli.api_client import Access
from vedette.domain.tokens import recorded

COLUMNS = ("token", "label", "agents", "expires", "last_used", "last_agent", "created")
AGENT_COLUMNS = ("id", "connected", "last_seen", "last_ip", "version")
_PUBLIC_ID_LENGTH = 12


def short(id: str) -> str:
    """How it begins; a public id is no secret and stays whole."""
    return id if len(id) <= _PUBLIC_ID_LENGTH else recorded(id)


def moment(ms: int | None) -> str:
    """Blank for none."""
    return "" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def row(token: Mapping[str, Any]) -> dict[str, str]:
    """Of a table; members that are not there are blank."""
    return {
        "token": short(token["id"]),
        "label": token.get("label") or "",
        "agents": str(token.get("connection_count", 0)),
        "expires": moment(token.get("expires_at")) + (" (rotated)" if token.get("rotation") else ""),
        "last_used": moment(token.get("last_used_at")),
        "last_agent": token.get("last_used_agent_id") or "",
        "created": moment(token["created_at"]),
    }


def members(token: Mapping[str, Any]) -> list[dict[str, str]]:
    """One line an attribute."""
    return [{"attribute": name, "value": _value(name, value)} for name, value in token.items() if value is not None]


def _value(name: str, value: Any) -> str:
    if name.endswith("_at"):
        return moment(value)
    if name == "rotation":
        agents = value["agents"]
        return (
            f"to {short(value['to'])} until {moment(value['ends_at'])}: {agents['new']} agents on the new, "
            f"{agents['old']} on the old"
        )
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def agent(one: Mapping[str, Any]) -> dict[str, str]:
    """One that uses a token, as a row."""
    return {
        "id": one["id"],
        "connected": "yes" if one["connected"] else "no",
        "last_seen": moment(one["last_seen"]),
        "last_ip": one["last_ip"],
        "version": one["version"],
    }


def configuration(token: str, agent_id: str, endpoint: str | None, used: Access) -> list[str]:
    """The lines of a configuration file for `vedette agent`."""
    host = endpoint or used.agent_endpoint or "HOST:50041"
    lines = [f"monitoring_token {token}", f"monitoring_id {agent_id}", f"monitoring_endpoints {host}"]
    return lines if used.ca_file is None else [*lines, f"certificate_path {used.ca_file}"]


def hit(token: str, agents: Sequence[Mapping[str, Any]], most: int) -> str:
    """Who is cut off when a token is revoked."""
    connected = [one["id"] for one in agents if one["connected"]]
    others = len(agents) - len(connected)
    names = ", ".join(connected[:most]) + (", ..." if len(connected) > most else "")
    who = f"{len(connected)} connected: {names}" if connected else "none connected"
    return f"{short(token)}: {who}; {others} more last used it"
