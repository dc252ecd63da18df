"""Agent tokens as they are answered. Documented clients see what they know; other members show where they are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET

from vedette.domain.tokens import AgentToken, Policy
from vedette.services.requests import Request
from vedette.services.token_activity import Activity, TokenActivity
from vedette.services.token_store import TokenStore

_NO_POLICY = Policy()


class _Agents(msgspec.Struct, frozen=True):
    old: int
    new: int


class _Rotation(msgspec.Struct, frozen=True):
    state: str
    from_: str = msgspec.field(name="from")
    to: str
    ends_at: int | None
    agents: _Agents


class _Plain(msgspec.Struct, gc=False):
    """A token as it was documented."""

    id: str
    token: str | msgspec.UnsetType
    label: str | None
    created_at: int
    updated_at: int


class _Shown(_Plain, omit_defaults=True):
    """With what else is set."""

    expires_at: int | None = None
    allowed_agents: tuple[str, ...] | None = None
    allowed_networks: tuple[str, ...] | None = None
    max_agents: int | None = None
    metadata: Mapping[str, str] | None = None
    last_used_at: int | None = None
    last_used_agent_id: str | None = None
    last_used_ip: str | None = None
    connection_count: int | None = None
    rotation: _Rotation | None = None


_encode = msgspec.json.Encoder().encode


class TokenViews:
    """`id` equals `token` for those who may see it; others get the public id and no token."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._activity = TokenActivity(store.tokens, store.agents)

    async def shown(self, request: Request, tokens: Sequence[AgentToken], secrets: Sequence[str]) -> list[bytes]:
        """`secrets` are the opened tokens in the same order; empty for who may not see them."""
        activity = await self._activity.of(request.tenant_id, [token.public_id for token in tokens], request.now_ms)
        is_quiet = not activity.counts and not any(activity.uses.values())
        ids = secrets or [token.public_id for token in tokens]
        return [
            _encode(_Plain(key, key if secrets else UNSET, token.label, token.created_at, token.updated_at))
            if is_quiet and _is_plain(token)
            else _encode(await self._whole(request, token, key if secrets else None, activity))
            for token, key in zip(tokens, ids, strict=True)
        ]

    async def _whole(self, request: Request, token: AgentToken, secret: str | None, activity: Activity) -> _Shown:
        policy, use = token.policy, activity.uses.get(token.public_id)
        view = _Shown(
            secret or token.public_id,
            secret or UNSET,
            token.label,
            token.created_at,
            token.updated_at,
            policy.expires_at,
            policy.allowed_agents,
            policy.allowed_networks,
            policy.max_agents,
            token.metadata,
        )
        if use is not None:
            view.last_used_at, view.last_used_agent_id, view.last_used_ip = use.at_ms, use.agent_id, use.ip
        if use is not None or token.public_id in activity.counts:
            view.connection_count = activity.count(token.public_id).connections
        if token.rotated_to is not None or token.rotated_from is not None:
            view.rotation = await self._rotation(request, token, activity)
        return view

    async def _rotation(self, request: Request, token: AgentToken, activity: Activity) -> _Rotation | None:
        partner = await self._store.partner(token)
        if partner is None:
            return None
        old, new = (token, partner) if token.rotated_to is not None else (partner, token)
        return _Rotation(
            "overlap",
            self._store.id(request, old),
            self._store.id(request, new),
            old.policy.expires_at,
            _Agents(activity.count(old.public_id).agents, activity.count(new.public_id).agents),
        )


def _is_plain(token: AgentToken) -> bool:
    return (
        token.policy == _NO_POLICY
        and token.metadata is None
        and token.rotated_to is None
        and token.rotated_from is None
    )
