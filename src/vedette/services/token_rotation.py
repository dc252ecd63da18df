"""Rotation: a new token takes the place of an old one, which goes on working until the overlap ends."""

from __future__ import annotations

import msgspec

from vedette.domain.attributes import parse_new
from vedette.domain.faults import Fault
from vedette.domain.token_attributes import ROTATION_ATTRIBUTES
from vedette.domain.tokens import AgentToken, Reason, recorded
from vedette.ports.unit import Conflict
from vedette.services.requests import Body, Created, Request
from vedette.services.token_store import TRIES, TokenStore, busy, previous


class TokenRotation:
    """A token is part of one rotation at most: there is never a chain of tokens that wait for one another."""

    def __init__(self, store: TokenStore) -> None:
        self._store = store

    async def rotate(self, request: Request, key: str, body: Body) -> Created:
        """A new token with the same label, policy and metadata; the old one ends with the overlap at the latest."""
        parsed = parse_new(ROTATION_ATTRIBUTES, body)
        if request.earlier is not None:
            return await self._store.again(request, request.earlier, parsed.ignored)
        for _ in range(TRIES):
            old = await self._store.find(request.tenant_id, key)
            _expect_rotatable(old, request.now_ms)
            secret, new = self._store.new(request.tenant_id, request.now_ms)
            try:
                await self._store.commit(
                    self._store.tokens.add(_successor(new, old)),
                    self._store.tokens.update(
                        _ending(request, old, new.public_id, parsed.values["overlap"]), old.revision
                    ),
                    *request.remembering(new.public_id),
                    self._store.auditor.entry(request, 201, [previous(old)]),
                )
            except Conflict:
                continue
            return self._store.created(secret, new, parsed.ignored)
        raise busy()

    async def finish(self, request: Request, key: str) -> AgentToken:
        """Ends the overlap now, named by either token; the old token, which is no more."""
        for _ in range(TRIES):
            token = await self._store.find(request.tenant_id, key)
            partner = await self._store.partner(token)
            if partner is None:
                raise Fault(
                    "badRequest",
                    f"The agent token {recorded(token.sort_key)} is not being rotated",
                    "Expected a token whose rotation has not ended",
                )
            old = token if token.rotated_to is not None else partner
            try:
                await self._store.commit(
                    self._store.removal(old, Reason.EXPIRED, request.now_ms),
                    *await self._store.released(old, request.now_ms),
                    self._store.auditor.entry(request, 204, [previous(old)]),
                )
            except Conflict:
                continue
            return old
        raise busy()


def _expect_rotatable(token: AgentToken, now_ms: int) -> None:
    name = recorded(token.sort_key)
    if token.rotated_to is not None:
        raise Fault("badRequest", f"The agent token {name} has already been rotated",
                    "Expected a token that has no successor yet")  # fmt: skip
    if token.rotated_from is not None:
        raise Fault("badRequest", f"The rotation to the agent token {name} has not ended",
                    "Expected its overlap to be over, or ended by rotate/finish")  # fmt: skip
    if token.policy.expires_at is not None and token.policy.expires_at <= now_ms:
        raise Fault("badRequest", f"The agent token {name} has expired",
                    "Expected a token that works; expires_at can be set")  # fmt: skip


def _successor(new: AgentToken, old: AgentToken) -> AgentToken:
    return msgspec.structs.replace(
        new, label=old.label, policy=old.policy, metadata=old.metadata, rotated_from=old.public_id
    )


def _ending(request: Request, old: AgentToken, successor: str, overlap_s: int) -> AgentToken:
    end = request.now_ms + overlap_s * 1000
    own = old.policy.expires_at
    return msgspec.structs.replace(
        old,
        policy=msgspec.structs.replace(old.policy, expires_at=end if own is None else min(own, end)),
        rotated_to=successor,
        revision=old.revision + 1,
        updated_at=max(request.now_ms, old.updated_at),
    )
