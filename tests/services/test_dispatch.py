from __future__ import annotations

import asyncio

import pytest

from tests.fakes.chain import ALICE, CHARLIE, Chain, Receiver, document, notification
from vedette.domain.documents import Kind
from vedette.domain.history import Attempt, Delivery, DeliveryState
from vedette.domain.ids import AlarmId, CheckId, EntityId, NotificationId, PlanId, TenantId
from vedette.domain.states import State
from vedette.domain.timeline import new_key
from vedette.ports.accounts import Tenant
from vedette.ports.notifying import Message, Sent
from vedette.ports.unit import StoreUnavailable
from vedette.services.dispatch import LEASE_MS, Caps
from vedette.services.retries import EXPIRY_MS, retry_at

REFUSED = Sent(success=False, message="ECONNREFUSED, Connection refused")
OK = Sent(success=True, message="Success: Webhook successfully executed")
HOUR_MS = 3_600_000


def delivery(chain: Chain, number: int = 1, tenant_id: TenantId = ALICE, **more: str) -> Delivery:
    """The `number`th change of an alarm, on its way to `ntOne`."""
    now_ms = chain.clock.now_ms + number
    return Delivery(
        key=new_key(now_ms, chain.entropy),
        tenant_id=tenant_id,
        entity_id=EntityId("enOne"),
        check_id=CheckId("chOne"),
        alarm_id=AlarmId(more.get("alarm_id", "alOne")),
        plan_id=PlanId("npOne"),
        notification_id=NotificationId(more.get("notification_id", "ntOne")),
        event_id=f"{tenant_id}:event:{number}",
        state=State.CRITICAL,
        previous_state=State.OK,
        status="HTTP 503",
        transaction_id="t",
        at_ms=now_ms,
        payload=b'{"number":%d}' % number,
    )


def a_chain(*deliveries: int, caps: Caps | None = None) -> Chain:
    chain = Chain(caps=caps)
    chain.put(notification(), notification(CHARLIE, "ntCharlie"), notification(key="ntTwo"))
    for number in deliveries:
        chain.database.commit_now(chain.outbox.add(delivery(chain, number)))
    return chain


def add(chain: Chain, *deliveries: Delivery) -> None:
    chain.database.commit_now(*(chain.outbox.add(one) for one in deliveries))


async def attempts(chain: Chain) -> list[Attempt]:
    return [attempt for one in chain.outbox.all() for attempt in await chain.outbox.attempts([one.key])]


async def test_a_delivery_is_sent_and_recorded() -> None:
    chain = a_chain(1)
    chain.receiver.answers = [OK]
    await chain.dispatch()
    [sent] = chain.outbox.all()
    assert (sent.delivery_state, sent.attempts, sent.message) == (DeliveryState.DELIVERED, 1, OK.message)
    [attempt] = await attempts(chain)
    assert (attempt.number, attempt.success, attempt.message) == (1, True, OK.message)
    [message] = chain.receiver.messages
    assert (message.event_id, message.payload) == (f"{ALICE}:event:1", b'{"number":1}')
    assert not await chain.dispatcher.step()


async def test_the_attempt_is_on_record_before_anything_is_sent() -> None:
    chain = a_chain(1)
    seen: list[Attempt] = []

    async def look(message: Message) -> Sent:
        seen.extend(await chain.outbox.attempts([chain.outbox.all()[0].key]))
        return Sent(success=True, message=message.event_id)

    chain.notifiers["webhook"] = look
    await chain.dispatch()
    assert [(attempt.number, attempt.finished_ms) for attempt in seen] == [(1, None)]


async def test_a_failure_is_tried_again_with_growing_pauses_and_the_same_event_id() -> None:
    chain = a_chain(1)
    chain.receiver.answers = [REFUSED, REFUSED, REFUSED, OK]
    pauses = []
    for _ in range(4):
        await chain.dispatch()
        due = await chain.dispatcher.next_due_ms()
        if due is not None:
            pauses.append(due - chain.clock.now_ms)
            chain.clock.now_ms = due
    assert [1_000 <= pauses[0] <= 2_000, 2_000 <= pauses[1] <= 4_000, 4_000 <= pauses[2] <= 8_000] == [True] * 3
    assert {message.event_id for message in chain.receiver.messages} == {f"{ALICE}:event:1"}
    assert [attempt.success for attempt in await attempts(chain)] == [False, False, False, True]
    assert chain.outbox.all()[0].delivery_state is DeliveryState.DELIVERED


async def test_it_is_not_sent_again_before_its_time() -> None:
    chain = a_chain(1)
    chain.receiver.answers = [REFUSED]
    await chain.dispatch()
    chain.clock.now_ms += 900
    assert not await chain.dispatcher.step()


def test_pauses_double_up_to_an_hour_and_chance_takes_off_up_to_half() -> None:
    assert [retry_at(0, n, 0.0) for n in (1, 2, 3, 11, 12, 500)] == [2_000, 4_000, 8_000, 2_048_000, HOUR_MS, HOUR_MS]
    assert retry_at(0, 1, 0.5) == 1_500


async def test_a_day_of_failures_ends_in_a_dead_letter() -> None:
    chain = a_chain(1)
    chain.receiver.answers = [REFUSED] * 100
    written = chain.clock.now_ms
    while (due := await chain.dispatcher.next_due_ms()) is not None:
        chain.clock.now_ms = max(due, chain.clock.now_ms)
        await chain.dispatch()
    [dead] = chain.outbox.all()
    assert dead.delivery_state is DeliveryState.DEAD
    assert dead.message == f"Notification failed after {dead.attempts} attempts"
    assert 20 < dead.attempts < 70
    assert EXPIRY_MS <= chain.clock.now_ms - written < EXPIRY_MS + HOUR_MS


async def test_a_permanent_failure_is_dead_at_once() -> None:
    chain = a_chain(1)
    chain.receiver.answers = [Sent(success=False, message="details.url is no URL", permanent=True)]
    await chain.dispatch()
    [dead] = chain.outbox.all()
    assert (dead.delivery_state, dead.message) == (DeliveryState.DEAD, "Notification failed after 1 attempts")
    assert [attempt.message for attempt in await attempts(chain)] == ["details.url is no URL"]


async def test_a_deleted_notification_is_dead_at_once() -> None:
    chain = a_chain()
    add(chain, delivery(chain, notification_id="ntGone"))
    await chain.dispatch()
    assert chain.outbox.all()[0].delivery_state is DeliveryState.DEAD
    assert [attempt.message for attempt in await attempts(chain)] == ["Notification ntGone was deleted"]


async def test_another_tenant_s_notification_is_none() -> None:
    chain = a_chain()
    add(chain, delivery(chain, tenant_id=CHARLIE, notification_id="ntOne"))
    await chain.dispatch()
    assert chain.receiver.messages == []
    assert chain.outbox.all()[0].delivery_state is DeliveryState.DEAD


async def test_a_type_this_server_cannot_send_is_dead_at_once() -> None:
    chain = a_chain()
    chain.put(document(Kind.NOTIFICATION, "ntPigeon", {"type": "pigeon", "details": {}}))
    add(chain, delivery(chain, notification_id="ntPigeon"))
    await chain.dispatch()
    [attempt] = await attempts(chain)
    assert attempt.message == "Notifications of type pigeon cannot be sent by this server"


async def test_secrets_are_opened_for_the_notifier() -> None:
    chain = a_chain(1)
    sealed = chain.keyring.seal(b'{"service_key":"key"}', "document:ntKey")
    chain.put(notification(key="ntKey", secrets=sealed))
    token = chain.keyring.seal(b"token12345", f"webhook_token:{ALICE}")
    chain.tenants.put(Tenant(id=ALICE, created_at=0, webhook_token=token))
    add(chain, delivery(chain, notification_id="ntKey", alarm_id="alTwo"))
    await chain.dispatch()
    message = chain.receiver.messages[-1]
    assert message.details == {"url": "http://admin.example.com/notify/", "service_key": "key"}
    assert message.webhook_token == "token12345"


async def test_secrets_that_cannot_be_opened_are_a_permanent_failure_that_shows_none_of_them() -> None:
    chain = a_chain()
    sealed = chain.keyring.seal(b'{"service_key":"key"}', "document:ntOther")
    chain.put(notification(key="ntKey", secrets=sealed))
    add(chain, delivery(chain, notification_id="ntKey"))
    await chain.dispatch()
    [attempt] = await attempts(chain)
    assert attempt.message.startswith("The secrets of notification ntKey cannot be opened")


async def test_who_died_while_sending_leaves_a_lease_and_the_event_goes_out_again() -> None:
    chain = a_chain(1)
    chain.receiver.hold = asyncio.Event()
    assert await chain.dispatcher.step()
    await chain.receiver.came.wait()
    dying = chain.dispatcher
    chain.start()
    assert not await chain.dispatcher.step()
    chain.clock.now_ms += LEASE_MS + 1
    chain.receiver.hold = None
    await chain.dispatch()
    assert [message.event_id for message in chain.receiver.messages] == [f"{ALICE}:event:1"] * 2
    assert [(attempt.number, attempt.success) for attempt in await attempts(chain)] == [(1, None), (2, True)]
    await dying.stop(0)


async def test_who_lost_the_lease_does_not_overwrite_what_came_after() -> None:
    chain = a_chain(1)
    slow = chain.receiver.hold = asyncio.Event()
    chain.receiver.answers = [OK, REFUSED]  # the second one is the first to be answered
    await chain.dispatcher.step()
    await chain.receiver.came.wait()
    late = chain.dispatcher
    chain.start()
    chain.clock.now_ms += LEASE_MS + 1
    chain.receiver.hold = None
    await chain.dispatch()
    before = chain.outbox.all()
    slow.set()
    await late.stop(5)
    assert chain.outbox.all() == before
    assert before[0].attempts == 2


async def test_two_dispatchers_at_once_send_it_once() -> None:
    chain = a_chain(1)
    first = chain.dispatcher
    chain.start()
    done = await asyncio.gather(first.step(), chain.dispatcher.step())
    await chain.settle()
    await first.stop(5)
    assert sorted(done) == [False, True]
    assert len(chain.receiver.messages) == 1


async def test_changes_of_one_alarm_reach_one_receiver_in_order() -> None:
    chain = a_chain(1, 2)
    chain.receiver.answers = [REFUSED]
    await chain.dispatch()
    assert [message.payload for message in chain.receiver.messages] == [b'{"number":1}']
    chain.clock.now_ms += 2_000
    await chain.dispatch()
    assert [message.payload for message in chain.receiver.messages] == [
        b'{"number":1}',
        b'{"number":1}',
        b'{"number":2}',
    ]


async def test_a_dead_letter_lets_the_next_one_through() -> None:
    chain = a_chain(1, 2)
    chain.receiver.answers = [Sent(success=False, message="never", permanent=True)]
    await chain.dispatch()
    assert [one.delivery_state for one in chain.outbox.all()] == [DeliveryState.DEAD, DeliveryState.DELIVERED]


class Hanging(Receiver):
    """Never answers Alice's `ntOne`; answers all others at once."""

    def __init__(self) -> None:
        super().__init__()
        self.never = asyncio.Event()

    async def __call__(self, message: Message) -> Sent:
        self.messages.append(message)
        if message.details["url"].startswith("http://admin"):
            await self.never.wait()
        return OK


async def test_a_hanging_receiver_of_one_tenant_delays_no_other() -> None:
    chain = a_chain(caps=Caps(overall=8, a_tenant=4, a_notification=2))
    hanging = chain.notifiers["webhook"] = Hanging()
    chain.put(notification(CHARLIE, "ntFast", url="http://fast.example.com/"))
    add(chain, *(delivery(chain, number, alarm_id=f"al{number}") for number in range(1, 500)))
    add(chain, delivery(chain, 500, CHARLIE, notification_id="ntFast"))
    while await chain.dispatcher.step():
        pass
    await chain.ended.wait()
    assert chain.outbox.all()[-1].delivery_state is DeliveryState.DELIVERED
    assert chain.dispatcher.in_flight == 2
    hanging.never.set()
    await chain.dispatcher.stop(5)


async def test_nor_another_notification_of_the_same_tenant() -> None:
    chain = a_chain(caps=Caps(overall=8, a_tenant=4, a_notification=2))
    hanging = chain.notifiers["webhook"] = Hanging()
    chain.put(notification(key="ntFast", url="http://fast.example.com/"))
    add(chain, *(delivery(chain, number, alarm_id=f"al{number}") for number in range(1, 500)))
    add(chain, delivery(chain, 500, notification_id="ntFast"))
    while await chain.dispatcher.step():
        pass
    await chain.ended.wait()
    assert chain.outbox.all()[-1].delivery_state is DeliveryState.DELIVERED
    hanging.never.set()
    await chain.dispatcher.stop(5)


async def test_no_more_sends_are_under_way_than_the_caps_say() -> None:
    chain = a_chain(caps=Caps(overall=3, a_tenant=2, a_notification=2))
    chain.receiver.hold = asyncio.Event()
    add(chain, *(delivery(chain, number, alarm_id=f"al{number}") for number in range(1, 6)))
    add(chain, *(delivery(chain, n, CHARLIE, alarm_id=f"al{n}", notification_id="ntCharlie") for n in range(6, 9)))
    while await chain.dispatcher.step():
        pass
    assert chain.dispatcher.in_flight == 3
    assert sum(one.attempts for one in chain.outbox.all()) == 3
    chain.receiver.hold.set()
    await chain.settle()
    await chain.dispatch()
    assert all(one.delivery_state is DeliveryState.DELIVERED for one in chain.outbox.all())


async def test_stopping_waits_for_what_is_under_way_and_begins_nothing() -> None:
    chain = a_chain(1, 2)
    hold = chain.receiver.hold = asyncio.Event()
    await chain.dispatcher.step()
    stopping = asyncio.create_task(chain.dispatcher.stop(5))
    hold.set()
    await stopping
    assert not await chain.dispatcher.step()
    assert [one.delivery_state for one in chain.outbox.all()] == [DeliveryState.DELIVERED, DeliveryState.PENDING]


async def test_stopping_gives_up_waiting_at_its_deadline_and_leaves_the_lease() -> None:
    chain = a_chain(1)
    chain.receiver.hold = asyncio.Event()
    await chain.dispatcher.step()
    await chain.dispatcher.stop(0.01)
    [left] = chain.outbox.all()
    assert (left.delivery_state, left.next_at_ms) == (DeliveryState.PENDING, chain.clock.now_ms + LEASE_MS)


async def test_nothing_is_sent_while_the_store_takes_no_claims() -> None:
    chain = a_chain(1)
    chain.database.is_available = False
    with pytest.raises(StoreUnavailable):
        await chain.dispatcher.step()
    assert chain.receiver.messages == []


async def test_a_result_that_cannot_be_stored_leaves_the_delivery_to_its_lease() -> None:
    chain = a_chain(1)
    hold = chain.receiver.hold = asyncio.Event()
    await chain.dispatcher.step()
    chain.database.is_available = False
    hold.set()
    await chain.settle()
    chain.database.is_available = True
    chain.clock.now_ms += LEASE_MS + 1
    await chain.dispatch()
    assert [message.event_id for message in chain.receiver.messages] == [f"{ALICE}:event:1"] * 2
