from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.doors.prometheus.metric_servers import PROMETHEUS, VICTORIA_METRICS, MetricServer, missing
from tests.doors.prometheus.official_format import decoded_body
from tests.doors.prometheus.samples import sample
from vedette.adapters.prometheus.client import Client, Place
from vedette.adapters.prometheus.sender import Sender
from vedette.ports.points import PointsUnavailable
from vedette.ports.unit import StoreUnavailable

MANY = 1024 * 1024
URL = "http://127.0.0.1:1"


class Store:
    """A metric store that answers what a test says; it remembers the points that it took."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.asked = 0
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[list[int]], httpx.Response] = lambda _: httpx.Response(204)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        points = [at_ms for _, samples in decoded_body(request.content) for at_ms, _ in samples]
        answer = self.answer(points)
        if answer.is_success:
            self.taken += points
        return answer


class Steady:
    """A clock that a test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def steady() -> Steady:
    return Steady()


def made(folder: Path, transport: httpx.AsyncBaseTransport | None, steady: Steady, url: str = URL) -> Sender:
    place = Place(write_url=f"{url}/api/v1/write", read_url=url, token_file=None)
    return Sender(Client(place, transport), folder / "spool", MANY, steady)


@pytest.fixture
async def sender(tmp_path: Path, store: Store, steady: Steady) -> AsyncIterator[Sender]:
    sender = made(tmp_path, httpx.MockTransport(store), steady)
    await sender.start()
    yield sender
    await sender.stop()


async def test_points_are_sent_in_order_with_the_headers_of_the_protocol(sender: Sender, store: Store) -> None:
    for at_ms in range(3):
        await sender.write([sample(at_ms)])
    assert await sender.step()
    assert not await sender.step()

    assert store.taken == [0, 1, 2]
    assert sender.sent == 3
    (request,) = store.requests
    assert request.headers["Content-Encoding"] == "snappy"
    assert request.headers["Content-Type"] == "application/x-protobuf"
    assert request.headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert "Authorization" not in request.headers


async def test_a_store_that_is_down_is_tried_again_less_and_less_often_and_nothing_is_lost(
    sender: Sender, store: Store, steady: Steady
) -> None:
    store.answer = lambda _: httpx.Response(503, text="not now")
    tried = []
    await sender.write([sample(1)])
    while steady.now_s < 200:
        before = len(store.requests)
        await sender.step()
        if len(store.requests) > before:
            tried.append(steady.now_s)
        steady.now_s += 0.5

    assert tried[:6] == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5]
    assert tried[-1] - tried[-2] == 30.0
    assert sender.is_held_up
    store.answer = lambda _: httpx.Response(200)
    steady.now_s += 30
    assert await sender.step()
    assert store.taken == [1]
    assert not sender.is_held_up


async def test_a_store_that_says_when_is_not_asked_before(sender: Sender, store: Store, steady: Steady) -> None:
    store.answer = lambda _: httpx.Response(429, headers={"Retry-After": "12"})
    await sender.write([sample(1)])
    await sender.step()
    steady.now_s = 11.9
    await sender.step()
    assert len(store.requests) == 1
    steady.now_s = 12.0
    await sender.step()
    assert len(store.requests) == 2


@pytest.mark.parametrize("status", [301, 401, 403, 404])
async def test_what_an_operator_can_mend_costs_no_points(
    status: int, sender: Sender, store: Store, steady: Steady
) -> None:
    store.answer = lambda _: httpx.Response(status, headers={"Location": "http://127.0.0.1:2/"})
    await sender.write([sample(1)])
    assert not await sender.step()
    assert sender.waiting.points == 1
    store.answer = lambda _: httpx.Response(204)
    steady.now_s = 1.0
    assert await sender.step()
    assert store.taken == [1]


async def test_a_point_that_is_refused_costs_only_itself(sender: Sender, store: Store) -> None:
    bad = {3, 17}
    store.answer = lambda points: httpx.Response(400 if bad & set(points) else 204, text="out of order")
    await sender.write([sample(at_ms, check=f"ch{at_ms % 7}") for at_ms in range(50)])
    assert await sender.step()

    assert sorted(store.taken) == [at_ms for at_ms in range(50) if at_ms not in bad]
    assert (sender.sent, sender.refused, sender.waiting.points) == (48, 2, 0)


async def test_a_request_that_is_too_large_is_sent_in_parts(sender: Sender, store: Store) -> None:
    store.answer = lambda points: httpx.Response(413 if len(points) > 8 else 204)
    await sender.write([sample(at_ms) for at_ms in range(50)])
    assert await sender.step()
    assert store.taken == list(range(50))


async def test_the_token_is_read_anew_and_is_in_no_message(
    tmp_path: Path, store: Store, steady: Steady, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    place = Place(write_url=f"{URL}/api/v1/write", read_url=URL, token_file=token)
    sender = Sender(Client(place, httpx.MockTransport(store)), tmp_path / "spool", MANY, steady)
    await sender.start()
    await sender.write([sample(1)])
    assert not await sender.step()  # there is no such file yet
    assert store.requests == []
    steady.now_s = 1.0
    token.write_text("open sesame\n")
    store.answer = lambda _: httpx.Response(401)
    assert not await sender.step()
    assert store.requests[-1].headers["Authorization"] == "Bearer open sesame"
    await sender.stop()
    assert "sesame" not in caplog.text + "".join(capfd.readouterr())


async def test_a_spool_that_cannot_be_written_takes_nothing_and_says_so(
    sender: Sender, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(PointsUnavailable, match="No space left on device"):
            await sender.write([sample(1)])
    await sender.write([sample(2)])
    await sender.step()
    assert store.taken == [2]


async def test_a_spool_that_cannot_be_read_is_waited_for(
    sender: Sender, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any other error ends the server."""

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    await sender.write([sample(1)])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", broken)
        with pytest.raises(StoreUnavailable, match="Input/output error"):
            await sender.step()
    assert await sender.step()
    assert store.taken == [1]


async def test_whoever_sends_is_woken_when_there_is_something(sender: Sender) -> None:
    woken = asyncio.Event()
    sender.wake = woken.set
    await sender.write([sample(1)])
    assert woken.is_set()


async def test_what_a_store_took_just_before_it_died_is_sent_again_and_not_counted_twice(
    sender: Sender, store: Store, steady: Steady
) -> None:
    def dead(_: list[int]) -> httpx.Response:
        raise httpx.ConnectError("refused")

    for second in range(20):
        steady.now_s = second
        await sender.write([sample(second)])
        assert await sender.step()
    store.taken.clear()
    store.answer = dead
    await sender.write([sample(20)])
    assert not await sender.step()
    assert sender.waiting.first_ms <= 5
    store.answer = lambda points: httpx.Response(400 if {18, 19} & set(points) else 204)  # it had written these down
    steady.now_s += 1
    while await sender.step():
        pass
    assert store.taken[-1] == 20
    assert set(store.taken) >= set(range(6, 18))
    assert (sender.sent, sender.refused, sender.waiting.points) == (21, 0, 0)


@pytest.mark.parametrize("program", [VICTORIA_METRICS, PROMETHEUS])
async def test_a_real_store_that_was_killed_gets_everything_when_it_is_back(
    program: str, tmp_path: Path, steady: Steady
) -> None:
    if reason := missing(program):
        pytest.skip(reason)
    server = MetricServer(program, tmp_path / "store")
    sender = made(tmp_path, None, steady, server.url)
    await sender.start()
    try:
        now_ms = 1_750_000_000_000
        await sender.write([sample(now_ms)])
        assert await sender.step()
        server.kill()
        for minute in range(1, 4):
            await sender.write([sample(now_ms + minute * 60_000)])
            assert not await sender.step()
        server.restart()
        steady.now_s += 60
        while await sender.step():
            pass
        assert sender.waiting.points == 0
        server.settle()
        query = {"query": "vedette_duration[1h]", "time": str(now_ms // 1000 + 600)}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{server.url}/api/v1/query", params=query)
        (found,) = answer.json()["data"]["result"]
        assert [at for at, _ in found["values"]] == [now_ms // 1000 + 60 * minute for minute in range(4)]
    finally:
        await sender.stop()
        server.kill()


async def test_a_real_prometheus_that_takes_nothing_late_costs_only_what_is_late(
    tmp_path: Path, steady: Steady
) -> None:
    if reason := missing(PROMETHEUS):
        pytest.skip(reason)
    server = MetricServer(PROMETHEUS, tmp_path / "store", late_points="0s")
    sender = made(tmp_path, None, steady, server.url)
    await sender.start()
    try:
        now_ms = 1_750_000_000_000
        await sender.write([sample(now_ms)])
        assert await sender.step()
        await sender.write([sample(now_ms - 60_000), *[sample(now_ms + 1, check=f"ch{n}") for n in range(20)]])
        assert await sender.step()
        assert (sender.sent, sender.refused, sender.waiting.points) == (21, 1, 0)
    finally:
        await sender.stop()
        server.kill()
