"""Agents' side of the stores, in memory, and a small account to connect agents to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from tests.fakes.database import FakeDatabase, Tables, write
from tests.fakes.keyring import FakeKeyring
from tests.fakes.stores import FakeDocuments
from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.domain.observations import Observation
from vedette.domain.tokens import AgentToken
from vedette.ports.agents import AgentSeen
from vedette.ports.unit import StoreUnavailable, Write
from vedette.services.agents import Agents

ALICE = TenantId("550123")
CHARLIE = TenantId("660999")
ALICE_TOKEN = "a" * 64 + ".550123"
CHARLIE_TOKEN = "c" * 64 + ".660999"


class FakeAgentTokens:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def _sorted(self, tenant_id: TenantId) -> list[AgentToken]:
        rows = sorted(self._rows().values(), key=lambda token: (token.sort_key, token.public_id))
        return [token for token in rows if token.tenant_id == tenant_id]

    def _rows(self) -> dict[Any, Any]:
        return self._database.table("agent_tokens")

    async def find(self, tenant_id: TenantId, public_id: str) -> AgentToken | None:
        token: AgentToken | None = self._rows().get(public_id)
        return token if token is not None and token.tenant_id == tenant_id else None

    async def find_by_index(self, index: bytes) -> AgentToken | None:
        if not self._database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        return next((token for token in self._rows().values() if token.index == index), None)

    async def list_by_public_id(self, tenant_id: TenantId, marker: str | None, limit: int) -> list[AgentToken]:
        rows = sorted(self._sorted(tenant_id), key=lambda token: token.public_id)
        return [token for token in rows if token.public_id >= (marker or "")][:limit]

    async def list(self, tenant_id: TenantId, sort_key: str, limit: int) -> list[AgentToken]:
        return [token for token in self._sorted(tenant_id) if token.sort_key >= sort_key][:limit]

    def add(self, token: AgentToken) -> Write:
        return write(lambda tables: tables.setdefault("agent_tokens", {}).update({token.public_id: token}))

    def update(self, token: AgentToken, revision: int) -> Write:
        return self.add(token)

    def remove(self, token: AgentToken) -> Write:
        return write(lambda tables: tables["agent_tokens"].pop(token.public_id))


class FakeAgentRoll:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def find(self, tenant_id: TenantId, agent_id: str) -> AgentSeen | None:
        return self._database.table("agents").get((tenant_id, agent_id))

    async def list(self, tenant_id: TenantId, marker: str | None, limit: int) -> list[AgentSeen]:
        rows = [
            agent for key, agent in sorted(self._database.table("agents").items()) if key >= (tenant_id, marker or "")
        ]
        return [agent for agent in rows if agent.tenant_id == tenant_id][:limit]

    def seen(self, agents: Sequence[AgentSeen]) -> Write:
        def seen(tables: Tables) -> None:
            tables.setdefault("agents", {}).update({(agent.tenant_id, agent.id): agent for agent in agents})

        return write(seen)

    def forget_before(self, last_connected_ms: int) -> Write:
        raise NotImplementedError


class AgentDocuments(FakeDocuments):
    async def find(self, tenant_id: TenantId, kind: Kind, key: str) -> Document | None:
        if not self._database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        return await super().find(tenant_id, kind, key)

    async def entity_of_agent(self, tenant_id: TenantId, agent_id: str) -> Document | None:
        if not self._database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        rows = self._rows().values()
        return next((row for row in rows if (row.tenant_id, row.agent_id) == (tenant_id, agent_id)), None)


class Account:
    """Alice's and Charlie's tokens, their entities and checks, and an `Agents` over them."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.documents = AgentDocuments(self.database)
        self.tokens = FakeAgentTokens(self.database)
        self.roll = FakeAgentRoll(self.database)
        self.keyring = FakeKeyring()
        self.observed: list[Observation] = []
        self.storing = 0  # reports that have begun
        self.reports = 0
        self.may_store = asyncio.Event()
        self.may_store.set()
        self.agents = Agents(self.tokens, self.documents, self.roll, self.database.commit, self.keyring, self.report)
        self.add_token(ALICE, ALICE_TOKEN, "atAlice0001")
        self.add_token(CHARLIE, CHARLIE_TOKEN, "atCharlie01")

    async def report(self, observations: Sequence[Observation]) -> None:
        self.storing += 1
        await self.may_store.wait()
        if not self.database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        self.reports += 1
        self.observed.extend(observations)

    def add_token(self, tenant_id: TenantId, secret: str, public_id: str) -> AgentToken:
        token = AgentToken(
            tenant_id=tenant_id,
            public_id=public_id,
            sort_key=secret[:8],
            index=self.keyring.index("agent_token", secret),
            sealed=self.keyring.seal(secret.encode(), f"agent_token:{public_id}"),
            label=None,
            revision=1,
            created_at=0,
            updated_at=0,
        )
        self.database.commit_now(self.tokens.add(token))
        return token

    def remove_token(self, public_id: str) -> None:
        self.database.commit_now(self.tokens.remove(self.database.table("agent_tokens")[public_id]))

    def put(self, document: Document) -> Change:
        """Adds or updates, and gives the change as the feed shows it."""
        kept = self.database.table("documents").get(document.id)
        if kept is None:
            self.database.commit_now(self.documents.add(document))
        else:
            changed = msgspec.structs.replace(document, revision=kept.revision + 1)
            self.database.commit_now(self.documents.update(changed, kept.revision))
        return self.last_change()

    def remove(self, document: Document) -> Change:
        self.database.commit_now(self.documents.remove(document))
        return self.last_change()

    def last_change(self) -> Change:
        feed = self.database.table("changes")
        change: Change = feed[max(feed)]
        return change


def entity(
    key: str = "enAlice", agent_id: str | None = "web-1", tenant_id: TenantId = ALICE, label: str = ""
) -> Document:
    return Document(
        tenant_id=tenant_id, kind=Kind.ENTITY, id=key, agent_id=agent_id, label=label, created_at=0, updated_at=0,
        public=msgspec.json.encode({"agent_id": agent_id}),
    )  # fmt: skip


def check(key: str, type_: str = "agent.memory", of: Document | None = None, **more: Any) -> Document:
    owner = of or entity()
    public = {"type": type_, "period": 60, "timeout": 30, "disabled": False, "details": {}} | more
    return Document(
        tenant_id=owner.tenant_id, kind=Kind.CHECK, id=key, entity_id=owner.id, created_at=0, updated_at=0,
        public=msgspec.json.encode(public),
    )  # fmt: skip
