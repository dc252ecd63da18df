"""Reference: alarm notification history."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contracts.examples import attempt, delivery
from tests.doors.api.house import Cast, House
from vedette.app.storage import open_stores
from vedette.domain.history import Attempt, Delivery, DeliveryState
from vedette.domain.ids import AlarmId, CheckId, EntityId, NotificationId
from vedette.domain.timeline import key_at, uuid_of
from vedette.ports.unit import Write


class Past:
    """An alarm of Alice's and what was sent because of it: an hour ago to two receivers, later to nobody."""

    def __init__(self, house: House, cast: Cast) -> None:
        alice = cast.alice
        self.entity = alice.entity()
        self.check = alice.check(self.entity)
        self.alarm = alice.alarm(self.entity, self.check, alice.plan())
        secret = {"url": "https://example.org/hook"}
        self.receiver = alice.create("/notifications", label="hook", type="webhook", details=secret)
        self.begin = int(time.time() * 1000) - 3_600_000
        self.of = {
            "tenant_id": alice.tenant, "entity_id": EntityId(self.entity), "check_id": CheckId(self.check),
            "alarm_id": AlarmId(self.alarm),
        }  # fmt: skip
        first, second = (key_at(self.begin)[:14] + nth.to_bytes(2) for nth in range(2))
        done, gone = DeliveryState.DELIVERED, DeliveryState.DEAD
        self.deliveries = [
            self._delivery(first, self.receiver, delivery_state=done, attempts=2, message="Success"),
            self._delivery(second, "ntGone", delivery_state=gone, attempts=1, message="failed after 1 attempts"),
            self._delivery(key_at(self.begin + 1), self.receiver, delivery_state=DeliveryState.SUPPRESSED,
                           message="Suppressed by spA"),
            self._delivery(key_at(self.begin + 2), self.receiver, next_at_ms=1 << 62),
        ]  # fmt: skip
        attempts = [
            attempt(self.deliveries[0], 1, finished_ms=5, success=False, message="refused"),
            attempt(self.deliveries[0], 2, finished_ms=9, success=True, message="Success"),
            attempt(self.deliveries[1], 1, finished_ms=5, success=False, message="HTTP 404"),
        ]
        house.run(add(house, self.deliveries, attempts))

    def _delivery(self, key: bytes, receiver: str, **more: Any) -> Delivery:
        return delivery(key, notification_id=NotificationId(receiver), at_ms=self.begin, **self.of | more)

    @property
    def address(self) -> str:
        return f"/entities/{self.entity}/alarms/{self.alarm}/notification_history"


async def add(house: House, deliveries: list[Delivery], attempts: list[Attempt]) -> None:
    """As dispatch leaves them."""
    async with open_stores(house.config) as stores:
        writes: list[Write] = []
        for one in deliveries:
            tried = [each for each in attempts if each.delivery_key == one.key]
            fresh = delivery(one.key, **{name: getattr(one, name) for name in one.__struct_fields__ if name != "key"})
            await stores.commit(stores.outbox.add(_as_new(fresh, tried)))
            claimed = _as_new(fresh, tried)
            for each in tried:
                writes = [stores.outbox.claim(claimed, 0, each)]
                await stores.commit(*writes)
                claimed = delivery_with(claimed, attempts=each.number, next_at_ms=0)
                is_last = each is tried[-1]
                after = one if is_last else delivery_with(claimed, message=each.message)
                await stores.commit(stores.outbox.finish(after, each))


def _as_new(one: Delivery, tried: list[Attempt]) -> Delivery:
    return delivery_with(one, delivery_state=DeliveryState.PENDING, attempts=0, next_at_ms=0) if tried else one


def delivery_with(one: Delivery, **more: Any) -> Delivery:
    return delivery(one.key, **{name: getattr(one, name) for name in one.__struct_fields__ if name != "key"} | more)


@pytest.fixture
def past(house: House, cast: Cast) -> Past:
    return Past(house, cast)


def test_the_checks_are_named(cast: Cast, past: Past) -> None:
    assert cast.bob.get(past.address) == {"check_ids": [past.check]}


def test_an_entry_is_shown_as_documented(cast: Cast, past: Past) -> None:
    page = cast.bob.get(f"{past.address}/{past.check}")
    assert page["metadata"]["count"] == 3
    entry = page["values"][0]
    results = entry.pop("notification_results")
    assert entry == {
        "id": uuid_of(past.deliveries[0].key), "timestamp": past.begin, "notification_plan_id": "npA",
        "transaction_id": "transaction", "status": "HTTP 500", "state": "CRITICAL", "previous_state": "OK",
    }  # fmt: skip
    assert results == [
        {
            "notification_id": past.receiver, "notification_type": "webhook",
            "notification_details": {"url": "https://example.org/hook"}, "in_progress": False, "message": "Success",
            "success": True,
            "attempts": [{"message": "refused", "from": "vedette"}, {"message": "Success", "from": "vedette"}],
        },
        {
            "notification_id": "ntGone", "notification_type": None, "notification_details": None, "in_progress": False,
            "message": "failed after 1 attempts", "success": False,
            "attempts": [{"message": "HTTP 404", "from": "vedette"}],
        },
    ]  # fmt: skip


def test_what_was_suppressed_and_what_is_under_way_can_be_told_apart(cast: Cast, past: Past) -> None:
    entries = cast.bob.get(f"{past.address}/{past.check}")["values"]
    suppressed, pending = (entry["notification_results"][0] for entry in entries[1:])
    assert (suppressed["in_progress"], suppressed["success"], suppressed["attempts"]) == (False, False, [])
    assert suppressed["message"] == "Suppressed by spA"
    assert (pending["in_progress"], pending["success"]) == (True, False)


def test_entries_are_paged_both_ways(cast: Cast, past: Past) -> None:
    address = f"{past.address}/{past.check}"
    for query in ({}, {"reverse": "true"}):
        whole = [entry["id"] for entry in cast.bob.get(address, **query)["values"]]
        first = cast.bob.get(address, limit=2, **query)
        rest = cast.bob.get(address, marker=first["metadata"]["next_marker"], **query)
        assert [entry["id"] for entry in (*first["values"], *rest["values"])] == whole
        assert len(whole) == 3
    assert len(cast.bob.get(address, **{"from": past.begin + 1})["values"]) == 2


def test_one_entry_is_found_by_its_id(cast: Cast, past: Past) -> None:
    address = f"{past.address}/{past.check}"
    for entry in cast.bob.get(address)["values"]:
        assert cast.bob.get(f"{address}/{entry['id']}") == entry


@pytest.mark.parametrize("key", ["nothing", "646ac7b0-0b34-11e1-a0a1-0ff89fa2fa26", "ä-%00"])
def test_an_entry_that_is_not_there_is_not_found(cast: Cast, past: Past, key: str) -> None:
    assert cast.bob.refused("GET", f"{past.address}/{past.check}/{key}")["type"] == "notFoundError"


def test_the_second_receivers_key_is_no_entry(cast: Cast, past: Past) -> None:
    second = uuid_of(past.deliveries[1].key)
    assert cast.bob.refused("GET", f"{past.address}/{past.check}/{second}")["type"] == "notFoundError"


def test_an_alarm_must_be_there_and_ours(cast: Cast, past: Past) -> None:
    for rest in ("", f"/{past.check}", f"/{past.check}/{uuid_of(past.deliveries[0].key)}"):
        assert cast.charlie.refused("GET", past.address + rest)["type"] == "parentNotFoundError"
        none = f"/entities/{past.entity}/alarms/alNone/notification_history{rest}"
        assert cast.bob.refused("GET", none)["type"] == "notFoundError"
    assert cast.bob.get(f"{past.address}/chNone")["values"] == []
