import pytest

from tests.contracts.examples import ALICES, CHARLIES, key, span, suppression_log
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import TenantId
from vedette.domain.states import State
from vedette.ports.history import Span
from vedette.ports.unit import Conflict


async def test_a_log_is_listed_as_it_was_added(store: Stores) -> None:
    log = suppression_log(key(1), at_ms=1_700_000_000_000, state=State.OK, suppressions=("spOne",))
    await store.commit(store.suppression_logs.add(log))
    assert await store.suppression_logs.list(ALICES, span()) == [log]
    assert await store.suppression_logs.list(CHARLIES, span()) == []


@pytest.mark.parametrize(
    ("page", "moments"),
    [(span(), [1, 2, 3]), (span(2, 3), [2]), (span(marker=2, limit=1), [2]), (span(marker=2, reverse=True), [2, 1])],
)
async def test_they_are_a_time_series(store: Stores, page: Span, moments: list[int]) -> None:
    await store.commit(*(store.suppression_logs.add(suppression_log(key(moment))) for moment in (3, 1, 2)))
    assert [log.key for log in await store.suppression_logs.list(ALICES, page)] == [key(moment) for moment in moments]


async def test_the_oldest_are_forgotten_a_few_at_a_time(store: Stores) -> None:
    await store.commit(*(store.suppression_logs.add(suppression_log(key(moment))) for moment in range(1, 6)))
    await store.commit(store.suppression_logs.forget_before(key(4), 2))
    assert [log.key for log in await store.suppression_logs.list(ALICES, span())] == [key(3), key(4), key(5)]


async def test_a_log_needs_its_tenant(store: Stores) -> None:
    with pytest.raises(Conflict, match=r"^tenant$"):
        await store.commit(store.suppression_logs.add(suppression_log(key(1), tenant_id=TenantId("nobodys"))))
