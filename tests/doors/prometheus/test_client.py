"""A store that answers badly, on purpose or not: bounded memory, bounded time, and no token in any text."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from vedette.adapters.prometheus.client import LONGEST_ANSWER, WRITE_S, Client, Place, StoreDown

SECRET = "s3cret-metric-token"


def client(url: str, token_file: Path | None = None, write_s: float = WRITE_S) -> Client:
    return Client(Place(write_url=f"{url}/write", read_url=url, token_file=token_file), write_s=write_s)


@asynccontextmanager
async def answering(answer: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """The url of a store that answers each connection so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await answer(writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("kept", [f"{SECRET}\nof the other store", f"\x7f{SECRET}", "", "  \n"])
async def test_a_token_file_that_holds_something_else_is_told_without_what_it_holds(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "token"
    file.write_text(kept, "ascii")
    store = client("http://127.0.0.1:1", file)
    with pytest.raises(StoreDown) as raised:
        await store.write(b"")
    await store.close()
    assert str(raised.value) == f"{file}: expected a file with the metric store's bearer token in one line"


async def test_an_answer_without_end_is_read_no_further_than_its_limit() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 1_048_576)
            await writer.drain()

    async with answering(endless) as url:
        store = client(url)
        with pytest.raises(StoreDown, match=f"answers with more than {LONGEST_ANSWER} bytes"):
            await store.ask("query", {})
        await store.close()


async def test_an_answer_that_unpacks_without_end_is_read_no_further_than_its_limit() -> None:
    bomb = gzip.compress(bytes(2 * LONGEST_ANSWER))

    async def packed(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)
        await writer.drain()

    async with answering(packed) as url:
        store = client(url)
        with pytest.raises(StoreDown, match=f"answers with more than {LONGEST_ANSWER} bytes"):
            await store.ask("query", {})
        await store.close()


async def test_an_answer_that_trickles_is_waited_for_no_longer_than_one_that_does_not_come() -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with answering(trickle) as url:
        store = client(url, write_s=0.2)
        with pytest.raises(StoreDown, match=r"no whole answer within 0\.2 s"):
            await store.write(b"")
        await store.close()


async def test_the_long_text_of_a_refusal_is_cut() -> None:
    async def refuse(writer: asyncio.StreamWriter) -> None:
        body = b"no " * 1_000_000
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with answering(refuse) as url:
        store = client(url)
        with pytest.raises(StoreDown) as raised:
            await store.write(b"")
        await store.close()
    assert str(raised.value).startswith(f"{url}/write: answers 503 no no")
    assert len(str(raised.value)) < 400


async def test_what_is_asked_for_comes_whole() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"y" * 3_000_000)

    store = Client(Place(write_url="http://127.0.0.1:1", read_url="http://127.0.0.1:1"), httpx.MockTransport(answer))
    assert await store.ask("query", {}) == b"y" * 3_000_000
    await store.close()
