"""Agents' side of the stores, in memory, and a small account to connect agents to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.fakes.agent_stores import FakeAgentRoll, FakeAgentTokens
from tests.fakes.chance import FakeEntropy
from tests.fakes.database import FakeDatabase
from tests.fakes.keyring import FakeKeyring
from tests.fakes.stores import FakeDocuments
from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import TenantId
from vedette.domain.observations import Observation
from vedette.domain.tokens import AgentToken, Grave, Reason
from vedette.ports.documents import Filter
from vedette.ports.unit import Commit, StoreUnavailable
from vedette.services.agent_files import FileOutcome, Uploader
from vedette.services.agents import Agents

ALICE = TenantId("550123")
CHARLIE = TenantId("660999")
ALICE_TOKEN = "a" * 64 + ".550123"
CHARLIE_TOKEN = "c" * 64 + ".660999"


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

    async def list(
        self, tenant_id: TenantId, kind: Kind, where: Filter, marker: str | None, limit: int
    ) -> list[Document]:
        rows = await super().list(tenant_id, kind, where, marker, 1_000_000)
        return [row for row in rows if not where.refs or set(where.refs) & set(row.refs)][:limit]

    async def every(self, kind: Kind, marker: str | None, limit: int) -> Sequence[Document]:
        if not self._database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        rows = [row for key, row in sorted(self._rows().items()) if key >= (marker or "") and row.kind is kind]
        return rows[:limit]


@dataclass(frozen=True)
class AccountStores:
    agents: FakeAgentRoll
    documents: FakeDocuments
    tokens: FakeAgentTokens
    commit: Commit


class Account:
    """Alice's and Charlie's tokens, their entities and checks, and an `Agents` over them."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.documents = AgentDocuments(self.database)
        self.tokens = FakeAgentTokens(self.database)
        self.roll = FakeAgentRoll(self.database)
        self.keyring = FakeKeyring()
        self.observed: list[Observation] = []
        self.uploads: list[tuple[Uploader, Mapping[str, str | None]]] = []
        self.storing = 0  # reports that have begun
        self.reports = 0
        self.may_store = asyncio.Event()
        self.may_store.set()
        self.entropy = FakeEntropy()
        self.agents = self.process("prOne")
        self.add_token(ALICE, ALICE_TOKEN, "atAlice0001")
        self.add_token(CHARLIE, CHARLIE_TOKEN, "atCharlie01")

    def process(self, process_id: str) -> Agents:
        """Another server process over the same stores."""
        stores = AccountStores(self.roll, self.documents, self.tokens, self.database.commit)
        return Agents(stores, self.keyring, self.report, self.entropy, process_id, self.apply_files)

    async def apply_files(self, uploader: Uploader, files: Mapping[str, str | None], _now_ms: int) -> list[FileOutcome]:
        self.uploads.append((uploader, files))
        return []

    async def report(self, observations: Sequence[Observation]) -> None:
        self.storing += 1
        await self.may_store.wait()
        if not self.database.is_available:
            raise StoreUnavailable("the fake database is switched off")
        self.reports += 1
        self.observed.extend(observations)

    def add_token(self, tenant_id: TenantId, secret: str, public_id: str, **more: Any) -> AgentToken:
        token = msgspec.structs.replace(self.token(tenant_id, secret, public_id), **more)
        self.database.commit_now(self.tokens.add(token))
        return token

    def token(self, tenant_id: TenantId, secret: str, public_id: str) -> AgentToken:
        """As it would be stored."""
        return AgentToken(
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

    def change_token(self, public_id: str, **more: Any) -> Change:
        """And the change as the feed shows it."""
        token = self.database.table("agent_tokens")[public_id]
        self.database.commit_now(self.tokens.update(msgspec.structs.replace(token, **more), token.revision))
        return self.last_change()

    def remove_token(self, public_id: str, reason: Reason = Reason.REVOKED) -> Change:
        token = self.database.table("agent_tokens")[public_id]
        grave = Grave(index=token.index, reason=reason, at_ms=0)
        self.database.commit_now(self.tokens.remove(token, grave))
        return self.last_change()

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


def zone(key: str, tenant_id: TenantId = ALICE, **more: Any) -> Document:
    """A private monitoring zone."""
    public = {"maximum_checks": None, "maximum_agents": None, "disabled": False} | more
    return Document(
        tenant_id=tenant_id, kind=Kind.PRIVATE_ZONE, id=key, created_at=0, updated_at=0,
        public=msgspec.json.encode(public),
    )  # fmt: skip


def remote_check(key: str, *zones: str, of: Document | None = None, type_: str = "remote.tcp", **more: Any) -> Document:
    """Polled from these zones."""
    target = {"target_alias": None, "target_hostname": "www.example.com", "target_resolver": None}
    details = {"details": {"port": 80}} if type_ == "remote.tcp" else {}
    made = check(key, type_, of or entity("enRemote", None), **(target | details | more))
    return msgspec.structs.replace(made, refs=zones)


def check(key: str, type_: str = "agent.memory", of: Document | None = None, **more: Any) -> Document:
    owner = of or entity()
    public = {"type": type_, "period": 60, "timeout": 30, "disabled": False, "details": {}} | more
    return Document(
        tenant_id=owner.tenant_id, kind=Kind.CHECK, id=key, entity_id=owner.id, created_at=0, updated_at=0,
        public=msgspec.json.encode(public),
    )  # fmt: skip
