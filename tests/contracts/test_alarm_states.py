import pytest
from msgspec.structs import replace

from tests.contracts.examples import ALICES, CHARLIES, alarm_state, document, observation
from vedette.adapters.sql.stores import Stores
from vedette.criteria import Sample
from vedette.domain.states import State
from vedette.engine.states import Ballot, LatestState
from vedette.ports.unit import Conflict


@pytest.fixture
async def alarms(store: Stores) -> Stores:
    """With alarms `alA` and `alB` of Alice's."""
    await store.commit(
        store.documents.add(document("enA")),
        store.documents.add(document("chA", entity_id="enA")),
        store.documents.add(document("alB", entity_id="enA", check_id="chA")),
        store.documents.add(document("alA", entity_id="enA", check_id="chA")),
    )
    return store


async def test_a_state_is_found_as_it_was_put_with_the_next_revision(alarms: Stores) -> None:
    ballot = Ballot(
        run=(State.OK, State.CRITICAL),
        vote=State.CRITICAL,
        status="HTTP 500",
        evaluated_ms=5,
        counted_ms=4,
        vote_status="HTTP 503",
        seen=(("collector 1", 3), ("collector 2", 2)),
        history={"code": Sample(at_ms=1, value="500"), "n": Sample(at_ms=2, value=2**64 - 1)},
        took_ms=7,
        round_id="chA:1",
    )
    full = alarm_state(
        "alA",
        state=State.CRITICAL,
        status="HTTP 500",
        changed_ms=9,
        change_key=b"\x00\xff",
        basis="basis",
        ballots={"mzdfw": ballot, "": Ballot()},
        told={"npA": State.WARNING},
    )
    await alarms.commit(alarms.alarm_states.put(full, 0))
    assert await alarms.alarm_states.find("alA") == replace(full, revision=1)
    await alarms.commit(alarms.alarm_states.put(replace(full, status="still", revision=1), 1))
    assert await alarms.alarm_states.find("alA") == replace(full, status="still", revision=2)


async def test_putting_needs_the_revision_that_was_read(alarms: Stores) -> None:
    with pytest.raises(Conflict, match=r"^alarm_state$"):
        await alarms.commit(alarms.alarm_states.put(alarm_state("alA"), 1))
    await alarms.commit(alarms.alarm_states.put(alarm_state("alA"), 0))
    for stale in (0, 2):
        with pytest.raises(Conflict, match=r"^alarm_state$"):
            await alarms.commit(alarms.alarm_states.put(alarm_state("alA", status="lost"), stale))
    assert await alarms.alarm_states.find("alA") == alarm_state("alA", revision=1)


async def test_a_state_needs_its_alarm(alarms: Stores) -> None:
    await alarms.commit(alarms.alarm_states.put(alarm_state("alA"), 0))
    alarm = document("alA", entity_id="enA", check_id="chA")
    await alarms.commit(alarms.documents.remove(alarm))
    assert await alarms.alarm_states.find("alA") is None
    for gone in (alarms.alarm_states.put(alarm_state("alA"), 1), alarms.alarm_states.put(alarm_state("chA"), 0)):
        with pytest.raises(Conflict, match=r"^alarm$"):
            await alarms.commit(gone)


async def test_states_are_listed_by_tenant(alarms: Stores) -> None:
    await alarms.commit(alarms.alarm_states.put(alarm_state("alB"), 0), alarms.alarm_states.put(alarm_state("alA"), 0))
    assert [one.alarm_id for one in await alarms.alarm_states.list(ALICES)] == ["alA", "alB"]
    assert await alarms.alarm_states.list(CHARLIES) == []
    assert await alarms.alarm_states.find("alZ") is None


async def test_a_held_state_is_found_by_its_tenant_with_what_brought_it(alarms: Stores) -> None:
    cause = observation("chA", 5, status="naïve", target="192.0.2.1")
    held = alarm_state("alA", state=State.CRITICAL, cause=cause, told_key=b"\x00\xff", is_held=True)
    await alarms.commit(alarms.alarm_states.put(held, 0), alarms.alarm_states.put(alarm_state("alB"), 0))
    assert await alarms.alarm_states.held(ALICES) == [replace(held, revision=1)]
    assert await alarms.alarm_states.tenants_held() == [ALICES]
    assert await alarms.alarm_states.held(CHARLIES) == []


async def test_a_state_is_held_only_for_as_long_as_it_says_so(alarms: Stores) -> None:
    await alarms.commit(alarms.alarm_states.put(alarm_state("alA"), 0))
    await alarms.commit(alarms.alarm_states.put(alarm_state("alA", is_held=True), 1))
    assert await alarms.alarm_states.tenants_held() == [ALICES]
    await alarms.commit(alarms.alarm_states.put(alarm_state("alA"), 2))
    assert await alarms.alarm_states.tenants_held() == []
    assert await alarms.alarm_states.held(ALICES) == []


async def test_the_latest_states_of_several_entities_are_read_at_once(alarms: Stores) -> None:
    await alarms.commit(
        alarms.documents.add(document("enB")),
        alarms.documents.add(document("chB", entity_id="enB")),
        alarms.documents.add(document("alC", entity_id="enB", check_id="chB")),
    )
    decided = alarm_state(
        "alC",
        state=State.WARNING,
        previous=State.OK,
        status="slow",
        changed_ms=7,
        analyzed_by="mzdfw",
        told={"npA": "OK"},
    )
    await alarms.commit(*[alarms.alarm_states.put(one, 0) for one in (decided, alarm_state("alA"))])
    shown = LatestState(
        alarm_id="alC", state=State.WARNING, previous=State.OK, status="slow", changed_ms=7, analyzed_by="mzdfw"
    )
    assert await alarms.alarm_states.latest(ALICES, ["enB", "enA", "none"]) == [LatestState(alarm_id="alA"), shown]
    assert await alarms.alarm_states.latest(ALICES, ["enB"]) == [shown]
    assert await alarms.alarm_states.latest(CHARLIES, ["enB"]) == []
    assert await alarms.alarm_states.latest(ALICES, []) == []
