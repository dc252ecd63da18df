import asyncio
import gzip
import resource
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doors.probes.targets import answer, assignment, probe, response, serving
from vedette.probes.http.body import BODY_LIMIT
from vedette.probes.http.head import BadResponse
from vedette.probes.http.response import ResponseReader

Stream = Callable[[], AsyncIterator[bytes]]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def repeating(start: bytes, again: bytes) -> Stream:
    async def stream() -> AsyncIterator[bytes]:
        yield start
        while True:
            yield again

    return stream


def sending(stream: Stream) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        async for piece in stream():
            writer.write(piece)
            await writer.drain()

    return handle


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (repeating(b"HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n" * 1000), "headers longer than 64 KiB"),
        (repeating(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000), "headers longer than 64 KiB"),
        (repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "headers longer than 64 KiB"),
        (repeating(b"", b"\x00" * 10_000), "headers longer than 64 KiB"),
        (repeating(CHUNKED, b"0" * 10_000), "chunk line too long"),
        (repeating(CHUNKED + b"1;", b"x" * 10_000), "chunk line too long"),
        (repeating(CHUNKED + b"0\r\n", b"T: x\r\n" * 1000), "trailer too long"),
    ],
)
async def test_what_has_no_end_is_left_before_the_time_out(stream: Stream, status: str) -> None:
    async with serving(sending(stream)) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/", timeout_s=60))

    assert (result.available, result.status) == (False, status)


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"]
)
async def test_an_endless_body_is_considered_and_left(start: bytes) -> None:
    async with serving(sending(repeating(start, b"x" * 10_000))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/", timeout_s=60))

    assert result.available
    assert result.metrics["bytes"].value == BODY_LIMIT
    assert result.metrics["truncated"].value


async def test_endless_chunks_are_considered_and_left() -> None:
    async with serving(sending(repeating(CHUNKED, b"1\r\nx\r\n" * 5000))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/", timeout_s=60))

    assert result.available
    assert result.metrics["bytes"].value == BODY_LIMIT


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nh"])
async def test_a_server_that_stops_in_the_middle_meets_the_time_out(start: bytes) -> None:
    async def stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await reader.read()
        await asyncio.Event().wait()

    async with serving(stop) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/", timeout_s=1))

    assert (result.available, result.status) == (False, "timed out after 1 s")
    assert result.target == "127.0.0.1"


async def test_a_bomb_unfolds_to_no_more_than_is_considered() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await answer(response(bomb, content_encoding="gzip"), body="x")

    assert result.available
    assert result.metrics["bytes"].value == BODY_LIMIT
    assert result.metrics["truncated"].value
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", "connection closed without a response"),
        (b"HTTP/1.1 200 OK\r\nContent-", "incomplete response"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not an HTTP response"),
        (b"\x16\x03\x01\x02\x00\n\n", "not an HTTP response"),
        (b"HTTP/1.1 abc\r\n\r\n", "not an HTTP response"),
        (b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n", "not an HTTP response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "connection closed after 3 bytes of the body"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "invalid Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "invalid Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "invalid Content-Length"),
        (CHUNKED + b"zz\r\n", "invalid chunk size"),
        (CHUNKED + b"-1\r\n", "invalid chunk size"),
        (CHUNKED + b"0x5\r\nhello", "invalid chunk size"),
        (CHUNKED + b"\r\n", "invalid chunk size"),
        (CHUNKED + b"fffffffffffffffff\r\n", "invalid chunk size"),
        (CHUNKED + b"2\r\nhello\r\n", "chunk longer than its size"),
        (CHUNKED + b"5\r\nhel", "connection closed after 3 bytes of the body"),
        (response(b"garbage", content_encoding="gzip"), "invalid content-encoding: gzip"),
    ],
)
async def test_garbage_is_a_result_that_says_what_was_wrong(raw: bytes, status: str) -> None:
    result = await answer(raw)

    assert (result.available, result.status) == (False, status)


async def test_a_reset_connection_is_said_so() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # the rest of the request is never read: closing resets
        writer.transport.abort()

    async with serving(reset) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/", payload="x" * 1000, method="POST"))

    assert not result.available
    assert result.status in ("connection reset by peer", "connection closed without a response")


async def test_a_zip_cut_short_by_its_limit_is_still_looked_into() -> None:
    packed = zlib.compressobj(0, zlib.DEFLATED, 31)
    raw = response(packed.compress(b"x" * 200_000) + packed.flush(), content_encoding="gzip")
    result = await answer(raw, body="^x")

    assert result.metrics["body_match"].value == "x"
    assert result.metrics["truncated"].value


async def test_no_file_stays_open_after_probes_of_every_ending() -> None:
    open_files = Path("/proc/self/fd")

    async def stop(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(stop) as port:
        before = len(list(open_files.iterdir()))
        asked = [assignment(f"http://127.0.0.1:{port}/", timeout_s=1) for _ in range(5)]
        asked += [assignment(f"https://127.0.0.1:{port}/", timeout_s=1) for _ in range(5)]
        await asyncio.gather(*(probe(one) for one in asked))
    await asyncio.sleep(0)

    assert len(list(open_files.iterdir())) <= before


@given(st.binary(max_size=400), st.integers(1, 50), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", CHUNKED]))
def test_any_bytes_in_any_pieces_are_read_or_refused(tail: bytes, size: int, start: bytes) -> None:
    def read(pieces: list[bytes]) -> object:
        reader = ResponseReader(b"GET")
        try:
            if not any(reader.take(piece) for piece in pieces):
                reader.close()
        except BadResponse as bad:
            return str(bad)
        assert reader.response
        return reader.response[0].code, bytes(reader.response[1].kept)

    whole = start + tail

    assert read([whole]) == read([whole[at : at + size] for at in range(0, len(whole), size)] or [b""])
