import pytest

from tests.contracts.examples import ALICES, CHARLIES, alarm_state, document
from vedette.adapters.sql.stores import Stores
from vedette.domain.documents import Document, Kind
from vedette.domain.ids import TenantId
from vedette.ports.documents import Filter
from vedette.ports.unit import Conflict

ENTITY = document("enA")
CHECK = document("chA", entity_id="enA")
ALARM = document("alA", entity_id="enA", check_id="chA")


async def add(store: Stores, *documents: Document) -> None:
    await store.commit(*[store.documents.add(one) for one in documents])


async def ids(
    store: Stores, kind: Kind, where: Filter | None = None, marker: str | None = None, n: int = 9
) -> list[str]:
    return [one.id for one in await store.documents.list(ALICES, kind, where or Filter(), marker, n)]


async def test_a_document_is_found_as_it_was_added(store: Stores) -> None:
    full = document(
        "alB",
        entity_id="enA",
        check_id="chA",
        label="naïve \N{SNOWMAN}",
        refs=("npOne", "mzdfw"),
        revision=1,
        public=b'{"label":"x"}',
        secrets=b"\x00sealed\xff",
    )
    await add(store, document("enA", agent_id="host-1"), CHECK, full)
    assert await store.documents.find(ALICES, Kind.ALARM, "alB") == full
    entity = await store.documents.find(ALICES, Kind.ENTITY, "enA")
    assert entity == document("enA", agent_id="host-1")


async def test_a_document_is_found_only_by_its_tenant_kind_and_exact_id(store: Stores) -> None:
    await add(store, ENTITY)
    assert await store.documents.find(CHARLIES, Kind.ENTITY, "enA") is None
    assert await store.documents.find(ALICES, Kind.CHECK, "enA") is None
    assert await store.documents.find(ALICES, Kind.ENTITY, "ena") is None
    assert await store.documents.find(ALICES, Kind.ENTITY, "enA\0") is None


async def test_lists_are_ordered_and_paged_bytewise(store: Stores) -> None:
    await add(store, *[document(f"en{letter}") for letter in "bAaB0z"])
    assert await ids(store, Kind.ENTITY) == ["en0", "enA", "enB", "ena", "enb", "enz"]
    assert await ids(store, Kind.ENTITY, n=2) == ["en0", "enA"]
    assert await ids(store, Kind.ENTITY, marker="enB", n=2) == ["enB", "ena"]
    assert await ids(store, Kind.ENTITY, marker="enBz") == ["ena", "enb", "enz"]
    assert await store.documents.list(CHARLIES, Kind.ENTITY, Filter(), None, 9) == []


async def test_filters_narrow_together(store: Stores) -> None:
    await add(store, ENTITY, document("enB"), CHECK, document("chB", entity_id="enB", label="web"))
    await add(store, document("chC", entity_id="enA", label="web"), ALARM)
    assert await ids(store, Kind.CHECK) == ["chA", "chB", "chC"]
    assert await ids(store, Kind.CHECK, Filter(entity_id="enA")) == ["chA", "chC"]
    assert await ids(store, Kind.CHECK, Filter(label="web")) == ["chB", "chC"]
    assert await ids(store, Kind.CHECK, Filter(entity_id="enA", label="web")) == ["chC"]
    assert await ids(store, Kind.ALARM, Filter(check_id="chA")) == ["alA"]
    assert await ids(store, Kind.CHECK, Filter(ids=("chC", "chA", "chA", "none", "enA"))) == ["chA", "chC"]
    assert await ids(store, Kind.CHECK, Filter(ids=("chC", "chA")), marker="chB") == ["chC"]


async def test_objects_are_counted_by_tenant_and_kind(store: Stores) -> None:
    await add(store, ENTITY, document("enB"), CHECK, document("enC", tenant_id=CHARLIES))
    assert await store.documents.count(ALICES, Kind.ENTITY) == 2
    assert await store.documents.count(ALICES, Kind.CHECK) == 1
    assert await store.documents.count(ALICES, Kind.ALARM) == 0


async def test_every_goes_over_all_tenants_in_pages(store: Stores) -> None:
    await add(store, document("enB"), document("ena"), document("enA", tenant_id=CHARLIES), document("npA"))
    assert [one.id for one in await store.documents.every(Kind.ENTITY, None, 2)] == ["enA", "enB"]
    assert [one.id for one in await store.documents.every(Kind.ENTITY, "enB", 9)] == ["enB", "ena"]


async def test_referrers_are_those_whose_refs_hold_the_id(store: Stores) -> None:
    await add(store, document("npB", refs=("ntX",)), document("npA", refs=("ntX", "ntY", "ntX")), document("npC"))
    await add(store, document("npD", refs=("ntX",), tenant_id=CHARLIES))
    assert await store.documents.referrers(ALICES, "ntX", 9) == ["npA", "npB"]
    assert await store.documents.referrers(ALICES, "ntX", 1) == ["npA"]
    assert await store.documents.referrers(ALICES, "ntZ", 9) == []


async def test_an_update_changes_what_referrers_say(store: Stores) -> None:
    await add(store, document("npA", refs=("ntX", "ntY")))
    await store.commit(store.documents.update(document("npA", refs=("ntY", "ntZ"), revision=2), 1))
    assert await store.documents.referrers(ALICES, "ntX", 9) == []
    assert await store.documents.referrers(ALICES, "ntY", 9) == ["npA"]
    assert await store.documents.referrers(ALICES, "ntZ", 9) == ["npA"]


async def test_a_removed_document_refers_to_nothing(store: Stores) -> None:
    await add(store, document("npA", refs=("ntX",)))
    await store.commit(store.documents.remove(document("npA")))
    assert await store.documents.referrers(ALICES, "ntX", 9) == []


async def test_the_entity_of_an_agent_is_found_in_its_tenant(store: Stores) -> None:
    await add(store, document("enA", agent_id="host"), document("enB", agent_id="host", tenant_id=CHARLIES))
    found = await store.documents.entity_of_agent(ALICES, "host")
    assert found is not None
    assert found.id == "enA"
    assert await store.documents.entity_of_agent(ALICES, "Host") is None


async def test_an_update_needs_the_revision_that_was_read(store: Stores) -> None:
    await add(store, ENTITY)
    changed = document("enA", agent_id="h", label="new", public=b"[1]", secrets=b"s", revision=2, updated_at=50)
    await store.commit(store.documents.update(changed, 1))
    assert await store.documents.find(ALICES, Kind.ENTITY, "enA") == changed
    for stale in (document("enA", revision=2), document("enZ", revision=2), document("enA", tenant_id=CHARLIES)):
        with pytest.raises(Conflict, match=r"^revision$"):
            await store.commit(store.documents.update(stale, 1))
    assert await store.documents.find(ALICES, Kind.ENTITY, "enA") == changed


async def test_only_one_entity_of_a_tenant_has_an_agent(store: Stores) -> None:
    await add(store, document("enA", agent_id="host"), document("enB"))
    with pytest.raises(Conflict, match=r"^agent_id$"):
        await add(store, document("enC", agent_id="host"))
    with pytest.raises(Conflict, match=r"^agent_id$"):
        await store.commit(store.documents.update(document("enB", agent_id="host", revision=2), 1))
    await store.commit(store.documents.update(document("enA", agent_id="host", label="same", revision=2), 1))
    await add(store, document("enD", agent_id="host", tenant_id=CHARLIES))


async def test_an_id_is_given_once_over_all_tenants(store: Stores) -> None:
    await add(store, ENTITY)
    with pytest.raises(Conflict, match=r"^id$"):
        await add(store, document("enA", tenant_id=CHARLIES))


@pytest.mark.parametrize(
    "orphan",
    [
        document("chB", entity_id="enZ"),
        document("chB", entity_id="enA", tenant_id=CHARLIES),
        document("chB", entity_id="npA"),
        document("alB", entity_id="enA", check_id="chZ"),
        document("alB", entity_id="enB", check_id="chA"),
    ],
)
async def test_a_child_needs_its_own_parent(store: Stores, orphan: Document) -> None:
    await add(store, ENTITY, CHECK, document("enB"), document("npA"))
    with pytest.raises(Conflict, match=r"^parent$"):
        await add(store, orphan)
    with pytest.raises(Conflict, match=r"^tenant$"):
        await add(store, document("enC", tenant_id=TenantId("nobodys")))


async def test_a_removed_entity_takes_its_checks_alarms_and_their_states_along(store: Stores) -> None:
    await add(store, ENTITY, CHECK, ALARM, document("enB"), document("chB", entity_id="enB"))
    await store.commit(store.alarm_states.put(alarm_state("alA"), 0))
    seen = await store.documents.last_change()
    await store.commit(store.documents.remove(ENTITY))
    for kind, key in ((Kind.ENTITY, "enA"), (Kind.CHECK, "chA"), (Kind.ALARM, "alA")):
        assert await store.documents.find(ALICES, kind, key) is None
    assert await store.alarm_states.find("alA") is None
    assert await ids(store, Kind.CHECK) == ["chB"]
    changed = {(change.kind, change.id) for change in await store.documents.changes(seen, 9)}
    assert changed == {("en", "enA"), ("ch", "chA"), ("al", "alA")}


async def test_a_removed_check_takes_its_alarms_along(store: Stores) -> None:
    await add(store, ENTITY, CHECK, ALARM)
    await store.commit(store.documents.remove(CHECK))
    assert await store.documents.find(ALICES, Kind.ALARM, "alA") is None
    assert await store.documents.find(ALICES, Kind.ENTITY, "enA") == ENTITY


async def test_removing_needs_the_revision_that_was_read(store: Stores) -> None:
    await add(store, ENTITY)
    await store.commit(store.documents.update(document("enA", revision=2), 1))
    for stale in (ENTITY, document("enZ"), document("enA", revision=2, tenant_id=CHARLIES)):
        with pytest.raises(Conflict, match=r"^revision$"):
            await store.commit(store.documents.remove(stale))
    await store.commit(store.documents.remove(document("enA", revision=2)))


async def test_required_objects_must_all_exist(store: Stores) -> None:
    await add(store, *[document(f"nt{n}") for n in range(5)], document("ntX", tenant_id=CHARLIES))
    require = store.documents.require
    await store.commit(require(ALICES, ["nt1"]), require(ALICES, ["nt0", "nt1", "nt2", "nt3", "nt4", "nt1"]))
    await store.commit(require(ALICES, []))
    for missing in (["ntZ"], ["nt0", "ntZ"], ["nt0", "ntX"]):
        with pytest.raises(Conflict, match=r"^required$"):
            await store.commit(require(ALICES, missing))


async def test_what_the_same_transaction_adds_does_exist(store: Stores) -> None:
    await store.commit(store.documents.add(document("ntA")), store.documents.require(ALICES, ["ntA"]))
    with pytest.raises(Conflict, match=r"^required$"):
        await store.commit(store.documents.remove(document("ntA")), store.documents.require(ALICES, ["ntA"]))


async def test_a_referenced_object_is_guarded(store: Stores) -> None:
    await add(store, document("npA", refs=("ntA",)), document("ntA"), document("ntB"))
    await store.commit(store.documents.unreferenced(ALICES, "ntB"))
    await store.commit(store.documents.unreferenced(CHARLIES, "ntA"))
    with pytest.raises(Conflict, match=r"^referenced$"):
        await store.commit(store.documents.unreferenced(ALICES, "ntA"), store.documents.remove(document("ntA")))
    assert await store.documents.find(ALICES, Kind.NOTIFICATION, "ntA") is not None


async def test_a_limit_counts_those_that_refer_to_an_object(store: Stores) -> None:
    await add(store, document("npA", refs=("ntA",)), document("npB", refs=("ntA",)), document("ntA"))
    below = store.documents.referred_below
    await store.commit(below(ALICES, "ntA", 3, "room"), below(CHARLIES, "ntA", 1, "room"))
    with pytest.raises(Conflict, match=r"^room$"):
        await store.commit(below(ALICES, "ntA", 2, "room"), store.documents.remove(document("npB")))
    assert len(await store.documents.referrers(ALICES, "ntA", 9)) == 2


async def test_a_limit_counts_the_tenants_objects_of_the_kind(store: Stores) -> None:
    await add(store, ENTITY, document("enB"), CHECK, document("enC", tenant_id=CHARLIES))
    below = store.documents.below
    await store.commit(below(ALICES, Kind.ENTITY, 3), store.documents.add(document("enD")))
    with pytest.raises(Conflict, match=r"^limit$"):
        await store.commit(below(ALICES, Kind.ENTITY, 3), store.documents.add(document("enE")))
    await store.commit(below(ALICES, Kind.CHECK, 2))
    assert await ids(store, Kind.ENTITY) == ["enA", "enB", "enD"]


async def test_what_belongs_to_several_entities_is_listed_by_id(store: Stores) -> None:
    others = [document("enB"), document("enC"), document("chb", entity_id="enB"), document("chC", entity_id="enC")]
    await add(store, ENTITY, CHECK, ALARM, *others)
    found = await store.documents.of_entities(ALICES, Kind.CHECK, ["enB", "enA", "enB", "none"])
    assert [one.id for one in found] == ["chA", "chb"]
    assert await store.documents.of_entities(ALICES, Kind.ALARM, ["enA"]) == [ALARM]
    assert await store.documents.of_entities(CHARLIES, Kind.CHECK, ["enA", "enB"]) == []
    assert await store.documents.of_entities(ALICES, Kind.CHECK, []) == []


async def test_lists_are_narrowed_to_what_refers_to_any_of_several_things(store: Stores) -> None:
    await add(store, document("npA", refs=("ntA", "ntB")), document("npB", refs=("ntB",)), document("npC"))
    await add(store, document("npD", tenant_id=CHARLIES, refs=("ntB",)), document("spA", refs=("ntB",)))
    assert await ids(store, Kind.PLAN, Filter(refs=("ntB",))) == ["npA", "npB"]
    assert await ids(store, Kind.PLAN, Filter(refs=("ntA", "ntC"))) == ["npA"]
    assert await ids(store, Kind.PLAN, Filter(refs=("ntB",)), marker="npB") == ["npB"]
    assert await ids(store, Kind.PLAN, Filter(refs=("none",))) == []


async def test_entities_are_found_by_their_agents(store: Stores) -> None:
    await add(store, document("enA", agent_id="b"), document("enB", agent_id="a"), document("enC"))
    assert await ids(store, Kind.ENTITY, Filter(agent_ids=("a", "b", "none"))) == ["enA", "enB"]
    assert await ids(store, Kind.ENTITY, Filter(agent_ids=("a",), ids=("enA",))) == []


async def test_lists_are_narrowed_by_exact_metadata(store: Stores) -> None:
    await add(
        store,
        document("enA", public=b'{"metadata":{"os":"linux","n":1}}'),
        document("enB", public=b'{"metadata":{"os":"Linux"}}'),
        document("enC", public=b'{"metadata":null}'),
        document("enD", public=b'{"metadata":{"os":"linux","n":"1"}}'),
    )
    assert await ids(store, Kind.ENTITY, Filter(metadata=(("os", "linux"),))) == ["enA", "enD"]
    assert await ids(store, Kind.ENTITY, Filter(metadata=(("os", "linux"),)), marker="enB") == ["enD"]
    assert await ids(store, Kind.ENTITY, Filter(metadata=(("os", "linux"),)), n=1) == ["enA"]
    assert await ids(store, Kind.ENTITY, Filter(metadata=(("os", "linux"), ("n", "1")))) == ["enA", "enD"]
    assert await ids(store, Kind.ENTITY, Filter(metadata=(("os", ""),))) == []


async def test_metadata_is_looked_for_behind_any_number_of_others(store: Stores) -> None:
    await add(store, *[document(f"en{number:04d}") for number in range(1100)])
    await add(store, document("enz", public=b'{"metadata":{"a":"b"}}'))
    assert await ids(store, Kind.ENTITY, Filter(metadata=(("a", "b"),))) == ["enz"]


async def test_references_are_counted_by_what_they_refer_to(store: Stores) -> None:
    await add(store, ENTITY, CHECK, document("alA", entity_id="enA", check_id="chA", refs=("npA",)))
    await add(store, document("alB", entity_id="enA", check_id="chA", refs=("npA",)))
    await add(store, document("alC", entity_id="enA", check_id="chA", refs=("npB",)))
    await add(store, document("spA", refs=("npA",)), document("npC", tenant_id=CHARLIES, refs=("ntA",)))
    assert await store.documents.count_refs(ALICES, Kind.ALARM) == {"npA": 2, "npB": 1}
    assert await store.documents.count_refs(CHARLIES, Kind.ALARM) == {}
