"""What the services of agent tokens share: finding a token by either of its forms, opening and making one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.faults import Fault, not_found, parent_not_found
from vedette.domain.ids import Entropy, TenantId, object_id
from vedette.domain.tokens import AgentToken, Grave, Policy, Reason, new_secret, recorded
from vedette.ports.agents import Agents
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit, Write
from vedette.services.audits import Auditor
from vedette.services.once import gone
from vedette.services.requests import Created, Request
from vedette.services.sealing import agent_token_context

TRIES = 5
NOUN = "AgentToken"
_PURPOSE = "agent_token"
_PUBLIC_PREFIX = "at"
_PUBLIC_ID_LENGTH = 12


class TokenStore(msgspec.Struct, frozen=True, kw_only=True):
    """Stores and keys; `is_revealed` is whether a token is shown again after its creation."""

    tokens: AgentTokens
    agents: Agents
    commit: Commit
    auditor: Auditor
    keyring: Keyring
    entropy: Entropy
    is_revealed: bool = True

    def reveals(self, request: Request) -> bool:
        return self.is_revealed and request.sees_secrets

    async def find(self, tenant_id: TenantId, key: str) -> AgentToken:
        """By token or by public id: every path takes either form. Raises `notFoundError`."""
        token = await self._find(tenant_id, key)
        if token is None:
            raise not_found(NOUN, _shown_key(key))
        return token

    async def find_parent(self, tenant_id: TenantId, key: str) -> AgentToken:
        """The same for what belongs to a token. Raises `parentNotFoundError`."""
        token = await self._find(tenant_id, key)
        if token is None:
            raise parent_not_found(NOUN, _shown_key(key))
        return token

    async def _find(self, tenant_id: TenantId, key: str) -> AgentToken | None:
        if key.startswith(_PUBLIC_PREFIX):
            token = await self.tokens.find(tenant_id, key)
            if token is not None and token.zone_id is None:
                return token
        for index in self.keyring.indexes(_PURPOSE, key):
            token = await self.tokens.find_by_index(index)
            if token is not None and token.tenant_id == tenant_id and token.zone_id is None:
                return token
        return None

    def secret(self, token: AgentToken) -> str:
        """The token itself. Raises `ValueError` when its key is gone."""
        return self.keyring.open(token.sealed, agent_token_context(token.public_id)).decode()

    def secrets(self, tokens: Sequence[AgentToken]) -> list[str]:
        """The same of many."""
        opened = self.keyring.open
        return [opened(token.sealed, agent_token_context(token.public_id)).decode() for token in tokens]

    def id(self, request: Request, token: AgentToken) -> str:
        """As this caller sees it."""
        return self.secret(token) if self.reveals(request) else token.public_id

    def id_given(self, request: Request, token: AgentToken, key: str) -> str:
        """The same where the caller has named it by `key`: what is known need not be opened."""
        if not self.reveals(request):
            return token.public_id
        return self.secret(token) if key == token.public_id else key

    def new(self, tenant_id: TenantId, now_ms: int) -> tuple[str, AgentToken]:
        """A new token, and as it is stored: without label and policy yet."""
        secret = new_secret(tenant_id, self.entropy)
        public_id = object_id(_PUBLIC_PREFIX, self.entropy)
        return secret, AgentToken(
            tenant_id=tenant_id,
            public_id=public_id,
            sort_key=secret[:8],
            index=self.keyring.index(_PURPOSE, secret),
            sealed=self.keyring.seal(secret.encode(), agent_token_context(public_id)),
            label=None,
            revision=1,
            created_at=now_ms,
            updated_at=now_ms,
        )

    async def again(self, request: Request, public_id: str, ignored: tuple[str, ...]) -> Created:
        """As a token's creation was answered. Raises `badRequest` when it is gone."""
        token = await self.tokens.find(request.tenant_id, public_id)
        if token is None:
            raise gone()
        return self.created(self.secret(token), token, ignored)

    def created(self, secret: str, token: AgentToken, ignored: tuple[str, ...]) -> Created:
        """The new token itself is the id; it is shown again only where it is revealed."""
        return Created(secret, ignored, None if self.is_revealed else token.public_id)

    def removal(self, token: AgentToken, reason: Reason, now_ms: int) -> Write:
        """Its grave is dug under the current key, which will be there the longest."""
        return self.tokens.remove(token, Grave(index=self._index(token), reason=reason, at_ms=now_ms))

    def _index(self, token: AgentToken) -> bytes:
        """As it is kept, where its key is gone: such a token can still be removed."""
        try:
            return self.keyring.index(_PURPOSE, self.secret(token))
        except ValueError:
            return token.index

    async def released(self, token: AgentToken, now_ms: int) -> tuple[Write, ...]:
        """What ends the rotation on the other token's side when this one goes."""
        partner = await self.partner(token)
        if partner is None:
            return ()
        free = msgspec.structs.replace(
            partner,
            rotated_to=None,
            rotated_from=None,
            revision=partner.revision + 1,
            updated_at=max(now_ms, partner.updated_at),
        )
        return (self.tokens.update(free, partner.revision),)

    async def partner(self, token: AgentToken) -> AgentToken | None:
        """The other token of a rotation."""
        key = token.rotated_to or token.rotated_from
        return None if key is None else await self.tokens.find(token.tenant_id, key)


def previous(token: AgentToken) -> dict[str, Any]:
    """As audits record it: without the secret."""
    shown = recorded(token.sort_key)
    policy: dict[str, Any] = msgspec.to_builtins(token.policy)
    metadata = {} if token.metadata is None else {"metadata": token.metadata}
    stamps = {"created_at": token.created_at, "updated_at": token.updated_at}
    return {"id": shown, "token": shown, "label": token.label} | policy | metadata | stamps


def policy_of(values: dict[str, Any]) -> Policy:
    """Of an object's parsed values."""
    return Policy(**{name: values[name] for name in Policy.__struct_fields__})


def busy() -> Fault:
    """Others were first each time."""
    return Fault(
        "systemFailureError", "The object is being changed by others", "Try again", headers={"Retry-After": "1"}
    )


def _shown_key(key: str) -> str:
    return recorded(key) if len(key) > _PUBLIC_ID_LENGTH else key
