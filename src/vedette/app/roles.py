"""The parts of a process, by role: made from what every role stands on, started, and stopped by the clean-up stack."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from vedette.adapters.local.clock import now_ms, steady_ms
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.resolver import Resolver
from vedette.agent_endpoint import AgentEndpoint
from vedette.app.agent_files import agent_files
from vedette.app.alerting import Alerting
from vedette.app.base import Base
from vedette.app.collecting import Collecting, knows
from vedette.app.http import HttpDoor, MetricsDoor, Parts
from vedette.app.load import Load
from vedette.app.loops import Loop
from vedette.app.measures import Measures
from vedette.app.reach import Reach
from vedette.collector.collector import ZoneCollector
from vedette.domain.history import Change
from vedette.ports.notifying import Notify
from vedette.ports.unit import Commit, StoreUnavailable, Write
from vedette.services.agent_log import AgentLog
from vedette.services.agents import Agents
from vedette.services.audit_sealing import Sealer
from vedette.services.audits import Auditor
from vedette.services.collector_neighbours import KnownNeighbours
from vedette.services.collectors import Collectors
from vedette.services.confirm_asking import ASK_EVERY_S, ConfirmAsking
from vedette.services.following import Follower
from vedette.services.identity import Identity
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.presence import Presence
from vedette.services.rates import Rates
from vedette.services.retention import Retention
from vedette.services.ticking import Ticking
from vedette.services.token_expiry import TokenExpiry
from vedette.services.token_store import TokenStore
from vedette.services.zones import Zones

_FLUSH_S = 1.0
_FOLLOW_S = 1.0
_TIDY_S = 10.0
_EXPIRE_S = 1.0
_SEAL_S = 0.5
_AGENTS_S = 1.0
_PLACE_S = 1.0
_PLACE_REST_S = 0.2  # what a collector says of its sight, as often as it likes, moves a whole zone's checks


class Following:
    """Who in this process hears of changes of configuration: of its own at once, of others' within a second."""

    def __init__(self, base: Base) -> None:
        self.follower = Follower(base.stores.documents)
        self.loop = Loop("follow", self.follower.step, _FOLLOW_S)

    async def begin(self) -> None:
        await self.follower.begin()

    def waking(self, commit: Commit) -> Commit:
        """Commits, then wakes those who follow: they need not wait for their turn."""

        async def committing(*writes: Write) -> None:
            await commit(*writes)
            self.loop.wake()

        return committing


def alerting(base: Base, resolver: Resolver) -> Alerting:
    """From observations to notifications."""
    return Alerting(base.stores, base.keys, resolver, base.config.confirm_after_ms)


async def start_collecting(
    base: Base,
    resolver: Resolver,
    alerting: Alerting,
    collectors: Collectors,
    ticking: Ticking,
    cleanup: AsyncExitStack,
) -> None:
    """The built-in zones' collectors, with their lists."""
    collecting = Collecting(base.config, resolver, alerting.ingest)
    ticking.is_blind = lambda: collecting.lookout.is_blind
    for zone_id, collector in collecting.collectors.items():
        name = f"{collecting.name}/{zone_id}"
        collectors.seat(zone_id, name, collector, collecting.types, _blindness(collector))
    await collectors.step(steady_ms())
    await ticking.step()
    await collecting.start(cleanup)


def _blindness(collector: ZoneCollector) -> Callable[[], bool]:
    return lambda: collector.is_blind


def placing(collectors: Collectors) -> Loop:
    """What gives each collector its checks as collectors come, go and turn blind."""

    async def step() -> bool:
        await collectors.step(steady_ms())
        return False

    loop = Loop("place", step, _PLACE_S, rest_s=_PLACE_REST_S)
    collectors.wake = loop.wake
    return loop


def asking_to_confirm(base: Base, collectors: Collectors) -> Loop:
    """Our collectors' part in the confirm rounds of all processes."""
    asking = ConfirmAsking(base.stores.confirm_rounds, collectors.confirm, now_ms)
    return Loop("confirm", asking.step, ASK_EVERY_S)


def agents(base: Base, alerting: Alerting, following: Following, presence: Presence) -> Agents:
    """What is known of agents; it follows the configuration: schedules and what tokens allow change with it."""

    def runs(zone: str, check_type: str) -> bool:
        return known.collectors.can_run(zone, check_type)

    files = agent_files(base, following.waking(base.stores.commit), runs)
    known = Agents(base.stores, base.keys, alerting.ingest, entropy, presence.process_id, files.apply)
    known.log = AgentLog(base.stores.observations, base.stores.commit, presence.process_id, now_ms)
    alerting.can_confirm, alerting.ask_to_confirm = known.collectors.can_confirm, known.collectors.confirm
    presence.on_return = known.write_again
    if base.config.database is not None:  # with SQLite there is one process only
        neighbours = KnownNeighbours(base.stores.collectors, base.stores.commit, presence.process_id, now_ms)
        known.collectors.neighbours = neighbours
        presence.on_return = _both(known.write_again, neighbours.tell_again)

    async def follow(changes: Sequence[Change]) -> None:
        for change in changes:
            await known.follow_token(change, now_ms(), steady_ms())
            await known.follow(change, steady_ms())
        await known.collectors.follow(changes, steady_ms())

    following.follower.tell(follow)
    return known


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        second()

    return both


def measure_agents(known: Agents, measures: Measures) -> None:
    """Who is connected, how handshakes ended, and who was cut, for `/metrics`."""
    measures.gauge("vedette_agent_connections", "Live connections of agents", lambda: len(known.connections))
    measures.counts("vedette_agent_handshakes", "Judged handshakes", "result", lambda: known.handshakes)
    measures.counts("vedette_agent_cuts", "Connections that policy ended", "reason", lambda: known.cuts)
    collectors = known.collectors
    measures.gauge("vedette_collectors", "Collectors connected to this process", lambda: len(collectors))
    measures.counts("vedette_collector_posts", "Results of collectors", "result", lambda: collectors.counts)


def measure_evaluation(alerting: Alerting, measures: Measures) -> None:
    """How zones stand, and the operator's own alarms, for `/metrics`."""
    operator = alerting.operator
    measures.gauges("vedette_zones", "Monitoring zones by how they stand", "standing", lambda: operator.zones)
    measures.gauges("vedette_operator_alarms", "What keeps alarms from being decided", "about", lambda: operator.raised)


def keeping_agents(known: Agents) -> Loop:
    """What agents do that the store must know of, and what it says of them; ends after the endpoint."""

    async def step() -> bool:
        await known.step(now_ms(), steady_ms())
        return False

    return Loop("agents", step, _AGENTS_S)


def start_agent_endpoint(base: Base, known: Agents, listener: socket.socket, cleanup: AsyncExitStack) -> None:
    """Takes agents' connections on the listener."""
    endpoint = AgentEndpoint(known, base.agent_tls(), base.authority.ca_file.read_bytes(), now_ms, steady_ms)
    endpoint.serve(listener)
    cleanup.push_async_callback(endpoint.stop)


def tidying(base: Base) -> Loop:
    """What forgets what is too old."""
    return Loop("tidy", Retention(base.stores, base.keys, now_ms).step, _TIDY_S)


def audit_sealing(base: Base) -> Loop:
    """What links committed audit entries; at the end what came last."""
    opened = base.stores
    return Loop("audit_sealer", Sealer(opened.audit_chain, opened.commit, base.keys).step, _SEAL_S, steps_at_stop=True)


def token_expiry(base: Base, following: Following) -> Loop:
    """What removes agent tokens whose rotation's overlap has ended; those who follow hear of it at once."""
    opened, commit = base.stores, following.waking(base.stores.commit)
    store = TokenStore(
        tokens=opened.tokens,
        agents=opened.agents,
        commit=commit,
        auditor=Auditor(opened.audits, commit, entropy),
        keyring=base.keys,
        entropy=entropy,
    )
    return Loop("token_expiry", TokenExpiry(store, now_ms).step, _EXPIRE_S)


@dataclass(frozen=True)
class Counted:
    """Rate limits' counters, and the loop that writes them down."""

    rates: Rates
    flushing: Loop


async def rates(base: Base, following: Following) -> Counted:
    """The counters as they were when the server stopped; they follow what is said of tenants' limits."""
    counters = Rates()

    async def follow(changes: Sequence[Change]) -> None:
        await counters.follow(base.stores.accounts, changes)

    following.follower.tell(follow)
    await counters.load(base.stores.accounts)

    async def flush() -> bool:
        await counters.flush(base.stores.accounts, base.stores.commit)
        return False  # the next flush is a second away, however much there was

    return Counted(counters, Loop("rates", flush, _FLUSH_S, steps_at_stop=True))


def start_load(base: Base, cleanup: AsyncExitStack) -> Load:
    """Begins to measure how loaded this process is."""
    load = Load(lambda: base.database.waiting_s, time.monotonic)
    load.start()
    cleanup.push_async_callback(load.stop)
    return load


@dataclass(frozen=True)
class Inside:
    """What the API reaches in its own process."""

    following: Following
    counted: Counted
    load: Load
    measures: Measures
    notifiers: Mapping[str, Notify]
    reach: Reach


async def start_api(base: Base, inside: Inside, listener: socket.socket, cleanup: AsyncExitStack) -> None:
    """Serves REST and Identity on the listener."""
    opened = dataclasses.replace(base.stores, commit=inside.following.waking(base.stores.commit))
    zones = Zones(base.config.zones)
    suppressions = KnownSuppressions(opened.documents)
    inside.following.follower.tell(_following(suppressions))
    parts = Parts(
        stores=opened,
        keyring=base.keys,
        clock=now_ms,
        entropy=entropy,
        rates=inside.counted.rates,
        zones=zones,
        knows=knows(zones, inside.reach.runs),
        identity=Identity(opened.accounts, opened.commit, base.keys, clock=now_ms, entropy=entropy),
        auditor=Auditor(opened.audits, opened.commit, entropy),
        suppressions=suppressions,
        notifiers=inside.notifiers,
        reach=inside.reach,
        confirm_after_ms=base.config.confirm_after_ms,
        is_token_revealed=base.config.token_reveal == "always",  # noqa: S105 - a word of the setting
        readiness=_readiness(base),
    )
    server = await HttpDoor(base.config, parts, inside.load.overloaded, inside.measures).start(
        listener, base.api_certificate()
    )
    cleanup.push_async_callback(server.stop)


def _following(suppressions: KnownSuppressions) -> Callable[[Sequence[Change]], Awaitable[None]]:
    async def follow(changes: Sequence[Change]) -> None:
        suppressions.follow(changes)

    return follow


async def start_metrics(base: Base, measures: Measures, listener: socket.socket, cleanup: AsyncExitStack) -> None:
    """`/metrics`, `/healthz` and `/readyz` on a listener of their own."""
    server = await MetricsDoor(_readiness(base), measures, now_ms, entropy).start(listener)
    cleanup.push_async_callback(server.stop)


def _readiness(base: Base) -> Callable[[], Awaitable[dict[str, str]]]:
    async def ready() -> dict[str, str]:
        try:
            await base.stores.documents.last_change()
        except StoreUnavailable as error:
            return {"store": str(error)}
        return {"store": "ok"}

    return ready
