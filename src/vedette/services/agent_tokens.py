"""Agent tokens: the credentials of agents and collectors (reference: agent tokens)."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.domain.attributes import parse_change, parse_new
from vedette.domain.faults import Fault, not_found
from vedette.domain.ids import Entropy, TenantId, object_id
from vedette.domain.resources import AGENT_TOKEN_ATTRIBUTES
from vedette.domain.tokens import AgentToken, new_secret, recorded
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit, Conflict
from vedette.services.audits import Auditor
from vedette.services.documents import Page
from vedette.services.requests import Body, Changed, Created, Request

_PURPOSE = "agent_token"
_PUBLIC_PREFIX = "at"
_TRIES = 5


class _Shown(msgspec.Struct, omit_defaults=True):
    id: str
    token: str | None = None
    label: str | msgspec.UnsetType | None = msgspec.UNSET
    created_at: int = 0
    updated_at: int = 0


_encode = msgspec.json.Encoder().encode


class AgentTokenService:
    """`id` equals `token` for those who may see secrets; others get the public id and no token."""

    def __init__(
        self, tokens: AgentTokens, commit: Commit, auditor: Auditor, keyring: Keyring, entropy: Entropy
    ) -> None:
        self._tokens = tokens
        self._commit = commit
        self._auditor = auditor
        self._keyring = keyring
        self._entropy = entropy

    async def create(self, request: Request, body: Body) -> Created:
        """The new token itself is the id."""
        parsed = parse_new(AGENT_TOKEN_ATTRIBUTES, body)
        secret = new_secret(request.tenant_id, self._entropy)
        public_id = object_id(_PUBLIC_PREFIX, self._entropy)
        token = AgentToken(
            tenant_id=request.tenant_id,
            public_id=public_id,
            sort_key=secret[:8],
            index=self._keyring.index(_PURPOSE, secret),
            sealed=self._keyring.seal(secret.encode(), _context(public_id)),
            label=parsed.values["label"],
            revision=1,
            created_at=request.now_ms,
            updated_at=request.now_ms,
        )
        await self._commit(self._tokens.add(token), self._auditor.entry(request, 201))
        return Created(secret, parsed.ignored)

    async def show(self, request: Request, key: str) -> bytes:
        return self._shown(request, await self.find(request.tenant_id, key))

    async def update(self, request: Request, key: str, body: Body) -> Changed:
        for _ in range(_TRIES):
            token = await self.find(request.tenant_id, key)
            parsed = parse_change(AGENT_TOKEN_ATTRIBUTES, body, {"label": token.label})
            audit = self._auditor.entry(request, 204, [self._previous(token)])
            changed = Changed(self._id(request, token), parsed.ignored)
            if parsed.values["label"] == token.label:
                await self._commit(audit)
                return changed
            now = max(request.now_ms, token.updated_at)
            after = msgspec.structs.replace(
                token, label=parsed.values["label"], revision=token.revision + 1, updated_at=now
            )
            try:
                await self._commit(self._tokens.update(after, token.revision), audit)
            except Conflict:
                continue
            return changed
        raise _busy()

    async def remove(self, request: Request, key: str) -> AgentToken:
        """The removed token, so that its live connections can be closed."""
        for _ in range(_TRIES):
            token = await self.find(request.tenant_id, key)
            try:
                await self._commit(
                    self._tokens.remove(token), self._auditor.entry(request, 204, [self._previous(token)])
                )
            except Conflict:
                continue
            return token
        raise _busy()

    async def page(self, request: Request, marker: str | None, limit: int) -> Page:
        """Sorted by the ids the caller sees."""
        if not request.sees_secrets:
            return await self._public_page(request, marker, limit)
        rows = await self._from(request.tenant_id, marker or "", limit + 1)
        more = rows[limit][0] if len(rows) > limit else None
        return Page(items=[_revealed(token, secret) for secret, token in rows[:limit]], next_marker=more)

    async def _public_page(self, request: Request, marker: str | None, limit: int) -> Page:
        tokens = await self._tokens.list_by_public_id(request.tenant_id, marker, limit + 1)
        more = tokens[limit].public_id if len(tokens) > limit else None
        return Page(items=[_hidden(token) for token in tokens[:limit]], next_marker=more)

    async def _from(self, tenant_id: TenantId, marker: str, wanted: int) -> list[tuple[str, AgentToken]]:
        """(token, row) sorted, from the first that is not less than `marker`; rows that only tie with it are dropped."""
        asked = wanted
        while True:
            rows = await self._tokens.list(tenant_id, marker[:8], asked)
            opened = sorted(((self._secret(row), row) for row in rows), key=_by_secret)
            page = [pair for pair in opened if pair[0] >= marker]
            if len(page) >= wanted or len(rows) < asked:
                return page
            asked += len(opened) - len(page)

    async def find(self, tenant_id: TenantId, key: str) -> AgentToken:
        """By token or by public id: every path takes either form."""
        if key.startswith(_PUBLIC_PREFIX):
            token = await self._tokens.find(tenant_id, key)
            if token is not None:
                return token
        for index in self._keyring.indexes(_PURPOSE, key):
            token = await self._tokens.find_by_index(index)
            if token is not None and token.tenant_id == tenant_id:
                return token
        raise not_found("AgentToken", recorded(key) if len(key) > _PUBLIC_ID_LENGTH else key)

    def _id(self, request: Request, token: AgentToken) -> str:
        return self._secret(token) if request.sees_secrets else token.public_id

    def _secret(self, token: AgentToken) -> str:
        return self._keyring.open(token.sealed, _context(token.public_id)).decode()

    def _shown(self, request: Request, token: AgentToken) -> bytes:
        return _revealed(token, self._secret(token)) if request.sees_secrets else _hidden(token)

    def _previous(self, token: AgentToken) -> dict[str, Any]:
        shown = recorded(token.sort_key)
        return {"id": shown, "token": shown, "label": token.label, "created_at": token.created_at,
                "updated_at": token.updated_at}  # fmt: skip


_PUBLIC_ID_LENGTH = 12


def _by_secret(pair: tuple[str, AgentToken]) -> str:
    return pair[0]


def _context(public_id: str) -> str:
    return f"agent_token:{public_id}"


def _revealed(token: AgentToken, secret: str) -> bytes:
    return _encode(_Shown(secret, secret, token.label, token.created_at, token.updated_at))


def _hidden(token: AgentToken) -> bytes:
    return _encode(_Shown(token.public_id, None, token.label, token.created_at, token.updated_at))


def _busy() -> Fault:
    return Fault(
        "systemFailureError", "The object is being changed by others", "Try again", headers={"Retry-After": "1"}
    )
