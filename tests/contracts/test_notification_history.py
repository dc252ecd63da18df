"""The outbox seen as the notification history: entries of several deliveries."""

from dataclasses import dataclass

import pytest

from tests.contracts.examples import ALICES, CHARLIES, attempt, delivery, key, span
from vedette.adapters.sql.stores import Stores
from vedette.domain.history import DeliveryState
from vedette.domain.ids import AlarmId, CheckId
from vedette.ports.history import Span


def keys_of(moment: int) -> list[bytes]:
    """The keys of the deliveries of one entry: to three receivers."""
    return [key(moment)[:14] + nth.to_bytes(2) for nth in (0, 1, 0xFFFF)]


@dataclass
class Paged:
    """A page, and the moments of the entries on it in order."""

    span: Span
    moments: list[int]


@pytest.mark.parametrize(
    "paged",
    [
        Paged(span(), [1, 2, 3]),
        Paged(span(limit=2), [1, 2]),
        Paged(span(marker=2, limit=1), [2]),
        Paged(span(2, 3), [2]),
        Paged(span(reverse=True, limit=2), [3, 2]),
        Paged(span(marker=2, reverse=True), [2, 1]),
    ],
)
async def test_entries_are_paged_whole(store: Stores, paged: Paged) -> None:
    deliveries = [delivery(one) for moment in (3, 1, 2) for one in keys_of(moment)]
    await store.commit(*map(store.outbox.add, deliveries))
    found = [one.key for one in await store.outbox.history(ALICES, "alA", None, paged.span)]
    wanted = [sorted(keys_of(moment), reverse=paged.span.reverse) for moment in paged.moments]
    assert found == [one for entry in wanted for one in entry]
    assert await store.outbox.history(CHARLIES, "alA", None, paged.span) == []
    assert await store.outbox.history(ALICES, "alA", "chZ", paged.span) == []


async def test_the_checks_of_an_alarms_history_are_named_once(store: Stores) -> None:
    of_checks = zip(range(1, 5), ("chB", "chA", "chB", "chC"), strict=True)
    deliveries = [delivery(key(moment), check_id=CheckId(check)) for moment, check in of_checks]
    other = delivery(key(9), alarm_id=AlarmId("alZ"), check_id=CheckId("chZ"))
    await store.commit(*map(store.outbox.add, [*deliveries, other]))
    assert await store.outbox.history_checks(ALICES, "alA") == ["chA", "chB", "chC"]
    assert await store.outbox.history_checks(CHARLIES, "alA") == []


async def test_the_attempts_of_many_deliveries_are_read_at_once(store: Stores) -> None:
    deliveries = [delivery(key(moment), alarm_id=AlarmId(f"al{moment}")) for moment in range(1, 602)]
    await store.commit(*map(store.outbox.add, deliveries))
    tried = [deliveries[0], deliveries[-1]]
    await store.commit(*(store.outbox.claim(one, 100, attempt(one, 1)) for one in tried))
    found = await store.outbox.attempts([one.key for one in deliveries])
    assert [one.delivery_key for one in found] == [one.key for one in tried]
    assert await store.outbox.attempts([]) == []


async def test_suppressed_deliveries_are_never_due_and_are_forgotten_in_their_time(store: Stores) -> None:
    suppressed = delivery(key(1), delivery_state=DeliveryState.SUPPRESSED, message="Suppressed by spA")
    await store.commit(store.outbox.add(suppressed))
    assert await store.outbox.due(1_000_000, 10) == []
    assert await store.outbox.next_due_ms() is None
    assert await store.outbox.history(ALICES, "alA", "chA", span()) == [suppressed]
    await store.commit(store.outbox.forget_before(key(2), 10))
    assert await store.outbox.history(ALICES, "alA", "chA", span()) == []
