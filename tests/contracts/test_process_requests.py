"""Requests between processes over a real PostgreSQL; with SQLite there is one process only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.fakes.chance import FakeClock, FakeEntropy
from tests.fakes.keyring import FakeKeyring
from vedette.adapters.local.process_requests import nobody_else
from vedette.adapters.postgres import process_requests
from vedette.adapters.postgres.database import PostgresDatabase
from vedette.adapters.postgres.notices import channel_of
from vedette.adapters.postgres.process_requests import APPLICATION, Means, PostgresRequests
from vedette.ports.process_requests import ProcessGone
from vedette.ports.unit import StoreUnavailable

LARGE = bytes(range(256)) * 8_192
LISTENERS = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{APPLICATION}'"  # noqa: S608
ROWS = "SELECT count(*) FROM process_message"


async def echo(question: bytes) -> bytes:
    return b"heard " + question


class Site:
    """Processes over one database."""

    def __init__(self, dsn: str, database: PostgresDatabase) -> None:
        self.dsn, self.database = dsn, database
        self.entropy = FakeEntropy()
        self.clock = FakeClock()

    @asynccontextmanager
    async def process(
        self, name: str, answer: Callable[[bytes], Awaitable[bytes]] = echo, keyring: FakeKeyring | None = None
    ) -> AsyncIterator[PostgresRequests]:
        means = Means(self.dsn, self.database, keyring or FakeKeyring(), self.entropy, self.clock)
        requests = PostgresRequests(means, name, answer)
        await requests.start()
        try:
            yield requests
        finally:
            await requests.stop()

    async def rows(self) -> int:
        found = await self.database.fetch_one(ROWS, {})
        assert found is not None
        return int(found[0])


@pytest.fixture
async def site(dsn: str) -> AsyncIterator[Site]:
    database = PostgresDatabase(dsn)
    await database.start()
    yield Site(dsn, database)
    await database.stop()


@pytest.mark.parametrize("question", [b"", b"hello", b"x" * 5_000, b"x" * 6_000, LARGE], ids=len)
async def test_another_process_answers_whatever_the_size_and_nothing_stays_behind(site: Site, question: bytes) -> None:
    async with site.process("one") as one, site.process("two"):
        assert await one("two", question, 10) == b"heard " + question
    assert await site.rows() == 0


async def test_many_questions_at_once_find_their_answers(site: Site) -> None:
    async with site.process("one") as one, site.process("two") as two:
        questions = [b"%d" % number for number in range(50)]
        answers = await asyncio.gather(*[one("two", text, 10) for text in questions], *[two("one", b"back", 10)])
    assert answers == [b"heard " + text for text in [*questions, b"back"]]


async def test_nothing_can_be_read_on_the_way(site: Site) -> None:
    seen: list[str] = []
    async with site.process("one") as one, site.process("two"):
        connection = await asyncpg.connect(site.dsn)
        await connection.add_listener(channel_of("two"), lambda *said: seen.append(str(said[3])))
        await one("two", b"hunter2", 10)
        await connection.fetch("SELECT 1")
        await connection.close()
    assert seen
    assert not any("hunter2" in text or "aHVudGVyMg" in text for text in seen)


async def test_a_process_that_is_not_there_is_gone_within_seconds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_requests, "SILENCE_S", 0.2)
    async with site.process("one") as one:
        with pytest.raises(ProcessGone):
            await one("nobody", b"hello", 60)
        with pytest.raises(ProcessGone):
            await one("nobody", LARGE, 60)
    assert await site.rows() == 1  # until it is too old


async def test_a_process_that_dies_at_work_is_gone_and_one_that_takes_its_time_is_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_requests, "ALIVE_S", 0.05)
    monkeypatch.setattr(process_requests, "SILENCE_S", 2.0)
    began, may_end = asyncio.Event(), asyncio.Event()

    async def slow(question: bytes) -> bytes:
        began.set()
        await may_end.wait()
        return question

    async with site.process("one") as one:
        async with site.process("two", slow):
            answered = asyncio.create_task(one("two", b"first", 60))
            await began.wait()
            done, _ = await asyncio.wait([answered], timeout=2.5)
            assert not done
            may_end.set()
            assert await answered == b"first"
            began.clear()
            may_end.clear()
            lost = asyncio.create_task(one("two", b"second", 60))
            await began.wait()
        with pytest.raises(ProcessGone):
            await lost


async def test_who_lives_and_has_no_answer_in_time_is_not_waited_for(site: Site) -> None:
    async def never(_question: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with site.process("one") as one, site.process("two", never):
        with pytest.raises(TimeoutError):
            await one("two", b"hello", 0.2)


async def test_what_comes_too_late_or_from_elsewhere_harms_nobody(site: Site) -> None:
    async with site.process("one") as one, site.process("two"):
        for text in ("nonsense", "{}", '{"kind":"answer","id":"f00d","sender":"two"}', '{"kind":"dance"}'):
            await site.database.fetch("SELECT pg_notify(:channel, :text)", {"channel": channel_of("one"), "text": text})
        assert await one("two", b"hello", 10) == b"heard hello"


async def test_too_much_at_once_is_refused_and_not_lost_in_silence(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_requests, "MOST_ANSWERED", 0)
    async with site.process("one") as one, site.process("two"):
        with pytest.raises(StoreUnavailable, match="two cannot answer now"):
            await one("two", b"hello", 10)


async def test_what_fails_in_the_other_process_is_told_at_once(site: Site) -> None:
    async def fail(_question: bytes) -> bytes:
        raise RuntimeError("a mistake of ours")

    async with site.process("one") as one, site.process("two", fail):
        with pytest.raises(StoreUnavailable, match="two cannot answer now"):
            await one("two", b"hello", 10)


async def test_a_process_with_other_keys_says_that_it_does_not_understand(site: Site) -> None:
    class OtherKeyring(FakeKeyring):
        def open(self, sealed: bytes, context: str) -> bytes:
            raise ValueError("its key is gone")

    async with site.process("one") as one, site.process("two", keyring=OtherKeyring()):
        with pytest.raises(StoreUnavailable, match="two cannot answer now"):
            await one("two", b"hello", 10)
    async with site.process("one", keyring=OtherKeyring()) as one, site.process("two"):
        with pytest.raises(StoreUnavailable):
            await one("two", b"hello", 10)


async def test_when_the_listening_connection_breaks_who_waits_is_told_and_it_listens_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("RETRY_S", 0.05), ("ALIVE_S", 0.05), ("SILENCE_S", 1.5)):
        monkeypatch.setattr(process_requests, name, seconds)
    began = asyncio.Event()

    async def never(_question: bytes) -> bytes:
        began.set()
        await asyncio.Event().wait()
        return b""

    async with site.process("one") as one, site.process("two", never):
        waiting = asyncio.create_task(one("two", b"hello", 60))
        await began.wait()
        await site.database.fetch(LISTENERS, {})
        with pytest.raises(StoreUnavailable):
            await waiting
        async with asyncio.timeout(20), site.process("three") as three:
            while True:
                try:
                    assert await three("one", b"hello", 10) == b"heard hello"
                    break
                except (ProcessGone, StoreUnavailable):
                    continue


async def test_what_nobody_took_is_forgotten(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_requests, "SILENCE_S", 0.05)
    async with site.process("one") as one:
        with pytest.raises(ProcessGone):
            await one("nobody", LARGE, 60)
    site.clock.now_ms += 700_000
    async with site.process("one"):
        async with asyncio.timeout(10):
            while await site.rows():  # noqa: ASYNC110 - another process's doing has no event here
                await asyncio.sleep(0)


async def test_with_sqlite_there_is_nobody_else() -> None:
    with pytest.raises(ProcessGone):
        await nobody_else("another", b"hello", 10)
