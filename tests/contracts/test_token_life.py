"""Policy, use, rotation and graves of agent tokens; collectors' tokens."""

import msgspec
import pytest

from tests.contracts.examples import ALICES, CHARLIES, grave, token, use
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import TenantId
from vedette.domain.tokens import Policy, Reason
from vedette.ports.unit import Conflict

NOBODYS = TenantId("")
WHOLE = Policy(
    expires_at=2**53 - 1,
    allowed_agents=("web-*", "db?"),
    allowed_networks=("10.0.0.0/8", "2001:db8::/32"),
    max_agents=3,
)


@pytest.mark.parametrize(
    "policy", [Policy(), WHOLE, Policy(expires_at=7), Policy(max_agents=1), Policy(allowed_agents=("*",))]
)
async def test_a_policy_comes_back_as_it_was_stored(store: Stores, policy: Policy) -> None:
    kept = token("atOne", policy=policy)
    await store.commit(store.tokens.add(kept))
    assert await store.tokens.find(ALICES, "atOne") == kept


@pytest.mark.parametrize("metadata", [None, {}, {"z": "1", "a": "ü"}])
async def test_metadata_comes_back_in_its_order(store: Stores, metadata: dict[str, str] | None) -> None:
    await store.commit(store.tokens.add(token("atOne", metadata=metadata)))
    found = await store.tokens.find(ALICES, "atOne")
    assert found is not None
    assert (found.metadata is None) == (metadata is None)
    assert list((found.metadata or {}).items()) == list((metadata or {}).items())


async def test_an_update_sets_and_unsets_everything_but_the_secret(store: Stores) -> None:
    plain = token("atOne")
    whole = token("atOne", policy=WHOLE, metadata={"a": "b"}, rotated_to="atTwo", rotated_from="atNil", label="x")
    await store.commit(store.tokens.add(plain))
    changed = msgspec.structs.replace(whole, revision=2)
    await store.commit(store.tokens.update(msgspec.structs.replace(changed, sealed=b"stale", index=b"stale"), 1))
    assert await store.tokens.find(ALICES, "atOne") == changed
    await store.commit(store.tokens.update(msgspec.structs.replace(plain, revision=3), 2))
    assert await store.tokens.find(ALICES, "atOne") == msgspec.structs.replace(plain, revision=3)


async def test_resealing_changes_neither_revision_nor_feed(store: Stores) -> None:
    kept = token("atOne", policy=WHOLE)
    await store.commit(store.tokens.add(kept))
    last = await store.documents.last_change()
    resealed = msgspec.structs.replace(kept, index=b"new index", sealed=b"new seal")
    await store.commit(store.tokens.reseal(resealed, 1))
    assert await store.tokens.find_by_index(b"new index") == resealed
    assert await store.tokens.find_by_index(kept.index) is None
    assert await store.documents.last_change() == last


async def test_resealing_needs_the_revision_that_was_read(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    for stale in (token("atOne"), 2), (token("atOne", tenant_id=CHARLIES), 1), (token("atNone"), 1):
        with pytest.raises(Conflict, match="revision"):
            await store.commit(store.tokens.reseal(*stale))


async def test_a_removed_token_leaves_a_grave(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    dug = grave(b"atOne", reason=Reason.EXPIRED, at_ms=71)
    await store.commit(store.tokens.remove(token("atOne"), dug))
    assert await store.tokens.find_grave(b"atOne") == dug
    assert await store.tokens.find_grave(b"another") is None


async def test_a_token_that_was_not_removed_leaves_no_grave(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    with pytest.raises(Conflict, match="revision"):
        await store.commit(store.tokens.remove(token("atOne", revision=2), grave(b"atOne")))
    assert await store.tokens.find_grave(b"atOne") is None


async def test_old_graves_are_forgotten(store: Stores) -> None:
    for key, at_ms in (("atOld", 9), ("atNew", 10)):
        await store.commit(store.tokens.add(token(key)))
        await store.commit(store.tokens.remove(token(key), grave(key.encode(), at_ms=at_ms)))
    await store.commit(store.tokens.forget_graves(10))
    assert await store.tokens.find_grave(b"atOld") is None
    assert await store.tokens.find_grave(b"atNew") is not None


async def test_the_last_use_is_kept_and_time_never_goes_back(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")), store.tokens.add(token("atTwo")))
    assert await store.tokens.uses(["atOne", "atTwo"]) == []
    await store.commit(store.tokens.used([use("atOne", at_ms=50), use("atOne", at_ms=80, agent_id="b")]))
    await store.commit(store.tokens.used([use("atOne", at_ms=79, agent_id="c"), use("atTwo", at_ms=1)]))
    found = await store.tokens.uses(["atTwo", "atOne", "atNone"])
    assert sorted(found, key=lambda one: one.public_id) == [
        use("atOne", at_ms=80, agent_id="b"),
        use("atTwo", at_ms=1),
    ]
    await store.commit(store.tokens.used([use("atOne", at_ms=81, agent_id="d", ip="2001:db8::1")]))
    assert await store.tokens.uses(["atOne"]) == [use("atOne", at_ms=81, agent_id="d", ip="2001:db8::1")]


async def test_no_token_has_no_uses(store: Stores) -> None:
    assert await store.tokens.uses([]) == []
    await store.commit(store.tokens.used([]))


async def test_a_use_of_a_token_removed_meanwhile_does_not_fail_the_others(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")), store.tokens.add(token("atGone")))
    await store.commit(store.tokens.used([use("atGone")]))
    await store.commit(store.tokens.remove(token("atGone"), grave()))
    await store.commit(store.tokens.used([use("atGone"), use("atOne")]))
    assert await store.tokens.uses(["atGone", "atOne"]) == [use("atOne")]


async def test_uses_go_with_their_tenant(store: Stores) -> None:
    await store.commit(store.tokens.add(token("atOne")))
    await store.commit(store.tokens.used([use("atOne")]))
    await store.commit(store.accounts.remove_tenant(ALICES))
    assert await store.tokens.uses(["atOne"]) == []
    assert await store.tokens.find(ALICES, "atOne") is None


async def test_expired_are_rotated_tokens_whose_overlap_has_ended_the_longest_first(store: Stores) -> None:
    ends = {"atC": 100, "atA": 90, "atB": 100, "atLater": 101}
    for key, end in ends.items():
        await store.commit(store.tokens.add(token(key, policy=Policy(expires_at=end), rotated_to="atNew")))
    await store.commit(store.tokens.add(token("atPlain", policy=Policy(expires_at=1))))
    await store.commit(store.tokens.add(token("atEndless", rotated_to="atNew")))
    assert [one.public_id for one in await store.tokens.expired(100, 10)] == ["atA", "atB", "atC"]
    assert [one.public_id for one in await store.tokens.expired(100, 2)] == ["atA", "atB"]
    assert await store.tokens.expired(89, 10) == []


async def test_a_collector_token_belongs_to_no_tenant_and_is_in_no_tenants_list(store: Stores) -> None:
    collectors = token("atZone", tenant_id=NOBODYS, zone_id="mzdfw", index=b"zone")
    await store.commit(store.tokens.add(collectors), store.tokens.add(token("atOne")))
    assert await store.tokens.find(NOBODYS, "atZone") == collectors
    assert await store.tokens.find_by_index(b"zone") == collectors
    assert await store.tokens.find(ALICES, "atZone") is None
    for tenant_id in (ALICES, NOBODYS):
        assert collectors not in await store.tokens.list(tenant_id, "", 10)
        assert collectors not in await store.tokens.list_by_public_id(tenant_id, None, 10)


async def test_a_collector_token_is_updated_used_and_removed_like_any_other(store: Stores) -> None:
    collectors = token("atZone", tenant_id=NOBODYS, zone_id="mzdfw")
    await store.commit(store.tokens.add(collectors))
    labelled = msgspec.structs.replace(collectors, label="new", revision=2)
    await store.commit(store.tokens.update(labelled, 1))
    await store.commit(store.tokens.used([use("atZone")]))
    assert await store.tokens.find(NOBODYS, "atZone") == labelled
    assert await store.tokens.uses(["atZone"]) == [use("atZone")]
    await store.commit(store.tokens.remove(labelled, grave(b"zone")))
    assert await store.tokens.find(NOBODYS, "atZone") is None


async def test_every_token_of_everybody_is_gone_through_by_public_id(store: Stores) -> None:
    await store.commit(
        store.tokens.add(token("atB")),
        store.tokens.add(token("atA", tenant_id=CHARLIES)),
        store.tokens.add(token("atC", tenant_id=NOBODYS, zone_id="mzdfw")),
    )
    assert [one.public_id for one in await store.tokens.every(None, 10)] == ["atA", "atB", "atC"]
    assert [one.public_id for one in await store.tokens.every("atAzz", 1)] == ["atB"]
