"""One server a module; a cast of its own for each test. Where it matters, a server over each database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.contracts import postgres_server
from tests.contracts.postgres_server import PostgresServer
from tests.doors.api.house import Cast, House

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except FileNotFoundError:
        pytest.skip(postgres_server.MISSING)
    yield server
    server.remove()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def dsn(request: pytest.FixtureRequest) -> str | None:
    """Of a database of the module's own; None for the embedded one."""
    if request.param == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"house{next(_numbers)}"
    asyncio.run(server.create(name))
    return server.dsn(name)


@pytest.fixture(scope="module")
def stored_house(dsn: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Once over each database."""
    settings = {} if dsn is None else {"database": dsn}
    with House(_directory(tmp_path_factory), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(_directory(tmp_path_factory)) as running:
        yield running


def _directory(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("house") / "var"


@pytest.fixture
def cast(house: House) -> Cast:
    return house.cast()
