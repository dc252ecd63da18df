"""Agent tokens: the credential by which agents and collectors authenticate."""

from __future__ import annotations

import msgspec

from vedette.domain.ids import Entropy, TenantId


class AgentToken(msgspec.Struct, frozen=True, kw_only=True):
    """As stored: the token itself only sealed, found by an HMAC index; the first 8 hex digits are the sort key."""

    tenant_id: TenantId
    public_id: str  # what roles that may not see secrets get as `id`: `at` and ten letters
    sort_key: str  # the first 8 hex digits of the token
    index: bytes  # HMAC of the token
    sealed: bytes  # the token, AES-GCM
    label: str | None
    revision: int
    created_at: int
    updated_at: int


def new_secret(tenant_id: TenantId, entropy: Entropy) -> str:
    """`<64 hex digits>.<tenantId>`: 256 random bits."""
    return f"{entropy(32).hex()}.{tenant_id}"


def recorded(token: str) -> str:
    """How a token shows in what is recorded (log, audit, trace, metric, fault)."""
    return token[:8] + "..."
