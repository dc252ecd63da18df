"""Agents of a server that cannot ask them anything yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from vedette.domain.faults import Fault
from vedette.ports.agent_requests import HostInfo
from vedette.ports.agents import Connection
from vedette.ports.probing import Assignment, ProbeResult


class UnaskedAgents:
    """Says so to whoever wants to know something of a connected agent (`ports.agent_requests.AskAgent`)."""

    async def host_info(self, connections: Sequence[Connection], type: str) -> HostInfo:
        _refuse(connections)

    async def host_info_types(self, connections: Sequence[Connection]) -> HostInfo:
        _refuse(connections)

    async def targets(self, connections: Sequence[Connection], check_type: str) -> Sequence[str]:
        _refuse(connections)

    async def run(self, connections: Sequence[Connection], assignment: Assignment) -> ProbeResult:
        _refuse(connections)

    async def upgrade(self, connections: Sequence[Connection]) -> None:
        _refuse(connections)


def _refuse(connections: Sequence[Connection]) -> NoReturn:
    agent_id = connections[0].agent_id
    raise Fault("notImplementedError", "This server does not ask agents anything", f"Agent {agent_id} is connected")
