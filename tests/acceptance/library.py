"""The client library of the field, rackspace-monitoring 0.8.1, unmodified, and what its tests share."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rackspace_monitoring.providers import get_driver
from rackspace_monitoring.types import Provider

from tests.acceptance.server import Server

EVER = 9_999_999_999_999
CRITERIA = 'if (metric["code"] == "404") { return new AlarmStatus(CRITICAL); } return new AlarmStatus(OK, "fine");'
Driver = Any  # the library carries no types
MARKS = [
    # The library leaves each connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def connected(server: Server, api_key: str | None = None) -> Driver:
    """As its documentation says, with another address to log in at."""
    credentials = server.credentials
    return get_driver(Provider.RACKSPACE)(
        credentials["username"],
        api_key or credentials["api_key"],
        ex_force_auth_url=f"{credentials['identity_url']}/tokens",
        secure=False,
    )


@contextmanager
def target() -> Iterator[int]:
    """The port of a web server that answers 404 to everything."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """A test's output is its assertions."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield web.server_address[1]
        finally:
            web.shutdown()
            thread.join()


def fault_of(call: Callable[[], object]) -> dict[str, Any]:
    """What the library passes on of a fault other than 400: a bare exception with the answer's body."""
    with pytest.raises(Exception, check=lambda raised: isinstance(raised.args[0], dict)) as raised:
        call()
    fault: dict[str, Any] = raised.value.args[0]
    return fault
