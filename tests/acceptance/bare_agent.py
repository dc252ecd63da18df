"""A bare agent: one TLS connection that speaks the agent protocol line by line, as fast as it is told to."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class RefusedError(Exception):
    """The server said no; the text is its error."""


def tls_to(address: tuple[str, int], ca_file: Path) -> ssl.SSLSocket:
    """A connection to an agent endpoint that trusts its CA and nobody else."""
    context = ssl.create_default_context(cafile=str(ca_file))
    raw = socket.create_connection(address, timeout=10)
    try:
        connection = context.wrap_socket(raw, server_hostname=address[0])
    except BaseException:
        raw.close()
        raise
    connection.settimeout(30)
    return connection


class BareAgent:
    """Connects and shakes hands when it is made. Raises `OSError` when the connection is lost."""

    def __init__(self, address: tuple[str, int], ca_file: Path, token: str, agent_id: str) -> None:
        self._socket = tls_to(address, ca_file)
        self._lines = self._socket.makefile("rb")
        self._number = 0
        self._name = f"guid-of-{agent_id}"
        me = {"token": token, "agent_id": agent_id, "agent_name": "bare", "process_version": "1", "bundle_version": "1"}
        try:
            self.welcome = self.ask("handshake.hello", me)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def post(self, check_id: str, **metrics: int) -> None:
        """Returns when the server has acknowledged it."""
        self.answer(self.send_post(check_id, **metrics))

    def send_post(self, check_id: str, at_ms: int | None = None, **metrics: int) -> int:
        """Sends it without waiting; the number of the answer to wait for."""
        named = {name: {"t": "int64", "v": str(value), "u": "count"} for name, value in metrics.items()}
        params = {
            "check_id": check_id,
            "check_type": "agent.memory",
            "state": "available",
            "status": "success",
            "timestamp": at_ms,
            "metrics": [[None, named]],
        }
        return self._send("check_metrics.post", params)

    def send(self, data: bytes) -> None:
        """Anything."""
        self._socket.sendall(data)

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The result. Raises `RefusedError`."""
        return self.answer(self._send(method, params))

    def answer(self, number: int) -> Any:
        """The result of a request; those of others that come before it are passed over. Raises `RefusedError`."""
        while True:
            line = self._lines.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError("the server closed the connection")
            message = json.loads(line)
            if message.get("id") == number and "method" not in message:
                if message.get("error"):
                    raise RefusedError(json.dumps(message["error"]))
                return message["result"]

    def is_closed_by_server(self) -> bool:
        """Reads to the end; false when the connection stays open for as long as its time limit."""
        return is_closed_by_peer(self._socket)

    def _send(self, method: str, params: dict[str, Any]) -> int:
        self._number += 1
        ends = {"source": self._name, "target": "endpoint"}
        self.send(
            json.dumps({"v": "1", "id": self._number, **ends, "method": method, "params": params}).encode() + b"\n"
        )
        return self._number


def is_closed_by_peer(connection: socket.socket) -> bool:
    """Reads to the end; false when the connection stays open for as long as its time limit."""
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass  # cut instead of closed
    return True
