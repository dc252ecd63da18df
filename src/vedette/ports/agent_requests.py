"""Asking a connected agent: host info, targets, a check run once (wire protocol: requests of the server)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from vedette.ports.agents import Connection
from vedette.ports.probing import Assignment, ProbeResult


class HostInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent says of its host, as the API answers it."""

    timestamp: int  # milliseconds, of the agent's clock
    info: Any  # an object, a list or a text, as the agent gathered it
    error: str | None = None  # what it could not gather


class AskAgent(Protocol):
    """Asks an agent by one of its live connections, whichever process holds it.

    Each raises the fault that the caller is to see: `agentNotConnected` when the last connection went meanwhile,
    `requestTimeout` when no answer came in time, `notImplementedError` when the agent cannot do it,
    `systemFailureError` when it has too much to answer already or its answer makes no sense.
    """

    async def host_info(self, connections: Sequence[Connection], type: str) -> HostInfo:
        """`type` is one of `domain.host_info.HOST_INFO_TYPES`."""
        ...

    async def host_info_types(self, connections: Sequence[Connection]) -> HostInfo:
        """`info` is `{"types": [...]}`."""
        ...

    async def targets(self, connections: Sequence[Connection], check_type: str) -> Sequence[str]: ...

    async def run(self, connections: Sequence[Connection], assignment: Assignment) -> ProbeResult:
        """Runs an agent's check once; keeps its `timeout_s`."""
        ...

    async def upgrade(self, connections: Sequence[Connection]) -> None: ...
