"""The end of a rotation, and what happens when two change a token at once."""

from __future__ import annotations

import msgspec
import pytest

from tests.fakes.agent_stores import FakeAgentRoll, FakeAgentTokens
from tests.fakes.chance import FakeEntropy
from tests.fakes.database import FakeDatabase, write
from tests.fakes.keyring import FakeKeyring
from vedette.domain.faults import Fault
from vedette.domain.history import AuditEntry
from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal
from vedette.domain.tokens import AgentToken, Grave, Reason
from vedette.ports.history import Span
from vedette.ports.unit import Conflict, Write
from vedette.services.agent_tokens import AgentTokenService
from vedette.services.audits import Auditor
from vedette.services.requests import AuditDraft, Request
from vedette.services.token_expiry import TokenExpiry
from vedette.services.token_rotation import TokenRotation
from vedette.services.token_store import TokenStore

ALICE = TenantId("550123")
OVERLAP_MS = 60_000


class FakeAudits:
    async def list(self, tenant_id: TenantId, span: Span) -> list[AuditEntry]:
        raise NotImplementedError

    def add(self, entry: AuditEntry) -> Write:
        return write(lambda tables: tables.setdefault("audits", {}).update({entry.key: entry}))

    def forget_before(self, key: bytes, limit: int) -> Write:
        raise NotImplementedError


class Tokens:
    """The services of agent tokens over one fake database, and a clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.database = FakeDatabase()
        self.rows = FakeAgentTokens(self.database)
        entropy = FakeEntropy()
        self.store = TokenStore(
            tokens=self.rows,
            agents=FakeAgentRoll(self.database),
            commit=self.database.commit,
            auditor=Auditor(FakeAudits(), self.database.commit, entropy),
            keyring=FakeKeyring(),
            entropy=entropy,
        )
        self.service = AgentTokenService(self.store)
        self.rotation = TokenRotation(self.store)
        self.expiry = TokenExpiry(self.store, lambda: self.now_ms)

    @property
    def request(self) -> Request:
        principal = Principal(
            user_id="1", user_name="alice", tenant_id=ALICE, roles=("monitoring:admin",), expires_at=2**53
        )
        draft = AuditDraft(
            app="agent_tokens", method="POST", url="/", query=None, headers={}, payload=None, who=None, why=None
        )
        return Request(principal=principal, tenant_id=ALICE, now_ms=self.now_ms, transaction_id="t", draft=draft)

    async def create(self) -> str:
        return (await self.service.create(self.request, {})).id

    async def rotate(self, token: str) -> str:
        return (await self.rotation.rotate(self.request, token, {"overlap": OVERLAP_MS // 1000})).id

    async def find(self, token: str) -> AgentToken:
        return await self.store.find(ALICE, token)

    async def is_there(self, token: str) -> bool:
        return await self.rows.find_by_index(self.store.keyring.index("agent_token", token)) is not None

    async def grave_of(self, token: str) -> Grave | None:
        return await self.rows.find_grave(self.store.keyring.index("agent_token", token))

    def race(self, token: AgentToken) -> None:
        """Somebody else changes the token just before the next commit."""
        changed = msgspec.structs.replace(token, label="theirs")
        self.database.before_commit = lambda: self.database.commit_now(self.rows.update(changed, token.revision))

    @property
    def audits(self) -> int:
        return len(self.database.table("audits"))


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


async def test_when_the_overlap_ends_the_old_token_is_gone_and_remembered_as_expired(tokens: Tokens) -> None:
    old = await tokens.create()
    new = await tokens.rotate(old)
    tokens.now_ms += OVERLAP_MS - 1
    assert not await tokens.expiry.step()
    assert await tokens.is_there(old)
    tokens.now_ms += 1
    assert await tokens.expiry.step()
    assert not await tokens.is_there(old)
    grave = await tokens.grave_of(old)
    assert grave is not None
    assert (grave.reason, grave.at_ms) == (Reason.EXPIRED, tokens.now_ms)
    assert (await tokens.find(new)).rotated_from is None
    assert not await tokens.expiry.step()


async def test_a_token_whose_key_is_gone_is_removed_and_remembered_by_the_index_it_has(tokens: Tokens) -> None:
    old = await tokens.create()
    await tokens.rotate(old)
    kept = await tokens.find(old)
    tokens.database.table("agent_tokens")[kept.public_id] = msgspec.structs.replace(kept, sealed=b"of another key")
    tokens.now_ms += OVERLAP_MS
    assert await tokens.expiry.step()
    assert await tokens.grave_of(old) is not None


async def test_a_token_that_merely_expired_is_not_removed(tokens: Tokens) -> None:
    token = (await tokens.service.create(tokens.request, {"expires_at": tokens.now_ms + 1})).id
    tokens.now_ms += 10
    assert not await tokens.expiry.step()
    assert await tokens.is_there(token)


async def test_a_step_that_was_too_late_by_a_change_leaves_it_to_the_next(tokens: Tokens) -> None:
    old = await tokens.create()
    new = await tokens.rotate(old)
    tokens.now_ms += OVERLAP_MS
    tokens.race(await tokens.find(new))
    assert not await tokens.expiry.step()
    assert await tokens.is_there(old)
    assert await tokens.grave_of(old) is None
    assert await tokens.expiry.step()
    assert not await tokens.is_there(old)
    assert ((await tokens.find(new)).label, (await tokens.find(new)).rotated_from) == ("theirs", None)


async def test_an_overlap_moved_before_the_step_is_kept(tokens: Tokens) -> None:
    old = await tokens.create()
    await tokens.rotate(old)
    await tokens.service.update(tokens.request, old, {"expires_at": tokens.now_ms + 2 * OVERLAP_MS})
    tokens.now_ms += OVERLAP_MS
    assert not await tokens.expiry.step()
    assert await tokens.is_there(old)


async def test_a_rotation_beside_a_change_takes_the_change_over(tokens: Tokens) -> None:
    old = await tokens.create()
    tokens.race(await tokens.find(old))
    new = await tokens.rotate(old)
    assert (await tokens.find(new)).label == "theirs"
    assert (await tokens.find(old)).label == "theirs"
    assert len(tokens.database.table("agent_tokens")) == 2


async def test_of_two_rotations_at_once_one_is_done(tokens: Tokens) -> None:
    old = await tokens.create()
    kept = await tokens.find(old)
    first = msgspec.structs.replace(kept, rotated_to="atOther0001")
    tokens.database.before_commit = lambda: tokens.database.commit_now(tokens.rows.update(first, kept.revision))
    with pytest.raises(Fault, match="already been rotated"):
        await tokens.rotate(old)
    assert len(tokens.database.table("agent_tokens")) == 1


async def test_a_token_deleted_beside_its_rotation_is_not_rotated(tokens: Tokens) -> None:
    old = await tokens.create()
    kept = await tokens.find(old)
    grave = Grave(index=kept.index, reason=Reason.REVOKED, at_ms=1)
    tokens.database.before_commit = lambda: tokens.database.commit_now(tokens.rows.remove(kept, grave))
    with pytest.raises(Fault, match="notFoundError"):
        await tokens.rotate(old)
    assert tokens.database.table("agent_tokens") == {}


async def test_a_deleted_token_is_remembered_as_revoked(tokens: Tokens) -> None:
    token = await tokens.create()
    await tokens.service.remove(tokens.request, token)
    grave = await tokens.grave_of(token)
    assert grave is not None
    assert grave.reason is Reason.REVOKED


async def test_a_deletion_beside_a_change_is_done_unless_it_was_for_another_state(tokens: Tokens) -> None:
    token = await tokens.create()
    kept = await tokens.find(token)
    tokens.race(kept)
    with pytest.raises(Fault, match="has been changed") as raised:
        await tokens.service.remove(tokens.request, token, frozenset({kept.revision}))
    assert raised.value.code == 412
    assert await tokens.is_there(token)
    tokens.race(await tokens.find(token))
    await tokens.service.remove(tokens.request, token)
    assert not await tokens.is_there(token)


async def test_an_update_beside_another_keeps_both(tokens: Tokens) -> None:
    token = await tokens.create()
    tokens.race(await tokens.find(token))
    await tokens.service.update(tokens.request, token, {"max_agents": 2})
    after = await tokens.find(token)
    assert (after.label, after.policy.max_agents) == ("theirs", 2)


async def test_each_done_write_has_one_audit_entry(tokens: Tokens) -> None:
    old = await tokens.create()
    tokens.race(await tokens.find(old))
    new = await tokens.rotate(old)
    tokens.race(await tokens.find(new))
    await tokens.rotation.finish(tokens.request, old)
    await tokens.service.update(tokens.request, new, {})
    await tokens.service.remove(tokens.request, new)
    assert tokens.audits == 5


async def test_who_is_always_too_late_is_told_to_try_again(tokens: Tokens) -> None:
    token = await tokens.create()

    async def always_conflicts(*_writes: Write) -> None:
        raise Conflict("revision")

    store = msgspec.structs.replace(tokens.store, commit=always_conflicts)
    for doing in (
        AgentTokenService(store).update(tokens.request, token, {"label": "x"}),
        AgentTokenService(store).remove(tokens.request, token),
        TokenRotation(store).rotate(tokens.request, token, {}),
    ):
        with pytest.raises(Fault, match="being changed by others") as raised:
            await doing
        assert (raised.value.code, raised.value.headers) == (503, {"Retry-After": "1"})


async def test_an_expired_token_cannot_be_rotated(tokens: Tokens) -> None:
    token = (await tokens.service.create(tokens.request, {"expires_at": tokens.now_ms + 1})).id
    tokens.now_ms += 1
    with pytest.raises(Fault, match="has expired"):
        await tokens.rotate(token)


async def test_collector_tokens_are_nobodys(tokens: Tokens) -> None:
    _, row = tokens.store.new(ALICE, 1)
    for tenant_id in (ALICE, TenantId("")):
        collectors = msgspec.structs.replace(row, tenant_id=tenant_id, zone_id="mzdfw")
        tokens.database.tables["agent_tokens"] = {row.public_id: collectors}
        with pytest.raises(Fault, match="notFoundError"):
            await tokens.store.find(tenant_id, row.public_id)
