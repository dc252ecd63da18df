"""Changing the server's keys while it runs (agent tokens, "At rest").

A new key is known first and used later: every process beats with the newest key it knows, and uses a key only when all
have it. Then what older keys sealed is sealed anew, row by row by compare-and-set, so that a write that comes between
wins and nothing is lost. Nothing is kept about how far it came: what is left to do shows in the rows themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import msgspec

from vedette.domain.documents import Document
from vedette.domain.tokens import AgentToken
from vedette.ports.accounts import Tenant
from vedette.ports.agents import Agents, ProcessBeat
from vedette.ports.clock import Clock
from vedette.ports.keys import Kept, KeyUse, Sealed
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit, Conflict, Write
from vedette.services import sealing
from vedette.services.presence import SILENT_MS

RESEALED = (Kept.AGENT_TOKENS, Kept.DOCUMENTS, Kept.WEBHOOK_TOKENS)
"""What can be sealed anew by us alone."""
_PAGE = 200
_PASSES = 20
_BEATS = 3  # of a process: the look at the keys that came before the second one came after what was seen in the first
_POLL_S = 0.5

Sleep = Callable[[float], Awaitable[None]]
Item = TypeVar("Item", Document, Tenant, AgentToken)


class Stores(Protocol):
    """What holds something sealed."""

    @property
    def agents(self) -> Agents: ...
    @property
    def tokens(self) -> AgentTokens: ...
    @property
    def sealed(self) -> Sealed: ...
    @property
    def commit(self) -> Commit: ...


class Resealed(msgspec.Struct):
    """What was done: rows sealed anew by kind, and those that cannot be opened, by id."""

    rows: dict[Kept, int] = {}
    unreadable: list[str] = []


async def known_to_all(agents: Agents, newest: int, now_ms: int) -> int:
    """The newest key that this process (it knows `newest`) and every live one knows."""
    beats = await agents.processes(now_ms - SILENT_MS)
    return min((beat.newest_key for beat in beats), default=newest)


class KeyRotation:
    """Waits for the processes, and seals anew with the keyring's current key."""

    def __init__(self, stores: Stores, keyring: Keyring, clock: Clock, sleep: Sleep) -> None:
        self._stores = stores
        self._keyring = keyring
        self._clock = clock
        self._sleep = sleep

    async def uses(self) -> Sequence[KeyUse]:
        return await self._stores.sealed.uses(self._clock())

    async def without_key(self, version: int) -> list[ProcessBeat]:
        """Live processes that do not know this key yet."""
        return [beat for beat in await self._live() if beat.newest_key < version]

    async def wait_until_known(self, version: int, limit_s: float) -> list[ProcessBeat]:
        """Until every live process knows the key; those that do not after this time."""
        late = await self.without_key(version)
        while late and limit_s > 0:
            await self._sleep(_POLL_S)
            limit_s -= _POLL_S
            late = await self.without_key(version)
        return late

    async def wait_until_used(self, limit_s: float) -> list[str]:
        """Until every live process has looked at the keys again, so that it uses the newest one; the silent ones."""
        seen = {beat.id: {beat.at_ms} for beat in await self._live()}
        late = sorted(seen)
        while late and limit_s > 0:
            await self._sleep(_POLL_S)
            limit_s -= _POLL_S
            live = {beat.id: beat.at_ms for beat in await self._live()}
            for key in seen.keys() & live.keys():
                seen[key].add(live[key])
            late = sorted(key for key in seen.keys() & live.keys() if len(seen[key]) < _BEATS)
        return late

    async def reseal(self, tell: Callable[[Resealed], None]) -> Resealed:
        """Until nothing that can be read is sealed under another key than the current one. Tells after each page."""
        done = Resealed()
        for _ in range(_PASSES):
            done.unreadable.clear()
            await self._documents(done, tell)
            await self._tenants(done, tell)
            await self._tokens(done, tell)
            if not await self._is_anything_left(len(done.unreadable)):
                break
        return done

    async def _is_anything_left(self, unreadable: int) -> bool:
        current = self._keyring.current
        return (
            sum(use.rows for use in await self.uses() if use.kept in RESEALED and use.version != current) > unreadable
        )

    async def _documents(self, done: Resealed, tell: Callable[[Resealed], None]) -> None:
        marker, sealed = "", self._stores.sealed

        def write(document: Document) -> Write:
            secrets = self._anew(document.secrets, sealing.document_context(document.id))
            return sealed.reseal_document(msgspec.structs.replace(document, secrets=secrets))

        while page := await sealed.documents(self._keyring.current, marker, _PAGE):
            marker = page[-1].id
            await self._page(Kept.DOCUMENTS, [(one.id, one) for one in page], write, done)
            tell(done)

    async def _tenants(self, done: Resealed, tell: Callable[[Resealed], None]) -> None:
        marker, sealed = "", self._stores.sealed

        def write(tenant: Tenant) -> Write:
            token = self._anew(tenant.webhook_token, sealing.webhook_token_context(tenant.id))
            return sealed.reseal_tenant(msgspec.structs.replace(tenant, webhook_token=token))

        while page := await sealed.tenants(self._keyring.current, marker, _PAGE):
            marker = page[-1].id
            await self._page(Kept.WEBHOOK_TOKENS, [(one.id, one) for one in page], write, done)
            tell(done)

    async def _tokens(self, done: Resealed, tell: Callable[[Resealed], None]) -> None:
        """All are looked at, for the index under another key can be told only from the token."""
        marker, tokens, current = "", self._stores.tokens, self._keyring.current

        def write(token: AgentToken) -> Write:
            context = sealing.agent_token_context(token.public_id)
            secret = self._keyring.open(token.sealed, context)
            index = self._keyring.index("agent_token", secret.decode())
            sealed = self._keyring.seal(secret, context)
            return tokens.reseal(msgspec.structs.replace(token, index=index, sealed=sealed), token.revision)

        while page := [one for one in await tokens.every(marker, _PAGE + 1) if one.public_id > marker]:
            marker = page[-1].public_id
            old = [one for one in page if one.sealed[1] != current or one.index[0] != current]
            await self._page(Kept.AGENT_TOKENS, [(one.public_id, one) for one in old], write, done)
            tell(done)

    async def _page(
        self, kept: Kept, page: Iterable[tuple[str, Item]], write: Callable[[Item], Write], done: Resealed
    ) -> None:
        writes = []
        for key, item in page:
            try:
                writes.append(write(item))
            except ValueError:
                done.unreadable.append(key)
        done.rows[kept] = done.rows.get(kept, 0) + await self._commit(writes)

    async def _commit(self, writes: Sequence[Write]) -> int:
        """In one transaction; where one of them was changed meanwhile, each on its own: the next pass looks again."""
        if not writes:
            return 0
        try:
            await self._stores.commit(*writes)
        except Conflict:
            return sum([await self._commit([one]) for one in writes]) if len(writes) > 1 else 0
        return len(writes)

    def _anew(self, sealed: bytes | None, context: str) -> bytes:
        return self._keyring.seal(self._keyring.open(sealed or b"", context), context)

    async def _live(self) -> Sequence[ProcessBeat]:
        return await self._stores.agents.processes(self._clock() - SILENT_MS)
