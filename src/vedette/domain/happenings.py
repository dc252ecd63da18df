"""What evaluation must know besides observations, in the order in which it happened among them.

Each is an entry of the observation log, written by the door that saw it, so that a replay decides the same. `at_ms` is
our own clock.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from vedette.domain.ids import AgentId, TenantId, ZoneId


class Spell(StrEnum):
    """How a monitoring zone stands."""

    UP = "UP"
    DOWN = "DOWN"  # no collector of it has beaten within three heartbeat intervals
    BLIND = "BLIND"  # its collectors beat, and none of them sees its canaries
    GONE = "GONE"  # disabled, or no longer configured
    DELETED = "DELETED"  # a private zone: no check is polled from it any more, and it is forgotten in time


NOT_THERE = frozenset({Spell.GONE, Spell.DELETED})


class ZoneTurned(msgspec.Struct, frozen=True, array_like=True, tag="zone"):
    """A zone stands otherwise than before, as one process sees it; at its start it says how each zone stood."""

    at_ms: int
    zone_id: ZoneId
    process_id: str
    spell: Spell


class ProcessTurned(msgspec.Struct, frozen=True, array_like=True, tag="process"):
    """What a process says of zones counts no longer, or again; written by evaluation, which finds it in the ticks."""

    at_ms: int
    process_id: str
    lives: bool


class AgentConnected(msgspec.Struct, frozen=True, array_like=True, tag="opened"):
    """A connection of an agent was welcomed."""

    at_ms: int
    tenant_id: TenantId
    agent_id: AgentId
    process_id: str  # of ours: its connections end with it
    connection_id: str
    is_fast: bool  # declares `fast_reconnect`


class AgentClosed(msgspec.Struct, frozen=True, array_like=True, tag="closed"):
    """A connection of an agent ended."""

    at_ms: int
    tenant_id: TenantId
    agent_id: AgentId
    connection_id: str
    since_ms: int  # its last byte where we closed it as dead, else `at_ms`


class AgentFetched(msgspec.Struct, frozen=True, array_like=True, tag="fetched"):
    """An agent was handed its schedule (`check_schedule.get`)."""

    at_ms: int
    tenant_id: TenantId
    agent_id: AgentId


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="tick"):
    """A process took what came, its store took writes and its canaries answered: every 5 s."""

    at_ms: int
    process_id: str
    steady_ms: int  # its clock that goes on while the machine is suspended; to be compared with its own only
    takes_agents: bool  # agents can reach it: silence is measured by its ticks


Happening = ZoneTurned | ProcessTurned | AgentConnected | AgentClosed | AgentFetched | Tick
