"""Agent tokens: the credentials of agents and collectors (reference: agent tokens)."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.domain.attributes import parse_change, parse_new
from vedette.domain.faults import invalid
from vedette.domain.ids import TenantId
from vedette.domain.resources import AGENT_TOKEN_ATTRIBUTES
from vedette.domain.tokens import AgentToken, Reason
from vedette.ports.unit import Conflict
from vedette.services.documents import Page
from vedette.services.requests import Body, Changed, Created, Request, Revisions, Shown, expect_revision
from vedette.services.token_store import TRIES, TokenStore, busy, policy_of, previous
from vedette.services.token_views import TokenViews

_FUTURE = "Expected a time in the future, in milliseconds since the epoch"


class AgentTokenService:
    """Create, read, update and delete of agent tokens. Whom that cuts is for those who follow the changes feed."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._views = TokenViews(store)

    async def create(self, request: Request, body: Body) -> Created:
        """The new token itself is the id; it is shown again only where it is revealed."""
        parsed = parse_new(AGENT_TOKEN_ATTRIBUTES, body)
        if request.earlier is not None:
            return await self._store.again(request, request.earlier, parsed.ignored)
        _expect_future(request, parsed.values, None)
        secret, token = self._store.new(request.tenant_id, request.now_ms)
        await self._store.commit(
            self._store.tokens.add(_with(token, parsed.values)),
            *request.remembering(token.public_id),
            self._store.auditor.entry(request, 201),
        )
        return self._store.created(secret, token, parsed.ignored)

    async def show(self, request: Request, key: str) -> Shown:
        token = await self._store.find(request.tenant_id, key)
        secrets = [self._store.secret(token)] if self._store.reveals(request) else []
        return Shown((await self._views.shown(request, [token], secrets))[0], token.revision)

    async def update(self, request: Request, key: str, body: Body, wanted: Revisions = None) -> Changed:
        """A partial update; one that changes no value writes nothing but its audit entry."""
        for _ in range(TRIES):
            token = await self._store.find(request.tenant_id, key)
            parsed = parse_change(AGENT_TOKEN_ATTRIBUTES, body, _values(token))
            _expect_future(request, parsed.values, token)
            expect_revision(wanted, token.revision)
            after = _with(token, parsed.values)
            audit = self._store.auditor.entry(request, 204, [previous(token)])
            writes = () if after == token else (self._store.tokens.update(_next(request, after), token.revision),)
            try:
                await self._store.commit(*writes, audit)
            except Conflict:
                continue
            return Changed(self._store.id_given(request, token, key), parsed.ignored)
        raise busy()

    async def remove(self, request: Request, key: str, wanted: Revisions = None) -> AgentToken:
        """Revokes it; what it was rotated to, or from, is a token like any other afterwards."""
        for _ in range(TRIES):
            token = await self._store.find(request.tenant_id, key)
            expect_revision(wanted, token.revision)
            try:
                await self._store.commit(
                    self._store.removal(token, Reason.REVOKED, request.now_ms),
                    *await self._store.released(token, request.now_ms),
                    self._store.auditor.entry(request, 204, [previous(token)]),
                )
            except Conflict:
                continue
            return token
        raise busy()

    async def page(self, request: Request, marker: str | None, limit: int) -> Page:
        """Sorted by the ids the caller sees."""
        if not self._store.reveals(request):
            tokens = await self._store.tokens.list_by_public_id(request.tenant_id, marker, limit + 1)
            more = tokens[limit].public_id if len(tokens) > limit else None
            return Page(items=await self._views.shown(request, tokens[:limit], []), next_marker=more)
        rows = await self._from(request.tenant_id, marker or "", limit + 1)
        more = rows[limit][0] if len(rows) > limit else None
        shown = await self._views.shown(request, [row for _, row in rows[:limit]], [key for key, _ in rows[:limit]])
        return Page(items=shown, next_marker=more)

    async def _from(self, tenant_id: TenantId, marker: str, wanted: int) -> list[tuple[str, AgentToken]]:
        """(token, row) sorted, from the first not less than `marker`; rows that only tie with it are dropped."""
        asked = wanted
        while True:
            rows = await self._store.tokens.list(tenant_id, marker[:8], asked)
            opened = sorted(zip(self._store.secrets(rows), rows, strict=True), key=_by_secret)
            page = [pair for pair in opened if pair[0] >= marker]
            if len(page) >= wanted or len(rows) < asked:
                return page
            asked += len(opened) - len(page)


def _by_secret(pair: tuple[str, AgentToken]) -> str:
    return pair[0]


def _values(token: AgentToken) -> dict[str, Any]:
    return {"label": token.label, "metadata": token.metadata} | msgspec.structs.asdict(token.policy)


def _with(token: AgentToken, values: dict[str, Any]) -> AgentToken:
    return msgspec.structs.replace(token, label=values["label"], metadata=values["metadata"], policy=policy_of(values))


def _next(request: Request, token: AgentToken) -> AgentToken:
    return msgspec.structs.replace(token, revision=token.revision + 1, updated_at=max(request.now_ms, token.updated_at))


def _expect_future(request: Request, values: dict[str, Any], token: AgentToken | None) -> None:
    """A whole object that comes back unchanged may have expired meanwhile. What was rotated must end."""
    expires_at: int | None = values["expires_at"]
    if token is not None and expires_at == token.policy.expires_at:
        return
    if expires_at is None and token is not None and token.rotated_to is not None:
        raise invalid("expires_at", f"{_FUTURE}: the token has been rotated and must end")
    if expires_at is not None and expires_at <= request.now_ms:
        raise invalid("expires_at", _FUTURE)
