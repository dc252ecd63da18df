"""What only SQLite has: the writer thread, the file, the disk."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contracts.examples import ALICES, audit, document, key, span, tenant
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.domain.documents import Kind
from vedette.ports.unit import StoreUnavailable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vedette.sqlite"


@pytest.fixture
async def sqlite(file: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(file)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def kept(sqlite: SqliteDatabase) -> Stores:
    opened = stores(sqlite)
    await opened.commit(opened.accounts.add_tenant(tenant(ALICES)))
    return opened


@contextmanager
def another_process_writes(file: Path) -> Iterator[sqlite3.Connection]:
    """Holds the write lock of the file."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


def commits_in_log(file: Path) -> int:
    """How many transactions the write-ahead log holds: their last frame says the size of the database after them."""
    log = file.with_name(f"{file.name}-wal").read_bytes()
    page_bytes = int.from_bytes(log[8:12])
    frames = range(32, len(log), 24 + page_bytes)
    return sum(1 for start in frames if int.from_bytes(log[start + 4 : start + 8]))


@pytest.mark.usefixtures("kept")
async def test_only_its_owner_can_read_the_files(file: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in file.parent.glob("vedette.sqlite*")} == {0o600}


async def test_commits_that_wait_share_a_transaction(kept: Stores, file: Path) -> None:
    before = commits_in_log(file)
    with another_process_writes(file):
        commits = [asyncio.create_task(kept.commit(kept.documents.add(document(f"en{n:03}")))) for n in range(300)]
        await asyncio.sleep(0)  # they are all in the queue
    await asyncio.gather(*commits)
    assert await kept.documents.count(ALICES, Kind.ENTITY) == 300
    # The first may have been taken alone.
    assert commits_in_log(file) - before <= 2


async def test_more_commits_than_the_queue_holds_wait_their_turn(kept: Stores) -> None:
    commits = [kept.commit(kept.audits.add(audit(key(number)))) for number in range(5_000)]
    assert await asyncio.gather(*commits) == [None] * 5_000
    assert len(await kept.audits.list(ALICES, span(limit=10_000))) == 5_000


async def test_a_commit_waits_for_another_process_and_tells_for_how_long(
    sqlite: SqliteDatabase, kept: Stores, file: Path
) -> None:
    with another_process_writes(file):
        commit = asyncio.create_task(kept.commit(kept.documents.add(document("enA"))))
        await asyncio.sleep(0)
        assert sqlite.waiting_s > 0
        assert not commit.done()
    await commit
    assert sqlite.waiting_s == 0
    assert await kept.documents.count(ALICES, Kind.ENTITY) == 1


async def test_reading_goes_on_while_another_process_writes(kept: Stores, file: Path) -> None:
    with another_process_writes(file) as connection:
        connection.execute("DELETE FROM tenant")
        assert await kept.accounts.tenants() == [tenant(ALICES)]


async def test_a_commit_that_nobody_waits_for_any_more_is_not_begun(kept: Stores, file: Path) -> None:
    with another_process_writes(file):
        first = asyncio.create_task(kept.commit(kept.documents.add(document("enA"))))
        given_up = asyncio.create_task(kept.commit(kept.documents.add(document("enB"))))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
    await first
    assert [one.id for one in await kept.documents.every(Kind.ENTITY, None, 9)] == ["enA"]


async def test_reads_leave_no_snapshot_open_beyond_their_turn_of_the_loop(kept: Stores, file: Path) -> None:
    await kept.commit(*[kept.documents.add(document(f"en{n}")) for n in range(10)])
    await kept.documents.every(Kind.ENTITY, None, 3)
    await kept.documents.last_change()
    await asyncio.sleep(0)
    connection = sqlite3.connect(file)
    # (was it blocked, frames in the log, frames moved to the database): an open snapshot would block it.
    assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    connection.close()


async def test_who_wrote_reads_what_was_written_also_beside_reads_of_the_same_turn(kept: Stores) -> None:
    async def write_and_read(key: str) -> bool:
        await kept.documents.last_change()
        await kept.commit(kept.documents.add(document(key)))
        return await kept.documents.find(ALICES, Kind.ENTITY, key) is not None

    assert all(await asyncio.gather(*[write_and_read(f"en{n}") for n in range(50)]))


@contextmanager
def files_may_not_grow_beyond(size: int) -> Iterator[None]:
    """Writing further fails as on a bad disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_failing_disk_is_told_to_all_and_writing_goes_on_when_it_is_back(kept: Stores) -> None:
    huge = audit(key(1), body=b"x" * 4_000_000)
    with files_may_not_grow_beyond(2_000_000):
        writes = [kept.commit(kept.audits.add(huge)), kept.commit(kept.documents.add(document("enA")))]
        results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results[0], StoreUnavailable)
    assert await kept.audits.list(ALICES, span()) == []
    was_written = results[1] is None  # it may have been in a group of its own
    assert await kept.documents.count(ALICES, Kind.ENTITY) == int(was_written)
    await kept.commit(kept.audits.add(huge), kept.documents.add(document("enB")))
    assert await kept.audits.list(ALICES, span()) == [huge]


async def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="No such file"):
        await SqliteDatabase(tmp_path / "none" / "vedette.sqlite").start()


async def test_a_file_that_is_no_database_is_unavailable_and_left_alone(file: Path) -> None:
    file.write_bytes(b"something else\n" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await SqliteDatabase(file).start()
    assert file.read_bytes() == b"something else\n" * 100
