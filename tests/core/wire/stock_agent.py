"""A model of the stock agent's side, with what kills it, drops it or upsets it (wire protocol, 3, 5, 6 and 17)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

GUID = "1f5a90c2-77d1-48c3-c8a9-fa163e0b1c2d"
TOKEN = "9b1c0d5ea7f24c35b2a6f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f.550123"
TYPES = frozenset(
    {
        "agent.apache", "agent.cpu", "agent.disk", "agent.filesystem", "agent.filesystem_state", "agent.load_average",
        "agent.memory", "agent.mssql_buffer_manager", "agent.mssql_database", "agent.mssql_memory_manager",
        "agent.mssql_plan_cache", "agent.mssql_sql_statistics", "agent.mssql_version", "agent.mysql", "agent.network",
        "agent.plugin", "agent.redis", "agent.windows_perfos",
    }
)  # fmt: skip
"""What it knows to run (10)."""
NO_ANSWER = "no answer in time"


class AgentDiedError(Exception):
    """What was sent would have ended the process."""


class AgentDroppedError(Exception):
    """What was sent makes it drop the connection, and stay away for a minute or for ever."""


class AgentUpsetError(Exception):
    """What was sent does no harm at once, but never has a good reason."""


class StockAgent:
    """Feed it lines; it gives the lines it answers. `running` is what it runs, by check id."""

    def __init__(self, guid: str | None = GUID, agent_id: str = "web-03.example.net", *, upgrades: bool = True) -> None:
        self.guid = guid
        self.agent_id = agent_id
        self.upgrades = upgrades
        self.is_live = False
        self.entity_id: str | None = None
        self.refused: Mapping[str, Any] | None = None
        self.running: dict[str, dict[str, Any]] = {}
        self.fetched = 0
        self.tested: list[dict[str, Any]] = []
        self._open: dict[str, Callable[[dict[str, Any]], None]] = {}
        self._counter = 0

    # -- what it sends

    def hello(self, token: str = TOKEN) -> bytes:
        """Its first line, with the number zero."""
        features = [{"name": "confd", "version": "1.0.0"}, {"name": "health", "version": "1.0.0", "disabled": True}]
        if self.upgrades:
            features.insert(0, {"name": "upgrades", "version": "1.0.0"})
        params = {
            "token": token, "agent_id": self.agent_id, "agent_name": "rackspace-monitoring-agent",
            "process_version": "2.1.10", "bundle_version": "2.6.23", "features": features,
        }  # fmt: skip
        return self._line({"id": 0, "method": "handshake.hello", "params": params})

    def beat(self, timestamp: Any = 1_718_000_000_123) -> bytes:
        return self._ask("heartbeat.post", {"timestamp": timestamp}, self._on_heartbeat)

    def post(self, params: Any) -> bytes:
        return self._ask("check_metrics.post", params, self._on_anything)

    def fetch(self) -> bytes:
        return self._ask("check_schedule.get", {"blah": 1}, self._on_schedule)

    def upload(self, files: Mapping[str, Any] | None) -> bytes:
        """Without files it says something too."""
        params: Any = {"config_data": files} if files else {"dummy": 1}
        return self._ask("config_file.post", params, self._on_files)

    def say(self, method: str, params: Any) -> bytes:
        """Anything else that some version of it sent."""
        return self._ask(method, params, self._on_anything)

    def _ask(self, method: str, params: Any, on_answer: Callable[[dict[str, Any]], None]) -> bytes:
        number = str(self._counter)
        self._counter += 1
        self._open[f"endpoint:{number}"] = on_answer
        return self._line({"id": number, "method": method, "params": params or []})

    def _line(self, members: Mapping[str, Any]) -> bytes:
        named = {} if self.guid is None else {"source": self.guid}
        return json.dumps({"v": "1", "target": "endpoint", **named, **members}).encode() + b"\n"

    # -- what it gets

    @property
    def waiting(self) -> int:
        """Requests of its own that have no answer yet: each stays in its memory for ever."""
        return len(self._open)

    def receive(self, line: bytes) -> list[bytes]:
        if not line.endswith(b"\n") or line.count(b"\n") != 1:
            raise AgentUpsetError("no line")
        message = json.loads(line)  # it ignores what does not parse, and then waits for it
        if isinstance(message, bool | int | float | list) or message is None:
            raise AgentDiedError("an attempt to index what is no table")
        if message.get("method") is not None:
            return self._request(message)
        self._response(message)
        return []

    def _request(self, message: dict[str, Any]) -> list[bytes]:
        method, params = message["method"], message.get("params")
        if not self.is_live:
            raise AgentUpsetError(f"{method} before the handshake was answered")
        if message.get("id") is None:
            raise AgentDiedError("a request without an id")
        if not isinstance(params, dict):
            raise AgentDiedError(f"{method} without params")
        answer = _ANSWERS.get(method)
        if answer is None:
            raise AgentUpsetError(f"{method}: unknown")
        self._counter += 1  # its answers use up numbers too
        answered = self._line({"id": message["id"], "result": answer(self, params)})
        return [answered, self.fetch()] if method == "check_schedule.changed" else [answered]

    def _response(self, message: dict[str, Any]) -> None:
        if message.get("source") is None or message.get("id") is None:
            raise AgentDiedError("a response without a source or an id")
        if message.get("v") != "1":
            raise AgentDroppedError(f"protocol version {message.get('v')}")
        if not self.is_live:
            self._on_hello(message)
            return
        on_answer = self._open.pop(f"{message['source']}:{message['id']}", None)
        if on_answer is None:
            raise AgentUpsetError(f"an answer to nothing: {message['id']}")
        error = message.get("error")
        if error is not None and (type(error["code"]) is not int or error["code"] != 400):
            raise AgentDroppedError(f"the error {error}")
        on_answer(message)

    def _on_hello(self, message: dict[str, Any]) -> None:
        is_ours = type(message["id"]) is int and message["id"] == 0 and message["source"] == "endpoint"
        if not is_ours or message.get("target") != self.guid:
            raise AgentDroppedError(NO_ANSWER)
        if message.get("error") is not None:
            self.refused = message["error"]
            return
        interval = message["result"]["heartbeat_interval"]
        if type(interval) is not int or interval <= 0:
            raise AgentDroppedError("invalid response from server")
        longest_pause = interval + 7 * 10.0 ** (math.floor(math.log10(interval)) - 1)
        if longest_pause >= 1.5 * interval:
            raise AgentUpsetError(f"{interval} overruns its own idle limit")
        self.is_live = True
        self.entity_id = message["result"].get("entity_id")

    def _on_heartbeat(self, message: dict[str, Any]) -> None:
        if message.get("error") is not None:
            raise AgentDroppedError("an error to a heartbeat")
        if type(message["result"]["timestamp"]) is not int:
            raise AgentDiedError("a heartbeat's answer without a time")

    def _on_anything(self, message: dict[str, Any]) -> None:
        if message.get("error") is None and message.get("result") is None:
            raise AgentUpsetError("an answer that says nothing")

    def _on_schedule(self, message: dict[str, Any]) -> None:
        if message.get("error") is not None:
            return
        checks = message["result"]["checks"]
        if not isinstance(checks, list):
            raise AgentDiedError("checks are no array")
        for check in checks:
            _look_at(check)
            if check["disabled"]:
                raise AgentUpsetError("a disabled check: it would be run")
        self.running = {check["id"]: check for check in checks}
        self.fetched += 1
        if len(self.running) != len(checks):
            raise AgentUpsetError("two checks of one id")

    def _on_files(self, message: dict[str, Any]) -> None:
        if message.get("error") is not None:
            return
        if not isinstance(message["result"].get("values"), list):
            raise AgentDiedError("values are no array")
        for value in message["result"]["values"]:
            if not all(isinstance(value[name], str) for name in ("type", "location", "handle")):
                raise AgentDiedError("an outcome that cannot be logged")

    # -- what it answers

    def _acknowledge(self, _params: dict[str, Any]) -> Any:
        return []

    def _types(self, _params: dict[str, Any]) -> Any:
        return {"types": ["CPU", "MEMORY"]}

    def _upgrade(self, _params: dict[str, Any]) -> Any:
        if not self.upgrades:
            raise AgentUpsetError("an upgrade that is switched off would be made")
        return []

    def _host_info(self, params: dict[str, Any]) -> Any:
        if params["type"] != params["type"].upper():
            raise AgentUpsetError(f"host info {params['type']}")
        return {"timestamp": 1_718_000_100_000, "metrics": []}

    def _targets(self, params: dict[str, Any]) -> Any:
        if not isinstance(params.get("type"), str):
            raise AgentUpsetError("targets of nothing: it would never answer")
        return {"targets": ["lo"]}

    def _test(self, params: dict[str, Any]) -> Any:
        if not isinstance(params["checkParams"], str):
            raise AgentUpsetError("checkParams are no text: it would never answer")
        check = json.loads(params["checkParams"])
        _look_at(check)
        self.tested.append(check)
        return {"state": "available", "status": "success", "metrics": [[None, []]]}


def _look_at(check: dict[str, Any]) -> None:
    if type(check["period"]) is not int:
        raise AgentDiedError(f"a period that is no number: {check['period']}")
    if not isinstance(check.get("details"), dict):
        raise AgentDiedError("a check without details")
    if check["type"] not in TYPES:
        raise AgentDiedError(f"{check['type']} is unknown: tested, it kills it")
    if check["type"] == "agent.redis" and "hostname" in check["details"] and "host" not in check["details"]:
        raise AgentUpsetError("it looks for the host of Redis, not for its hostname")


_ANSWERS: Mapping[str, Callable[[StockAgent, dict[str, Any]], Any]] = {
    "check_schedule.changed": StockAgent._acknowledge,  # noqa: SLF001 - the table belongs to the class
    "upgrade.request": StockAgent._upgrade,  # noqa: SLF001
    "host_info.get": StockAgent._host_info,  # noqa: SLF001
    "host_info_types.get": StockAgent._types,  # noqa: SLF001
    "system.info": StockAgent._acknowledge,  # noqa: SLF001
    "check.targets": StockAgent._targets,  # noqa: SLF001
    "check.test": StockAgent._test,  # noqa: SLF001
}
