"""The checks this agent can run: one module a check type, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from vedette.agent.checks import load_average, memory
from vedette.agent.reading import Reading

CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Reading]] = MappingProxyType(
    {"agent.memory": memory.read, "agent.load_average": load_average.read}
)
"""Check type -> what reads it, given the check's details. May raise `OSError` and psutil's errors."""
