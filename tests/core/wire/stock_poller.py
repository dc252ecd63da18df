"""A model of the stock poller's side, with what kills it or ends its session (wire protocol, 3.2, 8.2 and 17)."""

from __future__ import annotations

import json
from typing import Any

GUID = "0b8f2f9e-3c56-4d0e-9d6b-0c1a5f1e7a11"


RUNS = frozenset({"remote.http", "remote.tcp", "remote.ping"})
HOST_INFO = frozenset({"MEMORY", "CPU", "FILESYSTEM", "SYSTEM", "PROCS"})


class PollerDiedError(Exception):
    """What was sent would have ended the process, or its session."""


class PollerUpsetError(Exception):
    """What was sent makes it flood us, or is never answered."""


class StockPoller:
    """Feed it lines; it gives the lines it answers. `running` is what it was made to run, by check id."""

    def __init__(self) -> None:
        self.running: dict[str, dict[str, Any]] = {}
        self._prepare_id: int | None = None
        self._version = 0
        self._manifest: dict[str, str] = {}
        self._defined: dict[str, dict[str, Any]] = {}
        self._is_ended = False
        self.is_live = False
        self.refused: dict[str, Any] | None = None
        self.tested: list[dict[str, Any]] = []
        self._hello_id: int | None = None

    def hello(self, token: str = "9b1c0d5e.550123") -> bytes:
        """Its first line."""
        self._hello_id = 1
        params = {
            "token": token, "agent_id": "rack7-poller", "agent_name": "remote_poller", "process_version": "0.2.40",
            "bundle_version": "0.2.40", "zone_ids": ["pzA1b2C3d4"], "features": [{"name": "poller", "disabled": False}],
        }  # fmt: skip
        return request(1, "handshake.hello", params)

    def receive(self, line: bytes) -> list[bytes]:
        message = json.loads(line)
        if type(message["id"]) is not int or message["id"] < 0:
            raise PollerDiedError(f"the id {message['id']} ends the session")
        for name in ("v", "source", "target", "method"):
            if not isinstance(message.get(name, ""), str):
                raise PollerDiedError(f"{name} is no text: ends the session")
        if not message.get("method"):
            self._answered(message)
            return []
        if message["id"] < 10**9:
            raise PollerDiedError(f"the id {message['id']} takes the place of one of its own")
        handler = {
            "poller.prepare": self._prepare,
            "poller.prepare.block": self._block,
            "poller.prepare.end": self._end,
            "poller.commit": self._commit,
            "check.test": self._test,
            "host_info.get": self._host_info,
        }.get(message["method"])
        if handler is None:
            raise PollerUpsetError(f"{message['method']}: it knows no such method")
        return handler(message["id"], message["params"])

    def _answered(self, message: dict[str, Any]) -> None:
        error = message.get("error")
        if error is not None and (type(error["code"]) is not int or error["code"] < 0):
            raise PollerDiedError("an error's code that is no number ends the session")
        if self._hello_id is None or message["id"] != self._hello_id:
            return
        if self.is_live and error is None:
            raise PollerDiedError("a second good answer to the handshake")
        self.refused = error
        interval = None if error is not None else message["result"].get("heartbeat_interval")
        if error is None and (type(interval) is not int or interval <= 0):
            raise PollerUpsetError(f"a heartbeat_interval of {interval}: it beats as fast as it can")
        self.is_live = error is None

    def _test(self, number: int, params: dict[str, Any]) -> list[bytes]:
        if not isinstance(params["checkParams"], str):
            return [request_failed(number)]
        check = json.loads(params["checkParams"])
        self._look_at(check)
        self.tested.append(check)
        result = {"check_id": check["id"], "metrics": [[None, {}]], "state": "available", "status": "success"}
        return [reply(number, result)]

    def _host_info(self, number: int, params: dict[str, Any]) -> list[bytes]:
        if params["type"] not in HOST_INFO:
            raise PollerUpsetError(f"{params['type']}: never answered")
        return [reply(number, {"timestamp": 1_718_000_100_000, "metrics": None})]

    @staticmethod
    def _look_at(check: dict[str, Any]) -> None:
        if not isinstance(check.get("details"), dict):
            raise PollerDiedError("a check without details")
        if check["type"] not in RUNS | {"agent.plugin"}:
            raise PollerUpsetError(f"{check['type']}: cannot be built, is never run")
        if type(check["timeout"]) is not int or check["timeout"] <= 0 or type(check["period"]) is not int:
            raise PollerUpsetError("a timeout of nothing fails each time")
        if check["type"] == "remote.tcp" and type(check["details"].get("port")) is not int:
            raise PollerUpsetError("a port that is no number: cannot be built")

    def _prepare(self, number: int, params: dict[str, Any]) -> list[bytes]:
        version, replies = params["version"], []
        if version <= 0:
            return [answer(number, version, "ignored", "version older than newest committed")]
        if self._prepare_id is not None:
            if version < self._version:
                return [answer(number, version, "ignored", "version older than active preparation")]
            if version > self._version:
                replies.append(answer(self._prepare_id, self._version, "ignored", "superseded"))
            self._clear()
        for entry in params["manifest"]:
            action, check_id = entry["action"], entry["check_id"]
            if action not in {"start", "restart", "continue"}:
                return [*replies, answer(number, version, "failed", f"unknown action {action} of {check_id}")]
            if action != "start" and check_id not in self.running:
                return [*replies, answer(number, version, "failed", f"{check_id} is not running")]
        self._prepare_id, self._version = number, version
        self._manifest = {entry["check_id"]: entry["action"] for entry in params["manifest"]}
        return replies

    def _block(self, number: int, params: dict[str, Any]) -> list[bytes]:
        if self._prepare_id is None or params["version"] != self._version:
            return []
        if self._is_ended:
            raise PollerDiedError("a block after a good end")
        self._defined |= {check["id"]: check for check in params["block"]}
        return []

    def _end(self, number: int, params: dict[str, Any]) -> list[bytes]:
        if self._prepare_id is None:
            if params["directive"] != "prepare":
                raise PollerDiedError("an abort with nothing being prepared")
            return [answer(number, params["version"], "failed", "no active preparation")]
        if params["version"] != self._version:
            return [answer(self._prepare_id, self._version, "failed", "wrong version")]
        if self._is_ended:
            raise PollerDiedError("a second end")
        wanted = {key for key, action in self._manifest.items() if action != "continue"}
        if self._defined.keys() - self._manifest.keys():
            return [answer(self._prepare_id, self._version, "failed", "defined but not declared")]
        if wanted - self._defined.keys():
            return [answer(self._prepare_id, self._version, "failed", "declared but not defined")]
        self._is_ended = True
        return [answer(self._prepare_id, self._version, "prepared", "")]

    def _commit(self, number: int, params: dict[str, Any]) -> list[bytes]:
        if self._prepare_id is None or params["version"] != self._version:
            return [answer(number, params["version"], "ignored", "non-applicable version")]
        if not self._is_ended:
            raise PollerDiedError("a commit before the end")
        for check in self._defined.values():
            self._look_at(check)
        self.running = {key: self._defined.get(key) or self.running[key] for key in self._manifest}
        replies = [answer(number, self._version, "committed", "")]
        self._clear()
        return replies

    def _clear(self) -> None:
        self._prepare_id, self._version, self._manifest, self._defined, self._is_ended = None, 0, {}, {}, False

    def forget_preparation(self) -> None:
        """Its connection is gone; what runs goes on while there is another."""
        self._clear()

    def time_out(self) -> list[bytes]:
        """60 s without an end."""
        if self._prepare_id is None or self._is_ended:
            return []
        replies = [answer(self._prepare_id, self._version, "failed", "timer expired")]
        self._clear()
        return replies


def reply(number: int, result: Any) -> bytes:
    """An answer as the stock poller writes it."""
    message = {"v": "1", "id": number, "target": "endpoint", "source": GUID, "result": result}
    return json.dumps(message).encode() + b"\r\n"


def request_failed(number: int) -> bytes:
    error = {"code": 1, "message": "cannot interpret the check"}
    return json.dumps({"v": "1", "id": number, "target": "endpoint", "source": GUID, "error": error}).encode() + b"\r\n"


def answer(number: int, version: int, status: str, details: str) -> bytes:
    result = {"zone_id": "pzA1b2C3d4", "version": version, "status": status, "details": details}
    return (
        json.dumps({"v": "1", "id": number, "target": "endpoint", "source": GUID, "result": result}).encode() + b"\r\n"
    )


def request(number: int, method: str, params: Any) -> bytes:
    """A line as the stock poller writes it."""
    message = {"v": "1", "id": number, "target": "endpoint", "source": GUID, "method": method, "params": params}
    return json.dumps(message).encode() + b"\r\n"
