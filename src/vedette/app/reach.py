"""What the API reaches beyond the stores: zones to run something from once, agents to ask, where agents find us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vedette.adapters.local import traceroute
from vedette.adapters.local.resolver import Resolver
from vedette.app.base import Base
from vedette.app.collecting import probes
from vedette.app.listeners import reachable
from vedette.config import Config, HostPort
from vedette.domain.faults import Fault
from vedette.ports.agent_requests import AskAgent
from vedette.ports.probing import Assignment, Probe, ProbeFrom, ProbeResult
from vedette.probes.http.exchange import Exhausted
from vedette.services.installers import Source
from vedette.services.traceroutes import Means
from vedette.services.unasked_agents import UnaskedAgents


@dataclass(frozen=True)
class Reach:
    """Of one process."""

    probe: ProbeFrom
    tracing: Means
    ask: AskAgent
    source: Source


class ZoneProbes:
    """Runs a check once from one of the zones whose collectors run in this process (`ports.probing.ProbeFrom`)."""

    def __init__(self, zones: frozenset[str], known: Mapping[str, Probe]) -> None:
        self._zones = zones
        self._known = known

    async def __call__(self, zone: str, assignment: Assignment) -> ProbeResult:
        probe = self._known.get(assignment.check_type)
        if zone not in self._zones or probe is None:
            raise Fault(
                "notImplementedError",
                f"No test of {assignment.check_type} from {zone}",
                "Expected a zone whose collectors run in this server process",
            )
        try:
            return await probe(assignment)
        except Exhausted as error:
            raise Fault(
                "systemFailureError", "The test could not be run", str(error), headers={"Retry-After": "1"}
            ) from error


def reach(base: Base, resolver: Resolver, agent_listener: HostPort | None) -> Reach:
    """`agent_listener` is where this process listens for agents, None where another one does."""
    config = base.config
    zones = frozenset(zone.id for zone in config.zones) if "collector" in config.roles else frozenset()
    return Reach(
        probe=ZoneProbes(zones, probes(resolver)),
        tracing=Means(zones=zones, resolve=resolver, trace=traceroute.trace if traceroute.can_trace() else None),
        ask=UnaskedAgents(),
        source=Source(
            endpoint=str(_endpoint(config, agent_listener or config.agent)),
            authority=base.authority.ca_file.read_text("ascii"),
        ),
    )


def _endpoint(config: Config, listener: HostPort) -> HostPort:
    """By the first name that the agent listener's certificate has beside its own address."""
    if config.agent_names:
        return HostPort(config.agent_names[0], listener.port)
    return reachable(listener)
