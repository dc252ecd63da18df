"""Collector tokens: what a collector of a built-in zone authenticates with; in no tenant's list (agent tokens)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from vedette.domain.faults import Fault, bad_request, not_found
from vedette.domain.ids import TenantId, object_id
from vedette.domain.tokens import AgentToken, Grave, Reason, new_secret, recorded
from vedette.ports.clock import Clock, Entropy
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit, Conflict, Write
from vedette.services.sealing import agent_token_context
from vedette.services.zones import Zones

NOBODY = TenantId("")
"""The tenant of what no tenant owns."""
_PURPOSE = "agent_token"
_PAGE = 500
_SHORTEST = 8  # of a token's beginning that names it
_TRIES = 5


class CollectorToken(NamedTuple):
    """A token just made, to be shown once."""

    secret: str  # `<64 hex digits>.<zone>`
    row: AgentToken


class CollectorTokens:
    """Adds, lists, rotates and revokes them. Refusals are faults."""

    def __init__(
        self, tokens: AgentTokens, commit: Commit, keyring: Keyring, zones: Zones, clock: Clock, entropy: Entropy
    ) -> None:
        self._tokens = tokens
        self._commit = commit
        self._keyring = keyring
        self._zones = zones
        self._clock = clock
        self._entropy = entropy

    async def add(self, zone_id: str, label: str | None) -> CollectorToken:
        """For collectors of this built-in zone and of no other."""
        if not self._zones.is_built_in(zone_id):
            raise bad_request(f"'{zone_id}' is no built-in zone", f"Expected one of {', '.join(self._zones.ids)}")
        made = self._new(zone_id, label)
        await self._commit(self._tokens.add(made.row))
        return made

    def _new(self, zone_id: str, label: str | None) -> CollectorToken:
        secret = new_secret(zone_id, self._entropy)
        public_id = object_id("at", self._entropy)
        now_ms = self._clock()
        row = AgentToken(
            tenant_id=NOBODY,
            public_id=public_id,
            sort_key=secret[:8],
            index=self._keyring.index(_PURPOSE, secret),
            sealed=self._keyring.seal(secret.encode(), agent_token_context(public_id)),
            label=label,
            zone_id=zone_id,
            revision=1,
            created_at=now_ms,
            updated_at=now_ms,
        )
        return CollectorToken(secret, row)

    async def rotate(self, key: str, overlap_s: int) -> CollectorToken:
        """A new token in the place of one that goes on working until the overlap ends.

        Collectors of ours that are connected by the old one are handed the new one, and store it.
        """
        for _ in range(_TRIES):
            old = await self._find(key)
            if old.rotated_to is not None or old.rotated_from is not None:
                raise bad_request(
                    f"The token {recorded(old.sort_key)} is being rotated", "Expected one whose rotation has ended"
                )
            new = self._new(old.zone_id or "", old.label)
            row = msgspec.structs.replace(new.row, rotated_from=old.public_id)
            try:
                await self._commit(
                    self._tokens.add(row),
                    self._tokens.update(self._ending(old, row, overlap_s), old.revision),
                )
            except Conflict:
                continue
            return CollectorToken(new.secret, row)
        raise _busy()

    def _ending(self, old: AgentToken, new: AgentToken, overlap_s: int) -> AgentToken:
        now_ms = self._clock()
        return msgspec.structs.replace(
            old,
            policy=msgspec.structs.replace(old.policy, expires_at=now_ms + overlap_s * 1000),
            rotated_to=new.public_id,
            revision=old.revision + 1,
            updated_at=max(now_ms, old.updated_at),
        )

    async def list(self) -> list[AgentToken]:
        """By zone, the oldest first."""
        return sorted([row async for row in self._every()], key=lambda row: (row.zone_id, row.created_at))

    async def revoke(self, key: str) -> AgentToken:
        """By its id, the token itself, or how it begins; its collectors are cut off within two seconds."""
        for _ in range(_TRIES):
            row = await self._find(key)
            secret = self._keyring.open(row.sealed, agent_token_context(row.public_id)).decode()
            grave = Grave(index=self._keyring.index(_PURPOSE, secret), reason=Reason.REVOKED, at_ms=self._clock())
            try:
                await self._commit(self._tokens.remove(row, grave), *await self._released(row))
            except Conflict:
                continue
            return row
        raise _busy()

    async def _released(self, row: AgentToken) -> tuple[Write, ...]:
        """The other token of a rotation is one of its own when this one goes."""
        key = row.rotated_to or row.rotated_from
        partner = None if key is None else await self._tokens.find(NOBODY, key)
        if partner is None:
            return ()
        free = msgspec.structs.replace(
            partner, rotated_to=None, rotated_from=None, revision=partner.revision + 1,
            updated_at=max(self._clock(), partner.updated_at),
        )  # fmt: skip
        return (self._tokens.update(free, partner.revision),)

    async def _find(self, key: str) -> AgentToken:
        indexes = self._keyring.indexes(_PURPOSE, key)
        found = [row async for row in self._every() if row.public_id == key or row.index in indexes]
        if not found and len(key) == _SHORTEST:
            found = [row async for row in self._every() if row.sort_key == key]
        if len(found) > 1:
            raise bad_request(f"{len(found)} tokens begin so", "Expected the id of one of them")
        if not found:
            raise not_found("CollectorToken", recorded(key) if len(key) > 12 else key)
        return found[0]

    async def _every(self) -> AsyncIterator[AgentToken]:
        marker = ""
        while page := [one for one in await self._tokens.every(marker, _PAGE + 1) if one.public_id > marker]:
            marker = page[-1].public_id
            for row in page:
                if row.zone_id is not None:
                    yield row


def _busy() -> Fault:
    return Fault("systemFailureError", "The token is being changed by others", "Try again")
