"""Creations that happen once, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contracts.examples import ALICES, CHARLIES, document
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.keyring import Key, LocalKeyring
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.documents import Kind
from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId, object_id
from vedette.domain.principals import Principal
from vedette.ports.repeatable import Repeatable
from vedette.ports.unit import Conflict
from vedette.services.audits import Auditor
from vedette.services.once import REPEATABLE_MS, Keyed, Once
from vedette.services.requests import AuditDraft, Created, Request

OLD, NEW = Key(1, bytes(range(32))), Key(2, bytes(range(32, 64)))
KEYED = Keyed("a key", "/v1.0/entities", {"label": "web1", "metadata": {"a": "1", "b": "2"}})
Open = Callable[[], Awaitable[Database]]


def done(name: bytes = b"name", **members: Any) -> Repeatable:
    plain: dict[str, Any] = {"name": name, "tenant_id": ALICES, "request_index": b"\x01index", "object_id": "enA"}
    return Repeatable(**plain | {"at_ms": 100} | members)


def request(at_ms: int = 1_000_000_000, user: str = "us-alice", tenant_id: TenantId = ALICES) -> Request:
    principal = Principal(user_id=user, user_name=user, tenant_id=tenant_id, roles=("admin",), expires_at=at_ms + 1)
    draft = AuditDraft(
        app="entities", method="POST", url="/v1.0/entities", query=None, headers={}, payload=None, who=None, why=None
    )
    return Request(principal=principal, tenant_id=tenant_id, now_ms=at_ms, transaction_id="t", draft=draft)


def once(store: Stores, *keys: Key) -> Once:
    auditor = Auditor(store.audits, store.commit, entropy)
    return Once(store.repeatables, store.commit, auditor, LocalKeyring(keys or [OLD], entropy))


def creating(store: Stores) -> Callable[[Request], Awaitable[Created]]:
    async def create(asked: Request) -> Created:
        if asked.earlier is not None:
            return Created(asked.earlier)
        made = document(object_id("en", entropy), tenant_id=asked.tenant_id)
        await store.commit(store.documents.add(made), *asked.remembering(made.id))
        return Created(made.id)

    return create


async def entities(store: Stores) -> int:
    return await store.documents.count(ALICES, Kind.ENTITY)


# -- the store


async def test_a_creation_is_found_by_its_name(store: Stores) -> None:
    await store.commit(store.repeatables.add(done(), 0))
    assert await store.repeatables.find(b"name") == done()
    assert await store.repeatables.find(b"another") is None


async def test_a_name_is_taken_until_it_expires(store: Stores) -> None:
    await store.commit(store.repeatables.add(done(), 0))
    later = done(object_id="enB", request_index=b"\x02", at_ms=200)
    with pytest.raises(Conflict, match=r"^repeatable$"):
        await store.commit(store.repeatables.add(later, 99))
    assert await store.repeatables.find(b"name") == done()
    await store.commit(store.repeatables.add(later, 100))
    assert await store.repeatables.find(b"name") == later


async def test_old_creations_are_forgotten(store: Stores) -> None:
    await store.commit(store.repeatables.add(done(), 0), store.repeatables.add(done(b"new", at_ms=101), 0))
    await store.commit(store.repeatables.forget_before(101))
    assert await store.repeatables.find(b"name") is None
    assert await store.repeatables.find(b"new") is not None


async def test_creations_go_with_their_tenant(store: Stores) -> None:
    await store.commit(store.repeatables.add(done(), 0))
    await store.commit(store.accounts.remove_tenant(ALICES))
    assert await store.repeatables.find(b"name") is None
    with pytest.raises(Conflict, match=r"^repeatable$"):
        await store.commit(store.repeatables.add(done(), 0))


async def test_the_record_and_the_object_are_both_there_or_neither(store: Stores) -> None:
    """Whichever of them fails."""
    await store.commit(store.documents.add(document("enA")), store.repeatables.add(done(b"taken"), 0))
    with pytest.raises(Conflict, match=r"^id$"):
        await store.commit(store.repeatables.add(done(), 0), store.documents.add(document("enA")))
    assert await store.repeatables.find(b"name") is None
    with pytest.raises(Conflict, match=r"^repeatable$"):
        await store.commit(store.documents.add(document("enB")), store.repeatables.add(done(b"taken"), 0))
    assert await store.documents.find(ALICES, Kind.ENTITY, "enB") is None


# -- the service


async def test_the_same_request_creates_once(store: Stores) -> None:
    service, create = once(store), creating(store)
    first = await service.run(request(), KEYED, create)
    assert await service.run(request(), KEYED, create) == first
    assert await entities(store) == 1


async def test_the_order_of_members_does_not_matter(store: Stores) -> None:
    service, create = once(store), creating(store)
    turned = Keyed(KEYED.key, KEYED.address, {"metadata": {"b": "2", "a": "1"}, "label": "web1"})
    assert await service.run(request(), KEYED, create) == await service.run(request(), turned, create)


@pytest.mark.parametrize("body", [{}, {"label": "web2"}, {**KEYED.body, "uri": None}])
async def test_another_body_with_the_same_key_is_refused(store: Stores, body: dict[str, Any]) -> None:
    service, create = once(store), creating(store)
    await service.run(request(), KEYED, create)
    with pytest.raises(Fault, match="used for another request") as raised:
        await service.run(request(), Keyed(KEYED.key, KEYED.address, body), create)
    assert raised.value.code == 400
    assert await entities(store) == 1


async def test_a_key_is_one_users_at_one_address(store: Stores) -> None:
    service, create = once(store), creating(store)
    await service.run(request(), KEYED, create)
    await service.run(request(), Keyed("another", KEYED.address, KEYED.body), create)
    await service.run(request(), Keyed(KEYED.key, "/v1.0/notifications", KEYED.body), create)
    await service.run(request(user="us-carol"), KEYED, create)
    await service.run(request(user="us-charlie", tenant_id=CHARLIES), KEYED, create)
    assert await entities(store) == 4
    assert await store.documents.count(CHARLIES, Kind.ENTITY) == 1


async def test_after_a_day_it_is_created_anew(store: Stores) -> None:
    service, create = once(store), creating(store)
    begin = request().now_ms
    first = await service.run(request(begin), KEYED, create)
    assert await service.run(request(begin + REPEATABLE_MS - 1), KEYED, create) == first
    second = await service.run(request(begin + REPEATABLE_MS), KEYED, create)
    assert second != first
    assert await service.run(request(begin + REPEATABLE_MS + 1), KEYED, create) == second


async def test_what_was_refused_may_be_tried_again(store: Stores) -> None:
    service = once(store)

    async def refuse(_asked: Request) -> Created:
        raise Fault("badRequest", "no", "Expected another")

    with pytest.raises(Fault, match="no"):
        await service.run(request(), KEYED, refuse)
    await service.run(request(), KEYED, creating(store))
    assert await entities(store) == 1


async def test_who_comes_second_in_another_process_gets_the_first_answer(store: Stores, opening: Open) -> None:
    """Although it had begun before the first one had ended."""
    other = stores(await opening())
    first: list[Created] = []

    async def late(asked: Request) -> Created:
        if not first:
            first.append(await once(other).run(request(), KEYED, creating(other)))
        return await creating(store)(asked)

    assert [await once(store).run(request(), KEYED, late)] == first
    assert await entities(store) == 1


async def test_a_record_is_recognised_under_a_new_key(store: Stores) -> None:
    create = creating(store)
    first = await once(store, OLD).run(request(), KEYED, create)
    assert await once(store, OLD, NEW).run(request(), KEYED, create) == first
    with pytest.raises(Fault, match="used for another request"):
        await once(store, NEW).run(request(), KEYED, create)


async def test_every_answer_is_audited(store: Stores) -> None:
    service, create = once(store), creating(store)
    await service.run(request(), KEYED, create)
    await service.run(request(), KEYED, create)
    (entry,) = [one.entry for one in await store.audit_chain.after(0, 10)]  # the creation here commits none itself
    assert b'"statusCode":201' in entry.body


async def test_nothing_that_was_sent_is_kept(store: Stores, database: Database) -> None:
    secret = "sesame-sesame"
    keyed = Keyed(secret, f"/v1.0/agent_tokens/{secret}/rotate", {"label": secret})
    await once(store).run(request(), keyed, creating(store))
    (row,) = await database.fetch("SELECT name, tenant_id, request_index, object_id, at_ms FROM repeatable", {})
    assert secret not in repr(tuple(row))


async def test_a_second_one_waits_for_the_first(store: Stores) -> None:
    service, create = once(store), creating(store)
    has_begun, may_end = asyncio.Event(), asyncio.Event()
    attempts = 0

    async def slow(asked: Request) -> Created:
        nonlocal attempts
        attempts += asked.earlier is None
        has_begun.set()
        await may_end.wait()
        return await create(asked)

    first = asyncio.create_task(service.run(request(), KEYED, slow))
    await has_begun.wait()
    others = [asyncio.create_task(service.run(request(), KEYED, slow)) for _ in range(5)]
    elsewhere = await service.run(request(), Keyed("another", KEYED.address, KEYED.body), create)
    assert not any(task.done() for task in (first, *others))
    may_end.set()
    answers = await asyncio.gather(first, *others)
    assert answers == [answers[0]] * 6
    assert elsewhere not in answers
    assert (attempts, await entities(store)) == (1, 2)


async def test_when_the_first_one_is_refused_the_next_one_tries(store: Stores) -> None:
    service, create = once(store), creating(store)
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def refused(_asked: Request) -> Created:
        has_begun.set()
        await may_end.wait()
        raise Fault("badRequest", "no", "Expected another")

    first = asyncio.create_task(service.run(request(), KEYED, refused))
    await has_begun.wait()
    second = asyncio.create_task(service.run(request(), KEYED, create))
    may_end.set()
    with pytest.raises(Fault, match="no"):
        await first
    assert await store.documents.find(ALICES, Kind.ENTITY, (await second).id) is not None
