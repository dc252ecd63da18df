"""The checks this agent can run: one module a check type, and the table of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from vedette.agent.checks import apache, disk, filesystem, filesystem_state, load_average, memory, network, redis
from vedette.agent.reading import Reading

LOOKS: Mapping[str, Callable[[Mapping[str, Any]], Reading]] = MappingProxyType(
    {
        "agent.disk": disk.read,
        "agent.filesystem": filesystem.read,
        "agent.filesystem_state": filesystem_state.read,
        "agent.load_average": load_average.read,
        "agent.memory": memory.read,
        "agent.network": network.read,
    }
)
"""Check type -> one look at the host, given the check's details. May hang; may raise `OSError` and psutil's errors."""

CALLS: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Reading]]] = MappingProxyType(
    {"agent.apache": apache.run, "agent.redis": redis.run}
)
"""Check type -> a question to a server on this host or near it. May raise `OSError`."""
