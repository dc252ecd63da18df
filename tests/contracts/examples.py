"""Values to store. Alice owns a tenant; Charlie is another tenant and must see nothing of hers."""

from __future__ import annotations

from typing import Any

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Attempt, AuditEntry, Delivery, StateChange, SuppressionLog
from vedette.domain.ids import AgentId, AlarmId, CheckId, EntityId, NotificationId, PlanId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.domain.principals import Principal, User
from vedette.domain.states import State
from vedette.domain.timeline import key_at
from vedette.domain.tokens import AgentToken, Grave, Reason, TokenUse
from vedette.engine.states import AlarmState
from vedette.ports.accounts import Tenant
from vedette.ports.agents import AgentSeen, Connection
from vedette.ports.history import Span

ALICES = TenantId("alices")
CHARLIES = TenantId("Charlies")


def _with(members: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    return plain | members


def tenant(key: str, **members: Any) -> Tenant:
    return Tenant(**_with(members, {"id": TenantId(key), "created_at": 1}))


def user(name: str, **members: Any) -> User:
    plain: dict[str, Any] = {
        "id": f"us-{name}",
        "name": name,
        "tenant_id": ALICES,
        "roles": ("monitoring:admin",),
        "created_at": 2,
    }
    return User(**plain | {"api_key_index": b"index of the key"} | members)


def principal(of: User, **members: Any) -> Principal:
    plain: dict[str, Any] = {
        "user_id": of.id,
        "user_name": of.name,
        "tenant_id": of.tenant_id,
        "roles": of.roles,
        "expires_at": 1_000,
    }
    return Principal(**plain | members)


def document(key: str, **members: Any) -> Document:
    """Its kind follows from the id's prefix."""
    plain: dict[str, Any] = {
        "tenant_id": ALICES,
        "kind": Kind(key[:2]),
        "id": key,
        "created_at": 3,
        "updated_at": 4,
        "public": b"{}",
    }
    return Document(**plain | members)


def token(key: str, **members: Any) -> AgentToken:
    plain: dict[str, Any] = {
        "tenant_id": ALICES,
        "public_id": key,
        "sort_key": "00000000",
        "index": key.encode(),
        "sealed": b"sealed",
    }
    return AgentToken(**plain | {"label": None, "revision": 1, "created_at": 5, "updated_at": 6} | members)


def grave(index: bytes = b"index", **members: Any) -> Grave:
    return Grave(**_with(members, {"index": index, "reason": Reason.REVOKED, "at_ms": 70}))


def use(key: str, **members: Any) -> TokenUse:
    return TokenUse(**_with(members, {"public_id": key, "at_ms": 80, "agent_id": "host", "ip": "192.0.2.1"}))


def audit(key: bytes, **members: Any) -> AuditEntry:
    return AuditEntry(**_with(members, {"key": key, "tenant_id": ALICES, "at_ms": 7, "body": b"{}"}))


def state_change(key: bytes, **members: Any) -> StateChange:
    plain: dict[str, Any] = {"key": key, "tenant_id": ALICES, "entity_id": EntityId("enA"), "check_id": CheckId("chA")}
    plain |= {"alarm_id": AlarmId("alA"), "at_ms": 8, "state": State.CRITICAL, "previous_state": State.OK}
    return StateChange(**plain | {"status": "HTTP 500", "reason": "CHANGED", "analyzed_by": ZoneId("mzdfw")} | members)


def delivery(key: bytes, **members: Any) -> Delivery:
    plain: dict[str, Any] = {"key": key, "tenant_id": ALICES, "entity_id": EntityId("enA"), "check_id": CheckId("chA")}
    plain |= {"alarm_id": AlarmId("alA"), "plan_id": PlanId("npA"), "notification_id": NotificationId("ntA")}
    plain |= {"event_id": "event", "state": State.CRITICAL, "previous_state": State.OK, "status": "HTTP 500"}
    return Delivery(**plain | {"transaction_id": "transaction", "at_ms": 9, "payload": b"{}"} | members)


def suppression_log(key: bytes, **members: Any) -> SuppressionLog:
    plain: dict[str, Any] = {"key": key, "tenant_id": ALICES, "entity_id": EntityId("enA"), "check_id": CheckId("chA")}
    plain |= {"alarm_id": AlarmId("alA"), "plan_id": PlanId("npA"), "suppressions": ("spA", "spB")}
    return SuppressionLog(**plain | {"state": State.CRITICAL, "at_ms": 9, "transaction_id": "transaction"} | members)


def attempt(of: Delivery, number: int, **members: Any) -> Attempt:
    return Attempt(**_with(members, {"delivery_key": of.key, "number": number, "started_ms": 100}))


def observation(check_id: str, at_ms: int, zone_id: str | None = "mzdfw", **members: Any) -> Observation:
    plain: dict[str, Any] = {
        "tenant_id": ALICES,
        "entity_id": EntityId("enA"),
        "check_id": CheckId(check_id),
        "agent_id": None,
    }
    plain |= {"check_type": "remote.http", "zone_id": zone_id, "sender": "collector 1", "check_revision": 1}
    plain |= {"at_ms": at_ms, "arrival_ms": at_ms + 5, "available": True, "status": "code=200"}
    return Observation(**plain | {"metrics": {"duration": Metric("D", 12.5, "milliseconds")}} | members)


def alarm_state(key: str, **members: Any) -> AlarmState:
    return AlarmState(**_with(members, {"alarm_id": key, "tenant_id": ALICES}))


def agent(key: str, **members: Any) -> AgentSeen:
    plain: dict[str, Any] = {"tenant_id": ALICES, "id": AgentId(key), "last_connected_ms": 10, "token_public_id": "atA"}
    return AgentSeen(**plain | {"ip": "192.0.2.1", "version": "1.0"} | members)


def connection(key: str, **members: Any) -> Connection:
    plain: dict[str, Any] = {"id": key, "process_id": "p1", "tenant_id": ALICES, "token_public_id": "atA"}
    plain |= {"agent_id": "host", "guid": "a-guid", "ip": "192.0.2.1", "port": 40001, "since_ms": 11}
    plain |= {"endpoint": "203.0.113.1:50041", "process_version": "2.0", "bundle_version": "1.0"}
    return Connection(**plain | {"features": ("notices",)} | members)


def key(number: int) -> bytes:
    """The 16-byte key of a moment, for time series."""
    return key_at(number)


def span(
    first: int = 0, last: int = 1_000_000, marker: int | None = None, limit: int = 100, *, reverse: bool = False
) -> Span:
    return Span(
        first=key(first), last=key(last), marker=None if marker is None else key(marker), limit=limit, reverse=reverse
    )
