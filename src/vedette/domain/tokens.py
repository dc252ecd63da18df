"""Agent tokens: the credential by which agents and collectors authenticate, and what it lets them do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network

import msgspec

from vedette.domain.globs import matches
from vedette.domain.ids import Entropy, TenantId


class Reason(StrEnum):
    """Why a handshake is refused, or a live connection cut; each has its own text for the agent's log."""

    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - a reason
    REVOKED = "revoked"
    EXPIRED = "expired"
    AGENT_NOT_ALLOWED = "agent_not_allowed"
    NETWORK_NOT_ALLOWED = "network_not_allowed"
    TOO_MANY_AGENTS = "too_many_agents"
    TOO_MANY_COLLECTORS = "too_many_collectors"
    ZONE_NOT_ALLOWED = "zone_not_allowed"
    BAD_AGENT_ID = "bad_agent_id"
    TOO_MANY_FAILURES = "too_many_failures"
    UNAVAILABLE = "unavailable"


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a token allows; all absent by default, so that documented clients see what they know."""

    expires_at: int | None = None  # milliseconds
    allowed_agents: tuple[str, ...] | None = None  # agent-id globs, at most 64
    allowed_networks: tuple[str, ...] | None = None  # CIDRs, at most 64
    max_agents: int | None = None  # different agent ids connected at once


class AgentToken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """As stored: the token itself only sealed, found by an HMAC index; the first 8 hex digits are the sort key."""

    tenant_id: TenantId  # empty for a collector token, which belongs to no tenant
    public_id: str  # what roles that may not see secrets get as `id`: `at` and ten letters
    sort_key: str  # the first 8 hex digits of the token
    index: bytes  # HMAC of the token
    sealed: bytes  # the token, AES-GCM
    label: str | None
    policy: Policy = Policy()
    metadata: Mapping[str, str] | None = None
    zone_id: str | None = None  # a collector token: tied to this built-in zone, in no tenant's list
    rotated_to: str | None = None  # public id of the token that takes its place when it expires
    rotated_from: str | None = None
    revision: int
    created_at: int
    updated_at: int


class TokenUse(msgspec.Struct, frozen=True, kw_only=True):
    """When a token was last used, by which agent and from where."""

    public_id: str
    at_ms: int
    agent_id: str
    ip: str


class Grave(msgspec.Struct, frozen=True, kw_only=True):
    """A token that is no more, remembered by its HMAC, so that its agents are told why."""

    index: bytes
    reason: Reason
    at_ms: int


def new_secret(tenant_id: str, entropy: Entropy) -> str:
    """`<64 hex digits>.<tenantId>`: 256 random bits."""
    return f"{entropy(32).hex()}.{tenant_id}"


def recorded(token: str) -> str:
    """How a token shows in what is recorded (log, audit, trace, metric, fault)."""
    return token[:8] + "..."


def why_refused(policy: Policy, agent_id: str, ip: str, now_ms: int) -> Reason | None:
    """Why an agent may not be connected by a token now; None when it may. `max_agents` is judged apart.

    The same question decides about a handshake and about a live connection after the policy was narrowed.
    """
    if policy.expires_at is not None and policy.expires_at <= now_ms:
        return Reason.EXPIRED
    if policy.allowed_agents is not None and not any(matches(glob, agent_id) for glob in policy.allowed_agents):
        return Reason.AGENT_NOT_ALLOWED
    if policy.allowed_networks is not None and not _is_within(ip, policy.allowed_networks):
        return Reason.NETWORK_NOT_ALLOWED
    return None


def _is_within(ip: str, networks: tuple[str, ...]) -> bool:
    address = ip_address(ip)
    inner = getattr(address, "ipv4_mapped", None) or address
    return any(inner in _network(network) for network in networks)


_network = lru_cache(maxsize=4096)(ip_network)
"""One token's policy is asked again for each of its connections."""
