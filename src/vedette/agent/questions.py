"""What the server asks about this host, answered from the host itself (wire protocol, 5.3, 5.4, 6.4 to 6.6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from vedette.agent.checks.plugin import limit_s, plugins
from vedette.agent.checks.running import PLUGIN, SYSTEM_ERRORS, TYPES, Checks
from vedette.agent.host.targets import TARGETS as HAVE_TARGETS
from vedette.agent.host_info import known_types, look
from vedette.agent.host_info.system import system_info
from vedette.agent.threads import in_thread
from vedette.wire.answers import HOST_INFO, HOST_INFO_TYPES, SYSTEM_INFO, TARGETS, TEST
from vedette.wire.envelope import DECODE_ERRORS, MalformedMessage, Request
from vedette.wire.framing import KNOWN_PEER_LINE_BYTES
from vedette.wire.messages import ScheduledCheck, read_params
from vedette.wire.moment import Moment

MOST_AT_ONCE = 4
MOST_WAITING = 32
LIMIT_S = 60.0
"""Of a look at the host; a check that is tried has its own."""
LONGEST_TEST_S = 300.0
LONGEST_ANSWER = KNOWN_PEER_LINE_BYTES - 65_536
UNKNOWN_TYPE = "Agent does not support this Host Info type"
_REFUSALS = (MalformedMessage, *SYSTEM_ERRORS)
log = logging.getLogger("vedette.agent")


class Asker(Protocol):
    """The connection that a question came by."""

    def answer(self, request: Request, result: Any) -> None: ...

    def refuse(self, request: Request, problem: str) -> None: ...


class _TypeParams(msgspec.Struct, frozen=True):
    type: str


class _TestParams(msgspec.Struct, frozen=True):
    checkParams: str  # noqa: N815 - the protocol's word


class _Tried(msgspec.Struct, frozen=True):
    """A check as the server describes it; what is not there does not matter."""

    type: str
    id: str = "chTest"
    period: int = 60
    timeout: int = 30
    details: dict[str, Any] | list[Any] | None = None


_type = msgspec.json.Decoder(_TypeParams)
_test = msgspec.json.Decoder(_TestParams)
_tried = msgspec.json.Decoder(_Tried)
_encode = msgspec.json.Encoder().encode


class Questions:
    """Answers a few at a time; what is asked beyond that waits, and is refused when too much waits."""

    def __init__(self, checks: Checks, plugin_directory: Path, now: Callable[[], Moment]) -> None:
        self._checks = checks
        self._plugin_directory = plugin_directory
        self._now = now
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, request: Request, asker: Asker) -> None:
        """`asker` gets the answer, sooner or later."""
        if len(self._tasks) >= MOST_WAITING:
            asker.refuse(request, f"{MOST_WAITING} questions are waiting already")
            return
        task = asyncio.get_running_loop().create_task(self._answer(request, asker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _answer(self, request: Request, asker: Asker) -> None:
        try:
            async with self._room:
                text = _encode(_plain(await _ANSWERS[request.method](self, request)))
            if len(text) > LONGEST_ANSWER:
                raise ValueError(f"the answer is longer than {LONGEST_ANSWER} bytes")
        except _REFUSALS as error:
            asker.refuse(request, f"{request.method}: {str(error) or type(error).__name__}")
        else:
            asker.answer(request, msgspec.Raw(text))

    async def _host_info(self, request: Request) -> Any:
        """What cannot be read is told beside an empty result, as stock agents do."""
        wanted = read_params(_type, request.params).type
        if wanted not in known_types():
            return self._told([], UNKNOWN_TYPE)
        try:
            async with asyncio.timeout(LIMIT_S):
                return self._told(await in_thread(lambda: look(wanted)), None)
        except TimeoutError:
            return self._told([], f"This host did not tell within {LIMIT_S:g} s")
        except SYSTEM_ERRORS as error:
            return self._told([], str(error) or type(error).__name__)

    def _told(self, metrics: Any, error: str | None) -> dict[str, Any]:
        told = {"timestamp": self._now().wall_ms, "metrics": metrics}
        return told if error is None else told | {"error": error}

    async def _types(self, _request: Request) -> Any:
        return {"types": known_types()}

    async def _system(self, _request: Request) -> Any:
        return await in_thread(system_info)

    async def _targets(self, request: Request) -> Any:
        """An empty list for a type that has none, as stock agents do."""
        wanted = read_params(_type, request.params).type
        if wanted == PLUGIN:
            return {"targets": await in_thread(lambda: plugins(self._plugin_directory))}
        find = HAVE_TARGETS.get(wanted)
        return [] if find is None else {"targets": await in_thread(find)}

    async def _try(self, request: Request) -> Any:
        """Runs the check itself; what it reads is told and not posted."""
        check = _check_of(read_params(_test, request.params).checkParams)
        log.info("trying a check of type %s", check.type)
        return (await self._checks.run(check, is_test=True)).told()


def _check_of(text: str) -> ScheduledCheck:
    try:
        found = _tried.decode(text)
    except DECODE_ERRORS as error:
        raise MalformedMessage(f"checkParams: {error}"[:300]) from None
    if found.type not in TYPES:
        raise MalformedMessage(f"this agent does not know the check type {found.type[:64]}")
    details = found.details if isinstance(found.details, dict) else {}
    check = ScheduledCheck(
        id=found.id, type=found.type, period=found.period, timeout=found.timeout, disabled=False, details=details
    )
    if found.timeout < 1 or max(found.timeout, limit_s(check)) > LONGEST_TEST_S:
        raise MalformedMessage(f"timeout: expected 1 to {LONGEST_TEST_S:g} s")
    return check


def _plain(value: Any) -> Any:
    """The same in text that JSON can hold: names of files may be any bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


_ANSWERS: Mapping[str, Callable[[Questions, Request], Awaitable[Any]]] = MappingProxyType(
    {
        HOST_INFO: Questions._host_info,  # noqa: SLF001 - the table belongs to the class
        HOST_INFO_TYPES: Questions._types,  # noqa: SLF001
        SYSTEM_INFO: Questions._system,  # noqa: SLF001
        TARGETS: Questions._targets,  # noqa: SLF001
        TEST: Questions._try,  # noqa: SLF001
    }
)
