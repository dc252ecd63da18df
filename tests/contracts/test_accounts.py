import pytest

from tests.contracts.examples import (
    ALICES,
    CHARLIES,
    agent,
    alarm_state,
    audit,
    delivery,
    document,
    key,
    principal,
    span,
    state_change,
    tenant,
    token,
    user,
)
from vedette.adapters.sql.stores import Stores
from vedette.domain.documents import Kind
from vedette.domain.ids import TenantId
from vedette.ports.accounts import RateCount
from vedette.ports.unit import Conflict

ALICE = user("alice")
BOB = user("bob", roles=("monitoring:observer",), password_hash=b"\x00hash")
CHARLIE = user("charlie", tenant_id=CHARLIES)


def rate(tenant_id: str, group: str, used: int, since_ms: int = 5) -> RateCount:
    return RateCount(tenant_id=TenantId(tenant_id), group=group, since_ms=since_ms, used=used)


async def test_a_tenant_is_found_ignoring_case(store: Stores) -> None:
    full = tenant("Dora", metadata={"team": "a"}, webhook_token=b"\x00sealed", limits={"checks": 5_000})
    await store.commit(store.accounts.add_tenant(full))
    assert await store.accounts.find_tenant(TenantId("dORA")) == full
    assert await store.accounts.find_tenant(TenantId("dor")) is None
    assert [one.id for one in await store.accounts.tenants()] == ["Charlies", "Dora", "alices"]


async def test_a_tenants_id_is_unique_ignoring_case(store: Stores) -> None:
    with pytest.raises(Conflict, match=r"^tenant$"):
        await store.commit(store.accounts.add_tenant(tenant("ALICES")))


async def test_a_tenants_update_needs_the_revision_that_was_read(store: Stores) -> None:
    changed = tenant(ALICES, revision=2, metadata={}, webhook_token=b"w", limits={"rate.global": 0})
    await store.commit(store.accounts.update_tenant(changed, 1))
    assert await store.accounts.find_tenant(ALICES) == changed
    for stale in (changed, tenant("nobodys")):
        with pytest.raises(Conflict, match=r"^revision$"):
            await store.commit(store.accounts.update_tenant(stale, 1))


async def test_a_removed_tenant_takes_everything_along(store: Stores) -> None:
    await store.commit(
        store.accounts.add_user(ALICE),
        store.accounts.add_user(CHARLIE),
        store.accounts.add_principal(b"alice", principal(ALICE)),
        store.accounts.add_principal(b"charlie", principal(CHARLIE)),
        store.accounts.save_rate_counts([rate(ALICES, "global", 1), rate(CHARLIES, "global", 2)]),
        store.documents.add(document("enA", refs=("mzdfw",))),
        store.documents.add(document("chA", entity_id="enA")),
        store.documents.add(document("alA", entity_id="enA", check_id="chA")),
        store.alarm_states.put(alarm_state("alA"), 0),
        store.tokens.add(token("atA")),
        store.agents.seen([agent("host")]),
        store.audits.add(audit(key(1))),
        store.changelogs.add(state_change(key(1))),
        store.outbox.add(delivery(key(1))),
    )
    await store.commit(store.accounts.remove_tenant(ALICES))
    assert [one.id for one in await store.accounts.tenants()] == [CHARLIES]
    assert await store.accounts.users(None) == [CHARLIE]
    assert await store.accounts.find_principal(b"alice") is None
    assert await store.accounts.find_principal(b"charlie") == principal(CHARLIE)
    assert await store.accounts.rate_counts() == [rate(CHARLIES, "global", 2)]
    assert await store.documents.find(ALICES, Kind.ENTITY, "enA") is None
    assert await store.documents.referrers(ALICES, "mzdfw", 1) == []
    assert await store.alarm_states.find("alA") is None
    assert await store.tokens.find(ALICES, "atA") is None
    assert await store.agents.find(ALICES, "host") is None
    assert await store.audits.list(ALICES, span()) == []
    assert await store.changelogs.list(ALICES, None, span()) == []
    assert await store.outbox.next_due_ms() is None
    with pytest.raises(Conflict, match=r"^tenant$"):
        await store.commit(store.accounts.remove_tenant(ALICES))


async def test_users_are_found_by_name_and_listed_by_tenant(store: Stores) -> None:
    await store.commit(*[store.accounts.add_user(one) for one in (BOB, ALICE, CHARLIE)])
    assert await store.accounts.find_user("bob") == BOB
    assert await store.accounts.find_user("Bob") is None
    assert await store.accounts.users(ALICES) == [ALICE, BOB]
    assert await store.accounts.users(None) == [ALICE, BOB, CHARLIE]


async def test_a_users_name_is_unique_over_all_tenants(store: Stores) -> None:
    await store.commit(store.accounts.add_user(ALICE))
    with pytest.raises(Conflict, match=r"^user$"):
        await store.commit(store.accounts.add_user(user("alice", id="us-2", tenant_id=CHARLIES)))


async def test_a_user_needs_a_tenant(store: Stores) -> None:
    with pytest.raises(Conflict, match=r"^tenant$"):
        await store.commit(store.accounts.add_user(user("dora", tenant_id=TenantId("nobodys"))))


async def test_an_updated_users_identity_tokens_end(store: Stores) -> None:
    await store.commit(store.accounts.add_user(ALICE), store.accounts.add_user(BOB))
    await store.commit(store.accounts.add_principal(b"1", principal(ALICE)))
    await store.commit(store.accounts.add_principal(b"2", principal(BOB)))
    changed = user("alice", roles=("admin",), api_key_index=b"new", password_hash=b"hash")
    await store.commit(store.accounts.update_user(changed))
    assert await store.accounts.find_user("alice") == changed
    assert await store.accounts.find_principal(b"1") is None
    assert await store.accounts.find_principal(b"2") == principal(BOB)
    with pytest.raises(Conflict, match=r"^user$"):
        await store.commit(store.accounts.update_user(CHARLIE))


async def test_a_removed_users_identity_tokens_end(store: Stores) -> None:
    await store.commit(store.accounts.add_user(ALICE), store.accounts.add_principal(b"1", principal(ALICE)))
    await store.commit(store.accounts.remove_user("alice"))
    assert await store.accounts.find_user("alice") is None
    assert await store.accounts.find_principal(b"1") is None
    with pytest.raises(Conflict, match=r"^user$"):
        await store.commit(store.accounts.remove_user("alice"))


async def test_a_user_removed_while_logging_in_gets_no_identity_token(store: Stores) -> None:
    with pytest.raises(Conflict, match=r"^user$"):
        await store.commit(store.accounts.add_principal(b"1", principal(ALICE)))


async def test_identity_tokens_are_revoked_one_by_one_and_forgotten_when_expired(store: Stores) -> None:
    await store.commit(store.accounts.add_user(ALICE))
    for name, expires_at in ((b"1", 100), (b"2", 101), (b"3", 102), (b"4", 103)):
        await store.commit(store.accounts.add_principal(name, principal(ALICE, expires_at=expires_at)))
    await store.commit(store.accounts.remove_principal(b"4"), store.accounts.remove_principal(b"4"))
    await store.commit(store.accounts.forget_expired(101))
    left = [name for name in (b"1", b"2", b"3", b"4") if await store.accounts.find_principal(name)]
    assert left == [b"3"]


async def test_rate_counts_are_saved_over_earlier_ones(store: Stores) -> None:
    await store.commit(store.accounts.save_rate_counts([rate(CHARLIES, "global", 7), rate(ALICES, "test_check", 1)]))
    await store.commit(store.accounts.save_rate_counts([rate(CHARLIES, "global", 2, since_ms=50)]))
    await store.commit(store.accounts.save_rate_counts([]))
    assert await store.accounts.rate_counts() == [rate(CHARLIES, "global", 2, 50), rate(ALICES, "test_check", 1)]


async def test_a_rate_count_of_a_tenant_removed_meanwhile_does_not_fail_the_others(store: Stores) -> None:
    await store.commit(store.accounts.save_rate_counts([rate("nobodys", "global", 1), rate(ALICES, "global", 2)]))
    assert await store.accounts.rate_counts() == [rate(ALICES, "global", 2)]
