"""Both kinds of real metric store, one of each for all tests of a process; tests use checks of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.doors.prometheus.metric_servers import STORES, MetricServer, missing


@pytest.fixture(scope="session", params=STORES)
def metric_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricServer]:
    reason = missing(request.param)
    if reason is not None:
        pytest.skip(reason)
    server = MetricServer(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield server
    finally:
        server.kill()
