from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from vedette.adapters.prometheus.client import Client, Place
from vedette.adapters.prometheus.reading import Reader
from vedette.ports.unit import StoreUnavailable

PLACE = Place(write_url="http://127.0.0.1:1/w", read_url="http://127.0.0.1:1")


def reader(answer: Callable[[httpx.Request], httpx.Response]) -> Reader:
    return Reader(Client(PLACE, httpx.MockTransport(answer)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, text="<html>hello</html>"), "answers what no Prometheus answers"),
        (httpx.Response(200, json={"data": {"result": [{"metric": 5}]}}), "answers what no Prometheus answers"),
        (httpx.Response(200, content=b"\xff{}"), "answers what no Prometheus answers"),
        (httpx.Response(302, headers={"Location": "/login"}), "answers 302"),
        (httpx.Response(401, text="who are\nyou?"), "answers 401 who are you?"),
        (httpx.Response(422, json={"error": "too many samples"}), "too many samples"),
        (httpx.Response(500, text="x" * 10_000), "answers 500 " + "x" * 300),
    ],
)
async def test_what_is_no_answer_is_said_in_one_line(answer: httpx.Response, said: str) -> None:
    for ask in (reader(lambda _: answer).points("x", 0, 1, 1), reader(lambda _: answer).series("x", 0, 1)):
        with pytest.raises(StoreUnavailable) as caught:
            await ask
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "found",
    [
        {"metric": {"statistic": "numPoints"}, "values": [[1, "one"]]},
        {"metric": {"statistic": "numPoints"}, "values": [[1, "1"]]},
        {"metric": {"statistic": "numPoints"}, "values": [[1e308, "1"]]},
        {"metric": {}, "value": [0, "none"]},
    ],
)
async def test_numbers_and_statistics_that_make_no_sense_are_no_answer(found: dict[str, object]) -> None:
    asking = reader(lambda _: httpx.Response(200, json={"data": {"result": [found]}}))
    with pytest.raises(StoreUnavailable, match="answers what no Prometheus answers"):
        await asking.rollups("x", 0, 0, 300_000)


async def test_whether_windows_hold_both_ends_is_asked_once_and_again_after_a_failure() -> None:
    asked: list[str] = []
    is_down = False

    def answer(request: httpx.Request) -> httpx.Response:
        if is_down:
            raise httpx.ConnectError("refused")
        form = dict(httpx.QueryParams(request.content.decode()))
        asked.append(form["query"])
        result = [{"metric": {}, "value": [0, "2"]}] if "vector(1)" in form["query"] else []
        return httpx.Response(200, json={"data": {"result": result}})

    asking = reader(answer)
    await asking.counts("x", 0, 0, 300_000)
    await asking.counts("x", 0, 0, 300_000)
    probe = "count_over_time(vector(1)[2s:1s])"
    assert asked == [probe, *["sum(count_over_time(x[300000ms]))"] * 2]
    is_down = True
    with pytest.raises(StoreUnavailable):
        await asking.counts("x", 0, 0, 300_000)
    is_down = False
    await asking.counts("x", 0, 0, 300_000)
    assert asked.count(probe) == 2
