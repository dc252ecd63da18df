"""A bare agent that also answers what the server asks, as stock agents do, by a thread of its own."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import Any

from tests.acceptance.bare_agent import BareAgent, RefusedError

AT = 1_718_000_100_000
CPU = {
    "name": "cpu.0",
    "vendor": "Intel",
    "model": "Xeon",
    "mhz": 2400,
    "total_cores": 1,
    "total_sockets": 1,
    "user": 100,
    "sys": 50,
    "idle": 900,
    "nice": 0,
    "wait": 3,
    "irq": 0,
    "soft_irq": 1,
    "stolen": 0,
    "total": 1054,
}
HOST_INFO: dict[str, Any] = {
    "CPU": [CPU],
    "DISK": [{"name": "/dev/xvda", "reads": 23758, "writes": 2056309, "read_bytes": 213685248, "time": 458360}],
    "FILESYSTEM": [
        {
            "dir_name": "/",
            "dev_name": "/dev/xvda",
            "sys_type_name": "ext4",
            "options": "rw",
            "free": 9095192,
            "used": 10389956,
            "avail": 8105396,
            "total": 19485148,
            "files": 1237888,
            "free_files": 990331,
        }
    ],
    "MEMORY": {
        "total": 8201478144,
        "free": 402178048,
        "used": 7799300096,
        "actual_free": 5120000000,
        "swap_total": 0,
        "actual_used": 3081478144,
        "ram": 7824,
        "swap_free": 0,
        "swap_used": 0,
    },
    "NETWORK": [{"name": "lo", "type": "Local Loopback", "rx_bytes": 92488304, "tx_bytes": 92488304, "flags": 73}],
    "NIL": [],
    "PROCS": [{"pid": 1, "exe_name": "/sbin/init", "state_name": "init", "memory_size": 24387584}],
    "SYSTEM": [{"name": "Linux", "arch": "x86_64", "version": "6.1.0-18-amd64", "vendor": "Debian"}],
    "WHO": [{"user": "testuser", "device": "tty1", "time": 1353953846}],
}
METRICS = [[None, {"total": {"t": "int64", "v": "41020640", "u": "kilobytes"}}], ["eth0", []]]


class AnsweringAgent(BareAgent):
    """`mute`: methods that are not answered, as by a client that does not know them; `deadly`: it goes when asked."""

    deadly: frozenset[str] = frozenset()

    def __init__(self, address: tuple[str, int], ca_file: Path, token: str, agent_id: str, *mute: str) -> None:
        self.asked: list[dict[str, Any]] = []
        self._mute = mute
        self._reader: threading.Thread | None = None
        self._answers: Queue[dict[str, Any] | None] = Queue()
        super().__init__(address, ca_file, token, agent_id)
        self._reader = threading.Thread(target=self._read, name="answering agent", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Below TLS first: that wakes who reads."""
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()
        super().close()

    def answer(self, number: int) -> Any:
        if self._reader is None:  # still shaking hands
            return super().answer(number)
        while (message := self._answers.get(timeout=30)) is not None:
            if message.get("id") == number:
                if message.get("error"):
                    raise RefusedError(json.dumps(message["error"]))
                return message["result"]
        raise ConnectionResetError("the server closed the connection")

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # closed while it was read
            for line in self._lines:
                message = json.loads(line)
                if "method" in message:
                    self._serve(message)
                else:
                    self._answers.put(message)
        self._answers.put(None)

    def _serve(self, question: dict[str, Any]) -> None:
        self.asked.append(question)
        if question["method"] in self.deadly:
            self.close()
            return
        result = _result(question["method"], question["params"])
        if question["method"] not in self._mute and result is not None:
            line = {"v": "1", "id": question["id"], "source": self._name, "target": "endpoint", "result": result}
            self.send(json.dumps(line).encode() + b"\n")


def _result(method: str, params: dict[str, Any]) -> Any:
    """None: no answer."""
    match method:
        case "host_info_types.get":
            return {"types": sorted(HOST_INFO)}
        case "host_info.get" if params["type"] in HOST_INFO:
            return {"timestamp": AT, "metrics": HOST_INFO[params["type"]]}
        case "host_info.get":
            return {"timestamp": AT, "metrics": [], "error": "Agent does not support this Host Info type"}
        case "check.targets":
            return {"targets": ["/", "/proc"]} if params["type"] == "agent.filesystem" else []
        case "check.test":
            json.loads(params["checkParams"])
            return {"state": "available", "status": "success", "metrics": METRICS}
        case "check_schedule.changed" | "upgrade.request":
            return []
        case _:
            return None
