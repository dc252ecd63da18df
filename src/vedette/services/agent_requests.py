"""Asking agents, whichever process has them (wire protocol, 5.3 to 6.8): `ports.agent_requests.AskAgent`.

A request goes by one connection. When that one is gone before anything was sent the next is tried; once it was sent it
is not sent again, for what made one connection fail may make them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import msgspec

from vedette.domain.faults import Fault
from vedette.domain.host_info import shown_name, wire_name
from vedette.ports.agent_requests import HostInfo
from vedette.ports.agents import Connection
from vedette.ports.clock import Clock
from vedette.ports.probing import Assignment, ProbeResult
from vedette.ports.process_requests import AskProcess, ProcessGone
from vedette.services.agent_inquiries import Inquiries, Inquiry, received, sent
from vedette.services.agent_replies import NOT_CONNECTED, Outcome, Reply
from vedette.services.agent_schedule import translated
from vedette.wire.answers import (
    HOST_INFO,
    HOST_INFO_TYPES,
    TARGETS,
    TEST,
    UPGRADE,
    host_info_of,
    targets_of,
    tried_of,
    types_of,
)
from vedette.wire.envelope import MalformedMessage
from vedette.wire.messages import BUFFERS, ScheduledCheck

LIMIT_MS = 30_000
SLOW_LIMIT_MS = 90_000
SLOW_TYPES = frozenset({"CVE", "LSHW", "MAGENTO", "PACKAGES", "WORDPRESS"})
"""Host info that takes an agent up to a minute to gather."""
TEST_MARGIN_MS = 10_000
"""On top of a check's own time limit: a stock agent samples its CPUs for 5 s, whatever that limit is."""
TRAVEL_S = 5.0
"""How much longer than the agent's limit another process may take."""
POLLER = "poller"
POLLERS_TYPES = frozenset({"CPU", "FILESYSTEM", "MEMORY", "PROCS", "SYSTEM"})
"""All the host info that pollers know; to the rest they say nothing at all."""
UPGRADES = "upgrades"
SINCE = {"agent.filesystem_state": (2, 5, 9)}
"""Check type -> the first version of stock agents that surely knows it; to try one that it does not know ends it."""
_MOST_TRIED = 4
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}")
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


class AgentRequests:
    """One a process; `ask_process` reaches the agents of the others."""

    def __init__(self, inquiries: Inquiries, process_id: str, ask_process: AskProcess, clock: Clock) -> None:
        self._inquiries = inquiries
        self._process_id = process_id
        self._ask_process = ask_process
        self._clock = clock

    async def host_info(self, connections: Sequence[Connection], type: str) -> HostInfo:
        wanted = wire_name(type)
        able = [one for one in connections if POLLER not in one.features or wanted in POLLERS_TYPES]
        limit_ms = SLOW_LIMIT_MS if wanted in SLOW_TYPES else LIMIT_MS
        result = await self._result(connections, able, HOST_INFO, {"type": wanted}, limit_ms)
        found = _read(host_info_of, result)
        metrics = _only_one(found.metrics) if wanted == "SYSTEM" else found.metrics
        return HostInfo(timestamp=found.timestamp_ms or self._clock(), info=metrics, error=found.error)

    async def host_info_types(self, connections: Sequence[Connection]) -> HostInfo:
        result = await self._result(connections, _agents(connections), HOST_INFO_TYPES, {}, LIMIT_MS)
        return HostInfo(timestamp=self._clock(), info={"types": [shown_name(name) for name in _read(types_of, result)]})

    async def targets(self, connections: Sequence[Connection], check_type: str) -> Sequence[str]:
        result = await self._result(connections, _agents(connections), TARGETS, {"type": check_type}, LIMIT_MS)
        return _read(targets_of, result)

    async def run(self, connections: Sequence[Connection], assignment: Assignment) -> ProbeResult:
        agents = connections if assignment.check_type == "agent.plugin" else _agents(connections)
        able = [one for one in agents if _knows(one, assignment.check_type)]
        if agents and not able:
            raise _cannot(_too_old(agents[0].agent_id, assignment.check_type))
        params = {"checkParams": _encode(_described(assignment)).decode()}
        limit_ms = assignment.timeout_s * 1000 + TEST_MARGIN_MS
        found = _read(tried_of, await self._result(connections, able, TEST, params, limit_ms))
        return ProbeResult(available=found.available, status=found.status, metrics=found.metrics)

    async def upgrade(self, connections: Sequence[Connection]) -> None:
        able = [one for one in connections if UPGRADES in one.features]
        await self._result(connections, able, UPGRADE, {}, LIMIT_MS)

    async def _result(
        self,
        connections: Sequence[Connection],
        able: Sequence[Connection],
        method: str,
        params: dict[str, Any],
        limit_ms: int,
    ) -> bytes:
        """What one of the able says. Raises what the caller is to see."""
        agent_id = connections[0].agent_id
        if not able:
            raise _cannot(f"Agent {agent_id} does not know {method}")
        reply = NOT_CONNECTED
        for connection in sorted(able, key=self._order)[:_MOST_TRIED]:
            inquiry = Inquiry(
                tenant_id=connection.tenant_id,
                agent_id=agent_id,
                connection_id=connection.id,
                method=method,
                params=params,
                limit_ms=limit_ms,
            )
            reply = await self._ask(connection.process_id, inquiry)
            if reply.outcome is not Outcome.NOT_CONNECTED:
                break
        if reply.outcome is not Outcome.ANSWERED:
            _refuse(reply, inquiry)
        return bytes(reply.result)

    def _order(self, connection: Connection) -> tuple[bool, int]:
        """Our own first, then the newest: it is the least likely to be half open."""
        return connection.process_id != self._process_id, -connection.since_ms

    async def _ask(self, process_id: str, inquiry: Inquiry) -> Reply:
        if process_id == self._process_id:
            return await self._inquiries.ask(inquiry)
        try:
            answer = await self._ask_process(process_id, sent(inquiry), inquiry.limit_ms / 1000 + TRAVEL_S)
        except ProcessGone:
            return NOT_CONNECTED
        except TimeoutError:
            return Reply(outcome=Outcome.UNANSWERED)
        return received(answer)


def _agents(connections: Sequence[Connection]) -> Sequence[Connection]:
    """Without pollers: what they do not know they never answer."""
    return [one for one in connections if POLLER not in one.features]


def _knows(connection: Connection, check_type: str) -> bool:
    is_young = _version(connection.bundle_version) >= SINCE.get(check_type, ())
    return is_young or BUFFERS in connection.features


def _too_old(agent_id: str, check_type: str) -> str:
    since = ".".join(map(str, SINCE[check_type]))
    return f"Agent {agent_id} is too old for {check_type}; expected {since} or later"


def _version(text: str) -> tuple[int, ...]:
    """`2.6.23-1` -> 2, 6, 23; what is not written so is the oldest."""
    found = _VERSION.match(text)
    return () if found is None else tuple(int(part) for part in found[0].split("."))


def _described(assignment: Assignment) -> ScheduledCheck:
    """Complete: a stock agent dies of a check without details."""
    return ScheduledCheck(
        id=assignment.check_id,
        type=assignment.check_type,
        period=assignment.period_s,
        timeout=assignment.timeout_s,
        disabled=False,
        details=translated(assignment.check_type, dict(assignment.details)),
    )


def _only_one(metrics: msgspec.Raw) -> Any:
    """Agents tell of their system in a list of one; the reference shows the object."""
    found = msgspec.json.decode(metrics)
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _read(reader: Callable[[bytes], T], result: bytes) -> T:
    try:
        return reader(result)
    except MalformedMessage as error:
        raise Fault("systemFailureError", "The agent's answer makes no sense", str(error)) from None


def _refuse(reply: Reply, inquiry: Inquiry) -> NoReturn:
    agent, method = f"Agent {inquiry.agent_id}", inquiry.method
    match reply.outcome:
        case Outcome.REFUSED:
            raise _cannot(f"{agent} refused {method}: {reply.message or 'no reason given'}")
        case Outcome.UNANSWERED:
            waited = f"{agent} did not answer {method} within {inquiry.limit_ms // 1000} s"
            raise Fault("requestTimeout", "The agent did not answer in time", waited)
        case Outcome.BUSY:
            waiting = f"{agent} has not answered what it was asked before"
            raise Fault("systemFailureError", "The agent is busy", waiting, headers={"Retry-After": "1"})
        case Outcome.LOST:
            raise Fault("agentNotConnected", "Agent not connected", f"{agent} went before it answered {method}")
        case _:
            raise Fault("agentNotConnected", "Agent not connected", f"{agent} is not connected")


def _cannot(details: str) -> Fault:
    return Fault("notImplementedError", "The agent cannot do this", details)
