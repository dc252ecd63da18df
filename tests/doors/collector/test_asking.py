import asyncio
import socket
from pathlib import Path

import pytest

from vedette.collector import asking
from vedette.collector.asking import any_answers, default_gateway
from vedette.collector.canary import Canary


async def test_a_canary_with_a_port_answers_by_taking_a_connection() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answered = await any_answers([Canary("127.0.0.1", port)])
    server.close()

    assert answered


async def test_a_canary_with_a_port_that_refuses_does_not_answer() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        assert not await any_answers([Canary("127.0.0.1", bound.getsockname()[1])])


async def test_one_canary_that_answers_is_enough_and_nobody_waits_for_the_others() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    open_port = server.sockets[0].getsockname()[1]
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        answered = await any_answers([Canary("127.0.0.1", bound.getsockname()[1]), Canary("127.0.0.1", open_port)])
    server.close()

    assert answered


async def test_a_canary_without_port_answers_by_being_there() -> None:
    assert await any_answers([Canary("127.0.0.1")])


async def test_a_canary_that_says_nothing_fails_after_its_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.socket() as first, socket.socket() as second:  # the queue is full: nobody else is let in
            for waiting in (first, second):
                waiting.setblocking(False)
                waiting.connect_ex(address)

            assert not await any_answers([Canary(*address)], patience_s=0.3)


async def test_a_name_without_address_does_not_answer() -> None:
    assert not await any_answers([Canary("x" * 70, 53), Canary("x" * 70)])


async def test_no_canary_does_not_answer() -> None:
    assert not await any_answers([])


async def test_without_a_table_of_routes_there_is_no_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_ROUTES", tmp_path / "none")

    assert default_gateway() is None
