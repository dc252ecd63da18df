import asyncio
import random
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from tests.core.collector.cast import Server, observed
from vedette.collector.reporting import BATCH, Reporter
from vedette.domain.observations import Observation


def reporter(server: Server, kept: int = 10_000) -> Reporter:
    return Reporter(server, random.Random(1).random, kept)


async def run_for(reporter: Reporter, seconds: float) -> None:
    task = asyncio.create_task(reporter.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait([task])


async def test_what_is_added_is_reported_at_once() -> None:
    server, loop = Server(), asyncio.get_running_loop()
    reports = reporter(server)
    began = loop.time()
    task = asyncio.create_task(reports.run())
    reports.add(observed())
    await reports.drained()

    assert loop.time() - began < 0.05
    assert server.observations == [observed()]
    task.cancel()


async def test_what_comes_while_one_report_is_under_way_goes_with_the_next_in_order() -> None:
    server = Server()
    reports = reporter(server)
    task = asyncio.create_task(reports.run())
    reports.add(observed(0))
    await asyncio.sleep(0.005)
    for number in range(1, 2 * BATCH):
        reports.add(observed(number))
    await reports.drained()

    assert server.batches == [1, BATCH, BATCH - 1]
    assert [observation.at_ms for observation in server.observations] == list(range(2 * BATCH))
    task.cancel()


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("broken"), asyncio.CancelledError()])
async def test_what_could_not_be_reported_is_kept_and_tried_again_less_and_less_often(error: Exception) -> None:
    server = Server()
    server.error = error
    reports = reporter(server)
    reports.add(observed())
    await run_for(reports, 60)
    attempts = server.attempts

    assert 60 / 5 <= attempts < 40
    assert len(reports) == 1

    server.error = None
    await run_for(reports, 6)

    assert server.observations == [observed()]
    assert len(reports) == 0


async def test_the_log_does_not_show_what_an_error_says() -> None:
    server = Server()
    server.error = OSError("postgresql://user:password@host")
    reports = reporter(server)
    reports.add(observed())
    with capture_logs() as logs:
        await run_for(reports, 1)

    assert logs
    assert "password" not in repr(logs)
    assert logs[0]["failure"] == "OSError"


async def test_more_than_is_kept_gives_up_the_oldest_and_says_how_many() -> None:
    server = Server()
    reports = reporter(server, kept=10)
    for number in range(25):
        reports.add(observed(number))
    with capture_logs() as logs:
        await run_for(reports, 1)

    assert [observation.at_ms for observation in server.observations] == list(range(15, 25))
    assert [entry["count"] for entry in logs if "given up" in entry["event"]] == [15]


async def test_observations_given_up_during_a_report_do_not_take_others_with_them() -> None:
    reports: Reporter

    class Flooded(Server):
        async def __call__(self, observations: Sequence[Observation]) -> None:
            if not self.observations:
                for number in range(100, 107):
                    reports.add(observed(number))
            await super().__call__(observations)

    server = Flooded()
    reports = reporter(server, kept=10)
    for number in range(10):
        reports.add(observed(number))
    await run_for(reports, 1)

    assert [observation.at_ms for observation in server.observations] == [*range(10), *range(100, 107)]


async def test_a_report_cut_short_by_the_stop_stays_unsent() -> None:
    reports = reporter(server := Server())
    reports.add(observed())
    await run_for(reports, 0.005)

    assert len(reports) == 1
    assert server.observations == []
