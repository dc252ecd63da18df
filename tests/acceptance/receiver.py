"""A receiver of webhooks that keeps what it gets."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_never = threading.Event()


class Receiver:
    """Listens on a free port of its own from the beginning of the block to its end."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        """In the order in which they came."""
        self.came = threading.Event()
        """Set by each request, before it is answered."""
        self.may_answer = threading.Event()
        """Answers wait for it; set unless a test clears it."""
        self.may_answer.set()
        self.answer_after_s = 0.0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.may_answer.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/told"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in list(self.bodies)]

    @property
    def states(self) -> list[str]:
        return [event["details"]["state"] for event in self.events]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # the server was killed while it sent
                self.close_connection = True
                return
            receiver.bodies.append(body)
            receiver.came.set()
            receiver.may_answer.wait()
            _never.wait(receiver.answer_after_s)
            try:
                self.send_response(204)
                self.end_headers()
            except OSError:  # the server was killed while it waited
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """A test's output is its assertions."""

    return Handler
