"""A fresh database and one migrated step by step are the same."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from vedette.adapters.postgres.database import PostgresDatabase
from vedette.adapters.sql.agent_tokens import SqlAgentTokens
from vedette.adapters.sql.database import Database
from vedette.adapters.sql.migrations import Schema, SchemaTooNew, Step, load
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.domain.ids import TenantId
from vedette.domain.tokens import AgentToken

FIRST = Path(__file__).parent / "schemas"

Shape = dict[str, Any]


class SqliteFile:
    """A file, its tables seen and made by the plain driver."""

    package = "vedette.adapters.sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path

    def database(self) -> Database:
        return SqliteDatabase(self._path)

    async def run(self, script: str) -> None:
        connection = sqlite3.connect(self._path)
        connection.executescript(script)
        connection.close()

    async def versions(self) -> list[int]:
        return [row[0] for row in self._rows("SELECT version FROM schema_version ORDER BY version")]

    async def shape(self) -> Shape:
        tables = [name for (name,) in self._rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            "columns": {name: self._rows(f"PRAGMA table_xinfo({name})") for name in tables},
            "keys": {name: sorted(self._rows(f"PRAGMA foreign_key_list({name})")) for name in tables},
            "kinds": sorted(self._rows("PRAGMA table_list")),
            "indexes": sorted(
                self._rows("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index'"), key=str
            ),
        }

    def _rows(self, sql: str) -> list[Any]:
        connection = sqlite3.connect(self._path)
        rows = connection.execute(sql).fetchall()
        connection.close()
        return rows


class PostgresName:
    """A database, its tables seen and made by the plain driver."""

    package = "vedette.adapters.postgres"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def database(self) -> Database:
        return PostgresDatabase(self._dsn)

    async def run(self, script: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        await connection.execute(script)
        await connection.close()

    async def versions(self) -> list[int]:
        return [row[0] for row in await self._rows("SELECT version FROM schema_version ORDER BY version")]

    async def shape(self) -> Shape:
        return {
            "columns": await self._rows(
                "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, is_identity "
                "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
            ),
            "constraints": await self._rows(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
            ),
            "indexes": await self._rows(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
            ),
        }

    async def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self._dsn)
        rows = [tuple(row) for row in await connection.fetch(sql)]
        await connection.close()
        return rows


Empty = SqliteFile | PostgresName


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Empty:
    if request.param == "sqlite":
        return SqliteFile(tmp_path / "vedette.sqlite")
    return PostgresName(request.getfixturevalue("own_dsn"))


async def start_and_stop(empty: Empty) -> None:
    database = empty.database()
    await database.start()
    await database.stop()


async def emptied(used: Empty, tmp_path: Path) -> Empty:
    """One as it was before the test."""
    if isinstance(used, SqliteFile):
        return SqliteFile(tmp_path / "fresh.sqlite")
    await used.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return used


async def make_version_1(empty: Empty) -> None:
    dialect = empty.package.rsplit(".", 1)[1]
    await empty.run((FIRST / f"{dialect}_1.sql").read_text())
    await empty.run("CREATE TABLE schema_version (version INTEGER NOT NULL)")
    await empty.run("INSERT INTO schema_version (version) VALUES (1)")


async def test_migrating_from_the_first_version_gives_the_fresh_schema(empty: Empty, tmp_path: Path) -> None:
    await make_version_1(empty)
    before = await empty.shape()
    await start_and_stop(empty)
    migrated = await empty.shape()
    newest = load(empty.package).version
    assert await empty.versions() == list(range(1, newest + 1))
    assert migrated != before
    fresh = await emptied(empty, tmp_path)
    await start_and_stop(fresh)
    assert await fresh.versions() == [newest]
    assert await fresh.shape() == migrated


async def test_rows_are_kept_by_a_migration(empty: Empty) -> None:
    await make_version_1(empty)
    await empty.run("INSERT INTO reader_cursor (name, seq) VALUES ('evaluate', 7)")
    database = empty.database()
    await database.start()
    row = await database.fetch_one("SELECT seq FROM reader_cursor WHERE name = :name", {"name": "evaluate"})
    await database.stop()
    assert row is not None
    assert row[0] == 7


async def test_agent_tokens_are_kept_by_a_migration(empty: Empty) -> None:
    """SQLite makes their table anew."""
    await make_version_1(empty)
    await empty.run("INSERT INTO tenant (id, folded, created_at, revision, limits) VALUES ('t', 't', 1, 1, '{}')")
    seal = "X'00ff'" if isinstance(empty, SqliteFile) else "'\\x00ff'"
    columns = "public_id, tenant_id, sort_key, token_index, sealed, label, revision, created_at, updated_at"
    values = f"'atOne', 't', 'ab', {seal}, {seal}, 'label', 3, 4, 5"
    await empty.run(f"INSERT INTO agent_token ({columns}) VALUES ({values})")  # noqa: S608 - nobody else's words
    database = empty.database()
    await database.start()
    found = await SqlAgentTokens(database).list(TenantId("t"), "", 10)
    await database.stop()
    assert found == [
        AgentToken(tenant_id=TenantId("t"), public_id="atOne", sort_key="ab", index=b"\0\xff", sealed=b"\0\xff",
                   label="label", revision=3, created_at=4, updated_at=5)
    ]  # fmt: skip


async def test_starting_again_changes_nothing(empty: Empty) -> None:
    await start_and_stop(empty)
    shape, versions = await empty.shape(), await empty.versions()
    await start_and_stop(empty)
    assert (await empty.shape(), await empty.versions()) == (shape, versions)


@pytest.mark.parametrize("begin", [None, make_version_1])
async def test_two_that_start_at_once_take_each_step_once(
    empty: Empty, begin: Callable[[Empty], Awaitable[None]] | None
) -> None:
    if begin is not None:
        await begin(empty)
    both = empty.database(), empty.database()
    await asyncio.gather(*[database.start() for database in both])
    for database in both:
        await database.stop()
    newest = load(empty.package).version
    assert await empty.versions() == ([newest] if begin is None else list(range(1, newest + 1)))


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(empty: Empty) -> None:
    await start_and_stop(empty)
    await empty.run("INSERT INTO schema_version (version) VALUES (1000)")
    shape = await empty.shape()
    with pytest.raises(SchemaTooNew, match=r"version 1000, this program knows versions up to \d+: start the newer"):
        await empty.database().start()
    assert await empty.shape() == shape


async def test_a_step_that_fails_leaves_the_version_before_it(empty: Empty) -> None:
    """So that it can be taken again."""
    await make_version_1(empty)
    # In the way of the step to version 2, which makes an index of this name.
    await empty.run("CREATE TABLE document_by_label (id INTEGER)")
    database = empty.database()
    with pytest.raises((sqlite3.OperationalError, asyncpg.DuplicateTableError)):
        await database.start()
    assert await empty.versions() == [1]
    await empty.run("DROP TABLE document_by_label")
    await start_and_stop(empty)
    assert await empty.versions() == list(range(1, load(empty.package).version + 1))


@pytest.mark.parametrize("package", ["vedette.adapters.sqlite", "vedette.adapters.postgres"])
def test_steps_are_numbered_without_gaps_from_2(package: str) -> None:
    versions = [step.version for step in load(package).migrations]
    assert versions == list(range(2, len(versions) + 2))


def test_the_next_step_follows_from_the_recorded_version() -> None:
    schema = Schema("fresh", (Step(2, "two"), Step(3, "three")))
    assert schema.next_step(None) == Step(3, "fresh")
    assert schema.next_step(1) == Step(2, "two")
    assert schema.next_step(2) == Step(3, "three")
    assert schema.next_step(3) is None
    with pytest.raises(SchemaTooNew):
        schema.next_step(4)
