"""Changing keys over both databases: what was sealed stays readable, whatever comes between."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from tests.contracts.examples import ALICES, document, tenant, token
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.keyring import Key, LocalKeyring
from vedette.adapters.sql.stores import Stores
from vedette.domain.documents import Kind
from vedette.domain.ids import TenantId
from vedette.ports.agents import ProcessBeat
from vedette.ports.keys import Kept
from vedette.ports.unit import Write
from vedette.services import sealing
from vedette.services.key_keeping import KeyKeeping
from vedette.services.key_rotation import KeyRotation, Resealed, known_to_all

OLD, NEW = Key(1, bytes(range(32))), Key(2, bytes(range(32, 64)))
NOW = 1_000_000
DORA = TenantId("Dora")


class Crash(Exception):
    """The process died."""


def old_keys() -> LocalKeyring:
    return LocalKeyring([OLD], entropy)


def both_keys() -> LocalKeyring:
    return LocalKeyring([OLD, NEW], entropy)


def secret_of(key: str) -> dict[str, str]:
    return {"password": f"sesame of {key}"}


async def fill(store: Stores, keys: LocalKeyring, count: int = 3) -> None:
    """Documents, agent tokens and a webhook token."""
    documents = [
        document(f"nt{number:04}", secrets=sealing.seal(keys, f"nt{number:04}", secret_of(f"nt{number:04}")))
        for number in range(count)
    ]
    tokens = [
        token(
            f"at{number:04}",
            index=keys.index("agent_token", f"secret {number}"),
            sealed=keys.seal(f"secret {number}".encode(), f"agent_token:at{number:04}"),
        )
        for number in range(count)
    ]
    dora = tenant(DORA, webhook_token=keys.seal(b"open wide", f"webhook_token:{DORA}"))
    await store.commit(
        store.accounts.add_tenant(dora),
        *map(store.documents.add, documents),
        *map(store.tokens.add, tokens),
    )


async def assert_readable_with_the_new_key_alone(store: Stores, count: int = 3) -> None:
    keys = LocalKeyring([NEW], entropy)
    for number in range(count):
        found = await store.documents.find(ALICES, Kind.NOTIFICATION, f"nt{number:04}")
        assert found is not None
        assert sealing.open_secrets(keys, found) == secret_of(found.id)
        known = await store.tokens.find_by_index(keys.index("agent_token", f"secret {number}"))
        assert known is not None
        assert keys.open(known.sealed, f"agent_token:{known.public_id}") == f"secret {number}".encode()
    dora = await store.accounts.find_tenant(DORA)
    assert dora is not None
    assert dora.webhook_token is not None
    assert keys.open(dora.webhook_token, f"webhook_token:{DORA}") == b"open wide"
    assert {use.version for use in await store.sealed.uses(NOW)} == {2}


def rotation(store: Stores, keys: LocalKeyring, sleep: Callable[[float], Awaitable[None]] | None = None) -> KeyRotation:
    async def no_sleep(seconds: float) -> None:
        pytest.fail(f"sleeps for {seconds} s")

    return KeyRotation(store, keys, lambda: NOW, sleep or no_sleep)


def silently(done: Resealed) -> None:
    assert done.rows is not None


async def test_everything_is_sealed_with_the_new_key_over_several_pages(store: Stores) -> None:
    await fill(store, old_keys(), 450)

    done = await rotation(store, both_keys()).reseal(silently)

    assert done.rows == {Kept.DOCUMENTS: 450, Kept.WEBHOOK_TOKENS: 1, Kept.AGENT_TOKENS: 450}
    assert done.unreadable == []
    await assert_readable_with_the_new_key_alone(store, 450)


async def test_sealing_twice_finds_nothing_to_do(store: Stores) -> None:
    await fill(store, old_keys())
    await rotation(store, both_keys()).reseal(silently)

    done = await rotation(store, both_keys()).reseal(silently)

    assert sum(done.rows.values()) == 0


@pytest.mark.parametrize("commits", [0, 1, 2])
async def test_it_goes_on_where_it_died(store: Stores, commits: int) -> None:
    await fill(store, old_keys())
    left = commits

    async def dying(*writes: Write) -> None:
        nonlocal left
        if left == 0:
            raise Crash
        left -= 1
        await store.commit(*writes)

    with pytest.raises(Crash):
        await rotation(dataclasses.replace(store, commit=dying), both_keys()).reseal(silently)
    await rotation(store, both_keys()).reseal(silently)

    await assert_readable_with_the_new_key_alone(store)


async def test_a_write_that_comes_between_wins_and_its_secret_is_sealed_anew_too(store: Stores) -> None:
    await fill(store, old_keys())
    keys = both_keys()
    races = [True]

    async def racing(*writes: Write) -> None:
        if races.pop() if races else False:
            found = await store.documents.find(ALICES, Kind.NOTIFICATION, "nt0001")
            assert found is not None
            anew = sealing.seal(old_keys(), found.id, {"password": "another sesame"})
            after = msgspec.structs.replace(found, revision=found.revision + 1, secrets=anew)
            await store.commit(store.documents.update(after, found.revision))
        await store.commit(*writes)

    await rotation(dataclasses.replace(store, commit=racing), keys).reseal(silently)

    found = await store.documents.find(ALICES, Kind.NOTIFICATION, "nt0001")
    assert found is not None
    assert sealing.open_secrets(LocalKeyring([NEW], entropy), found) == {"password": "another sesame"}
    assert {use.version for use in await store.sealed.uses(NOW)} == {2}


async def test_what_cannot_be_opened_is_named_and_keeps_nobody_else(store: Stores) -> None:
    await fill(store, old_keys())
    stranger = LocalKeyring([Key(9, bytes(32))], entropy)
    await store.commit(
        store.documents.add(document("ntX", secrets=sealing.seal(stranger, "ntX", secret_of("ntX")))),
        store.tokens.add(token("atX", index=b"\x09", sealed=stranger.seal(b"x", "agent_token:atX"))),
    )

    done = await rotation(store, both_keys()).reseal(silently)

    assert sorted(done.unreadable) == ["atX", "ntX"]
    assert {use.version for use in await store.sealed.uses(NOW)} == {2, 9}


async def beat(store: Stores, process: str, newest: int, at_ms: int = NOW) -> None:
    await store.commit(store.agents.beat(ProcessBeat(id=process, at_ms=at_ms, newest_key=newest)))


async def test_a_key_is_known_to_all_when_every_live_process_says_so(store: Stores) -> None:
    assert await known_to_all(store.agents, 2, NOW) == 2
    await beat(store, "a", 2)
    await beat(store, "b", 1)
    await beat(store, "dead", 0, NOW - 30_001)
    assert await known_to_all(store.agents, 2, NOW) == 1

    waited = rotation(store, both_keys())
    assert [late.id for late in await waited.wait_until_known(2, 0)] == ["b"]
    await beat(store, "b", 2)
    assert await waited.wait_until_known(2, 0) == []


async def test_waiting_ends_when_the_last_one_knows(store: Stores) -> None:
    await beat(store, "a", 1)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            await beat(store, "a", 2)

    assert await rotation(store, both_keys(), sleep).wait_until_known(2, 60) == []
    assert len(slept) == 3
    assert [late.id for late in await rotation(store, both_keys(), sleep).wait_until_known(3, 5)] == ["a"]
    assert len(slept) == 3 + 10


async def test_a_key_is_used_by_all_when_each_has_beaten_twice_more_or_is_gone(store: Stores) -> None:
    await beat(store, "a", 2)
    await beat(store, "b", 2)
    slept = 0

    async def sleep(_: float) -> None:
        nonlocal slept
        slept += 1
        await beat(store, "a", 2, NOW + slept)
        if slept == 3:
            await store.commit(store.agents.forget_process("b"))

    assert await rotation(store, both_keys(), sleep).wait_until_used(1) == ["b"]
    assert slept == 2
    assert await rotation(store, both_keys(), sleep).wait_until_used(60) == []


async def test_a_process_uses_a_new_key_when_the_others_know_it_and_says_at_once_that_it_does(store: Stores) -> None:
    keys, now, beats = old_keys(), [NOW], []

    async def beating() -> None:
        beats.append(now[0])
        await beat(store, "a", keys.newest, now[0])

    keeping = KeyKeeping(store.agents, keys, lambda: now[0], beating)
    await beat(store, "b", 1)
    for _ in range(5):
        await keeping.step(3_000)
        now[0] += 1_000
    assert [at - NOW for at in beats] == [0, 3_000]

    keeping.look = lambda: keys.replace([OLD, NEW])
    await keeping.step(3_000)
    assert (beats[-1], keys.current) == (now[0], 1)
    await beat(store, "b", 2, now[0])
    now[0] += 1_000
    await keeping.step(3_000)
    assert (beats[-1], keys.current) == (now[0], 2)
