from typing import cast

import pytest
from msgspec.structs import replace

from tests.contracts.examples import ALICES, CHARLIES, attempt, delivery, key, span
from tests.contracts.planned import Planned
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.outbox import SqlOutbox
from vedette.adapters.sql.stores import Stores
from vedette.domain.history import Attempt, Delivery, DeliveryState
from vedette.domain.ids import AlarmId, CheckId, NotificationId, TenantId
from vedette.domain.states import State
from vedette.ports.unit import Conflict

TO_A = {"notification_id": NotificationId("ntA")}
TO_B = {"notification_id": NotificationId("ntB")}


async def add(store: Stores, *deliveries: Delivery) -> None:
    await store.commit(*[store.outbox.add(one) for one in deliveries])


async def due(store: Stores, now_ms: int = 100, limit: int = 10, without: tuple[str, ...] = ()) -> list[bytes]:
    return [one.key for one in await store.outbox.due(now_ms, limit, without)]


async def claimed(store: Stores, waiting: Delivery, until_ms: int = 500) -> tuple[Delivery, Attempt]:
    """Claims, and gives the delivery and its attempt as they are then."""
    number = waiting.attempts + 1
    started = attempt(waiting, number)
    await store.commit(store.outbox.claim(waiting, until_ms, started))
    return replace(waiting, attempts=number, next_at_ms=until_ms), started


async def test_a_delivery_comes_out_as_it_went_in(store: Stores) -> None:
    full = delivery(
        key(1),
        state=State.WARNING,
        previous_state=State.UNKNOWN,
        payload=b'{"a":"\xc3\xa4"}',
        delivery_state=DeliveryState.PENDING,
        attempts=3,
        next_at_ms=90,
        message="503 Service Unavailable",
    )
    await add(store, full)
    assert await store.outbox.due(100, 10) == [full]
    assert await store.outbox.history(ALICES, "alA", None, span()) == [full]


async def test_what_is_due_longest_comes_first(store: Stores) -> None:
    await add(store, delivery(key(2), **TO_B, next_at_ms=1), delivery(key(1), **TO_A, next_at_ms=100))
    await add(store, delivery(key(3), notification_id=NotificationId("ntC"), next_at_ms=101))
    assert await due(store, 100) == [key(2), key(1)]
    assert await due(store, 100, limit=1) == [key(2)]
    assert await due(store, 99) == [key(2)]
    assert await due(store, 101) == [key(2), key(1), key(3)]


@pytest.mark.parametrize("without", [(), (ALICES, "ntA")])
async def test_looking_for_what_is_due_reads_nothing_of_what_was_delivered(without: tuple[str, ...]) -> None:
    database = Planned()
    await SqlOutbox(cast("Database", database)).due(100, 10, without)
    assert database.plan[0].startswith("SEARCH delivery USING INDEX delivery_pending ")


async def test_a_receiver_hears_an_alarms_changes_in_order(store: Stores) -> None:
    first = delivery(key(1), next_at_ms=200)
    other_alarm = delivery(key(3), alarm_id=AlarmId("alB"))
    await add(store, first, delivery(key(2)), other_alarm, delivery(key(4), **TO_B))
    assert await due(store, 100) == [key(3), key(4)]
    sending, started = await claimed(store, first)
    assert await due(store, 300) == [key(3), key(4)]
    await store.commit(store.outbox.finish(replace(sending, delivery_state=DeliveryState.DELIVERED), started))
    assert await due(store, 100) == [key(2), key(3), key(4)]


async def test_busy_tenants_and_receivers_are_left_out(store: Stores) -> None:
    charlies = delivery(key(3), tenant_id=CHARLIES, alarm_id=AlarmId("alC"), notification_id=NotificationId("ntC"))
    await add(store, delivery(key(1), **TO_A), delivery(key(2), **TO_B), charlies)
    assert await due(store, without=("ntA",)) == [key(2), key(3)]
    assert await due(store, without=("ntC", "ntB", "none")) == [key(1)]
    assert await due(store, without=(ALICES,)) == [key(3)]
    assert await due(store, limit=1, without=(CHARLIES, "ntA")) == [key(2)]


async def test_the_next_due_time_is_that_of_a_delivery_that_can_go_out(store: Stores) -> None:
    assert await store.outbox.next_due_ms() is None
    await add(store, delivery(key(1), next_at_ms=300), delivery(key(2), next_at_ms=1))
    assert await store.outbox.next_due_ms() == 300
    await add(store, delivery(key(3), **TO_B, next_at_ms=200))
    assert await store.outbox.next_due_ms() == 200


async def test_a_claim_leases_the_delivery_and_writes_its_attempt(store: Stores) -> None:
    waiting = delivery(key(1), next_at_ms=50)
    await add(store, waiting)
    sending, started = await claimed(store, waiting, until_ms=500)
    assert await due(store, 499) == []
    assert await store.outbox.due(500, 10) == [sending]
    assert await store.outbox.attempts([key(1)]) == [started]


async def test_of_two_claims_one_wins(store: Stores) -> None:
    waiting = delivery(key(1))
    await add(store, waiting)
    await claimed(store, waiting)
    with pytest.raises(Conflict, match=r"^claim$"):
        await claimed(store, waiting)
    with pytest.raises(Conflict, match=r"^claim$"):
        await claimed(store, delivery(key(9)))
    assert len(await store.outbox.attempts([key(1)])) == 1


async def test_a_finished_attempt_is_stored_with_its_delivery(store: Stores) -> None:
    waiting = delivery(key(1))
    await add(store, waiting)
    sending, started = await claimed(store, waiting)
    failed = replace(started, finished_ms=150, success=False, message="503")
    await store.commit(store.outbox.finish(replace(sending, next_at_ms=900, message="503"), failed))
    (again,) = await store.outbox.due(900, 10)
    assert again == replace(sending, next_at_ms=900, message="503")
    sending, started = await claimed(store, again)
    succeeded = replace(started, finished_ms=950, success=True, message="200")
    done = replace(sending, delivery_state=DeliveryState.DELIVERED, message="200")
    await store.commit(store.outbox.finish(done, succeeded))
    assert await store.outbox.next_due_ms() is None
    assert await store.outbox.attempts([key(1)]) == [failed, succeeded]
    assert await store.outbox.history(ALICES, "alA", None, span()) == [done]


async def test_who_lost_the_lease_cannot_finish(store: Stores) -> None:
    waiting = delivery(key(1))
    await add(store, waiting)
    slow, slow_attempt = await claimed(store, waiting, until_ms=100)
    quick, quick_attempt = await claimed(store, slow)
    with pytest.raises(Conflict, match=r"^claim$"):
        await store.commit(store.outbox.finish(replace(slow, delivery_state=DeliveryState.DEAD), slow_attempt))
    await store.commit(store.outbox.finish(replace(quick, delivery_state=DeliveryState.DELIVERED), quick_attempt))
    with pytest.raises(Conflict, match=r"^claim$"):
        await store.commit(store.outbox.finish(quick, quick_attempt))


async def test_what_a_dead_process_claimed_is_due_at_once_when_it_is_released(store: Stores) -> None:
    sending, failed, other = (
        delivery(key(1), **TO_A),
        delivery(key(2), **TO_B),
        delivery(key(3), alarm_id=AlarmId("alB")),
    )
    await add(store, sending, failed, other)
    leased, _ = await claimed(store, sending)
    retried, started = await claimed(store, failed)
    done = replace(started, finished_ms=150, success=False, message="503")
    await store.commit(store.outbox.finish(replace(retried, next_at_ms=900, message="503"), done))
    assert await due(store, 200) == [key(3)]
    await store.commit(store.outbox.release(200))
    assert await store.outbox.due(200, 10) == [other, replace(leased, next_at_ms=200)]
    await claimed(store, replace(leased, next_at_ms=200))
    assert [one.number for one in await store.outbox.attempts([key(1)])] == [1, 2]


async def test_history_is_one_alarms_and_can_be_one_checks(store: Stores) -> None:
    other_check = delivery(key(2), check_id=CheckId("chB"))
    await add(store, delivery(key(1)), other_check, delivery(key(3), alarm_id=AlarmId("alB")))
    keys = [one.key for one in await store.outbox.history(ALICES, "alA", None, span(reverse=True))]
    assert keys == [key(2), key(1)]
    assert await store.outbox.history(ALICES, "alA", "chB", span()) == [other_check]
    assert await store.outbox.history(CHARLIES, "alA", None, span()) == []


async def test_pending_deliveries_are_never_forgotten(store: Stores) -> None:
    pending, dead, delivered, late = (delivery(key(n), alarm_id=AlarmId(f"al{n}")) for n in range(1, 5))
    await add(store, pending, dead, delivered, late)
    for one, state in ((dead, "dead"), (delivered, "delivered"), (late, "delivered")):
        sending, started = await claimed(store, one)
        await store.commit(store.outbox.finish(replace(sending, delivery_state=DeliveryState(state)), started))
    await store.commit(store.outbox.forget_before(key(4), 1))
    assert await store.outbox.attempts([key(2)]) == []
    assert len(await store.outbox.attempts([key(3)])) == 1
    await store.commit(store.outbox.forget_before(key(4), 10))
    assert await store.outbox.attempts([key(3)]) == []
    assert await store.outbox.history(ALICES, "al1", None, span()) == [pending]
    assert len(await store.outbox.history(ALICES, "al4", None, span())) == 1


async def test_a_delivery_needs_its_tenant(store: Stores) -> None:
    with pytest.raises(Conflict, match=r"^tenant$"):
        await add(store, delivery(key(1), tenant_id=TenantId("nobodys")))
