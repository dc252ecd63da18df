"""Servers and receivers for the acceptance tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server that may reach loopback targets."""
    with Server(tmp_path / "var") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.logged_in(server.api, server.credentials) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def driver(server: Server) -> Iterator[Any]:
    """The old client library, logged in."""
    from tests.acceptance.library import connected  # it does not import on every Python

    driver = connected(server)
    yield driver
    driver.connection.connection.close()


@pytest.fixture(autouse=True)
def _leaks_are_found_where_they_are_made(request: pytest.FixtureRequest) -> Iterator[None]:
    """The old client leaves its connections to the garbage collector; another test is not to stumble over them."""
    yield
    if request.module.__name__.rpartition(".")[2].startswith("test_client_library"):
        gc.collect()
