import pytest

from tests.contracts.examples import ALICES, CHARLIES, audit, key, span, state_change
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import AlarmId, EntityId, TenantId
from vedette.domain.states import State
from vedette.ports.history import Span
from vedette.ports.unit import Conflict


async def test_an_audit_is_listed_as_it_was_added(store: Stores) -> None:
    entry = audit(key(1)[:8] + b"\x00\xff" * 4, at_ms=1_700_000_000_000, body=b'{"url":"/v1.0"}\x00')
    await store.commit(store.audits.add(entry))
    assert await store.audits.list(ALICES, span()) == [entry]
    assert await store.audits.list(CHARLIES, span()) == []


@pytest.mark.parametrize(
    ("page", "moments"),
    [
        (span(), [1, 2, 3, 4, 5]),
        (span(2, 4), [2, 3]),
        (span(limit=2), [1, 2]),
        (span(marker=3), [3, 4, 5]),
        (span(2, 5, marker=1), [2, 3, 4]),
        (span(2, 5, marker=4, limit=5), [4]),
        (span(reverse=True), [5, 4, 3, 2, 1]),
        (span(2, 4, reverse=True), [3, 2]),
        (span(limit=2, reverse=True), [5, 4]),
        (span(marker=3, reverse=True), [3, 2, 1]),
        (span(2, 4, marker=5, reverse=True), [3, 2]),
    ],
)
async def test_a_span_is_paged_both_ways_from_its_marker(store: Stores, page: Span, moments: list[int]) -> None:
    entries = [audit(key(moment)) for moment in (3, 1, 5, 2, 4)]
    changes = [state_change(key(moment)) for moment in (3, 1, 5, 2, 4)]
    await store.commit(*map(store.audits.add, entries), *map(store.changelogs.add, changes))
    assert [entry.key for entry in await store.audits.list(ALICES, page)] == [key(moment) for moment in moments]
    listed = await store.changelogs.list(ALICES, None, page)
    assert [change.key for change in listed] == [key(moment) for moment in moments]


async def test_keys_of_one_moment_are_ordered_as_bytes(store: Stores) -> None:
    keys = [key(7)[:8] + bytes([high]) * 8 for high in (0x80, 0x00, 0xFF, 0x7F)]
    await store.commit(*[store.audits.add(audit(one)) for one in keys])
    assert [entry.key for entry in await store.audits.list(ALICES, span())] == sorted(keys)


async def test_a_state_change_is_listed_as_it_was_added(store: Stores) -> None:
    change = state_change(
        key(1),
        at_ms=1_700_000_000_000,
        state=State.WARNING,
        previous_state=State.UNKNOWN,
        status="naïve",
        reason="NO_FRESH_OBSERVATIONS",
        analyzed_by=None,
        votes={"mzdfw": {"state": "OK", "at_ms": 5, "fresh": True, "age_s": 1.5}, "": {"state": None}},
    )
    await store.commit(store.changelogs.add(change))
    assert await store.changelogs.list(ALICES, None, span()) == [change]
    assert await store.changelogs.list(CHARLIES, None, span()) == []


async def test_a_changelog_can_be_one_entitys(store: Stores) -> None:
    other = state_change(key(2), entity_id=EntityId("enB"))
    await store.commit(store.changelogs.add(state_change(key(1))), store.changelogs.add(other))
    assert await store.changelogs.list(ALICES, "enB", span()) == [other]
    assert await store.changelogs.list(ALICES, "enZ", span()) == []
    assert await store.changelogs.list(CHARLIES, "enB", span()) == []


async def test_changelogs_of_one_alarm_of_an_entity(store: Stores) -> None:
    mine = [state_change(key(moment)) for moment in (1, 2, 3)]
    others = [state_change(key(4), alarm_id=AlarmId("alB")), state_change(key(5), entity_id=EntityId("enB"))]
    await store.commit(*map(store.changelogs.add, (*mine, *others)))
    assert await store.changelogs.of_alarm(ALICES, "enA", "alA", span()) == mine
    assert await store.changelogs.of_alarm(ALICES, "enA", "alA", span(last=3, limit=1, reverse=True)) == mine[1:2]
    assert await store.changelogs.of_alarm(CHARLIES, "enA", "alA", span()) == []


async def test_the_oldest_are_forgotten_a_few_at_a_time(store: Stores) -> None:
    for moment in range(1, 6):
        await store.commit(store.changelogs.add(state_change(key(moment))))
    await store.commit(store.changelogs.forget_before(key(4), 2))
    assert [one.key for one in await store.changelogs.list(ALICES, None, span())] == [key(3), key(4), key(5)]
    await store.commit(store.changelogs.forget_before(key(4), 100))
    assert [one.key for one in await store.changelogs.list(ALICES, None, span())] == [key(4), key(5)]


async def test_history_needs_its_tenant(store: Stores) -> None:
    nobodys = TenantId("nobodys")
    for write in (
        store.audits.add(audit(key(1), tenant_id=nobodys)),
        store.changelogs.add(state_change(key(1), tenant_id=nobodys)),
    ):
        with pytest.raises(Conflict, match=r"^tenant$"):
            await store.commit(write)


async def test_text_that_a_target_sent_can_hold_any_character(store: Stores) -> None:
    await store.commit(store.changelogs.add(state_change(key(1), status="a\0b\U0001f600")))
    (change,) = await store.changelogs.list(ALICES, None, span())
    assert change.status in {"a\0b\U0001f600", "a\N{SYMBOL FOR NULL}b\U0001f600"}
