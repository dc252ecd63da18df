"""The simulated processes. Their insides are the real ones; only what is outside of them is made up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

from tests.fakes.chain import ALICE
from tests.simulation.truth import AGENT, FOR_GOOD_S, PERIOD_S, ZONES
from tests.simulation.virtual_loop import Mortal
from tests.simulation.world import AGENT_CHECK, REMOTE_CHECK, TIMEOUT_S, Unreachable, World
from vedette.app.loops import Loop
from vedette.collector.canary import Canary
from vedette.collector.collector import Process as CollectorProcess
from vedette.collector.collector import ZoneCollector
from vedette.collector.lookout import Lookout
from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Happening
from vedette.domain.ids import AgentId, EntityId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.probing import Assignment, Confirmation, ProbeResult
from vedette.ports.unit import StoreUnavailable
from vedette.services import dispatch, evaluate
from vedette.services.confirming import Means, Rounds
from vedette.services.dispatch import Dispatcher
from vedette.services.evaluate import Evaluator
from vedette.services.ingest import Ingest
from vedette.services.ticking import TICK_S, Process, Ticking
from vedette.services.watched import WatchedChecks
from vedette.services.zone_watch import Beat, ZoneWatch

IDLE_S = 4.0
"""Of loops that are woken when there is something to do; a second in a real server, where time is not so dear."""
BEAT_S = 5.0
DEAD_AFTER_S = 15.0
AGENTS_DEAD_AFTER_S = 90.0


class Server:
    """Ingest, evaluation, dispatch, ticks: as `serve` puts them together."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.who, self.context = world.loop.bear("server")
        self.id = f"pr{next(world.serial)}"
        self.collectors: dict[str, Collector] = {}
        self._beats: dict[str, tuple[float, bool]] = {}  # zone -> when it beat last, and whether it sees
        self._agents: dict[str, float] = {}  # connection -> when it was last heard
        kept = self.kept = world.stores(self.who)
        watched = WatchedChecks(kept.documents, world.keyring)
        self._evaluator = Evaluator(
            evaluate.Stores(
                observations=kept.observations,
                past=kept.past,
                alarm_states=kept.alarm_states,
                memory=kept.memory,
                silence_timers=kept.silence_timers,
                changelogs=kept.changelogs,
                suppression_logs=kept.suppression_logs,
                outbox=kept.outbox,
                documents=kept.documents,
                commit=kept.commit,
            ),
            watched,
            world.entropy,
            self._wake_dispatch,
            world.now_ms,
        )
        means = Means(
            after_ms=world.truth.confirm_after_ms,
            can=lambda: frozenset(self._standing(0)),
            ask=self._ask_to_confirm,
            clock=world.now_ms,
            steady_ms=world.steady_ms,
        )
        self._evaluator.confirm(Rounds(kept.confirm_rounds, means))
        self._dispatcher = Dispatcher(
            dispatch.Stores(
                outbox=kept.outbox,
                documents=kept.documents,
                accounts=kept.accounts,
                keyring=world.keyring,
                commit=kept.commit,
            ),
            {"webhook": world.notify},
            world.now_ms,
            world.entropy,
            self._wake_dispatch,
        )
        self._evaluating = Loop("evaluate", self._evaluator.step, IDLE_S)
        self._dispatching = Loop("dispatch", self._dispatcher.step, IDLE_S)
        self.ingest = Ingest(kept.observations, kept.commit, self._evaluating.wake)
        watch = ZoneWatch(self.id, ZONES, kept.documents)
        watch.standing = self._standing
        process = Process(id=self.id, takes_agents=True, clock=world.now_ms, steady_ms=world.steady_ms)
        self._watch = watch
        self._ticking = Ticking(kept.observations, kept.commit, process, watch, self._evaluating.wake)

    async def live(self) -> None:
        """Until it dies."""
        world = self.world
        await kept_trying(self._begin)
        world.server = self
        for loop in (self._evaluating, self._dispatching, Loop("tick", self._ticking.step, TICK_S)):
            loop.start()
        await asyncio.Event().wait()

    async def _begin(self) -> None:
        await self.kept.commit(self.kept.outbox.release(self.world.now_ms()))
        surroundings = await self.kept.memory.surroundings()
        await self._watch.begin(surroundings.zones, self.world.steady_ms())

    def _wake_dispatch(self) -> None:
        self._dispatching.wake()

    # -- zones

    def _standing(self, steady_ms: int) -> Mapping[str, Beat]:
        now = self.world.now_s
        left = {zone: (round((at + DEAD_AFTER_S - now) * 1000), sees) for zone, (at, sees) in self._beats.items()}
        return {zone: Beat(sees, steady_ms + left_ms) for zone, (left_ms, sees) in left.items() if left_ms > 0}

    async def beat(self, collector: Collector) -> None:
        self.collectors[collector.zone] = collector
        self._beats[collector.zone] = (self.world.now_s, not collector.is_blind)

    def _ask_to_confirm(self, zone_id: ZoneId, asked: Confirmation) -> None:
        collector = self.collectors.get(zone_id)
        if collector is not None:
            self.world.spawn(self._send(collector, asked), self.context)

    async def _send(self, collector: Collector, asked: Confirmation) -> None:
        try:
            await self.world.travel(collector.zone)
        except Unreachable:
            return
        collector.context.copy().run(collector.confirm, asked)

    async def take(self, observations: Sequence[Observation]) -> None:
        now_ms = self.world.now_ms()
        await self.ingest([msgspec.structs.replace(one, arrival_ms=now_ms) for one in observations])

    # -- agents

    async def happen(self, happening: Happening) -> None:
        await self.kept.commit(self.kept.observations.append([happening]))
        self._evaluating.wake()

    async def welcome(self, connection_id: str) -> None:
        self._agents[connection_id] = self.world.now_s
        opened = AgentConnected(
            self.world.now_ms(), ALICE, AgentId(AGENT), self.id, connection_id, self.world.truth.is_agent_fast
        )
        await self.happen(opened)
        self.world.spawn(self._watch_agent(connection_id), self.context)

    async def hear(self, connection_id: str) -> None:
        if connection_id in self._agents:
            self._agents[connection_id] = self.world.now_s
        else:
            raise Unreachable(connection_id)  # a server that was started since does not know it

    async def _watch_agent(self, connection_id: str) -> None:
        """One that is not heard for three heartbeats is closed as dead."""
        while (heard := self._agents.get(connection_id)) is not None:
            left_s = heard + AGENTS_DEAD_AFTER_S - self.world.now_s
            if left_s <= 0:
                await self.closed(connection_id, since_s=heard)
                return
            await asyncio.sleep(left_s + 0.001)

    async def closed(self, connection_id: str, since_s: float | None = None) -> None:
        if self._agents.pop(connection_id, None) is None:
            return
        now_ms = self.world.now_ms()
        since_ms = now_ms if since_s is None else now_ms - round((self.world.now_s - since_s) * 1000)
        closed = AgentClosed(now_ms, ALICE, AgentId(AGENT), connection_id, since_ms)
        await kept_trying(lambda: self.happen(closed))


async def kept_trying(work: Callable[[], Awaitable[None]]) -> None:
    """Until the store takes it."""
    while True:
        try:
            await work()
        except StoreUnavailable:
            await asyncio.sleep(1)
        else:
            return


class Collector:
    """One zone's, with its lookout: the real ones around a made-up probe."""

    def __init__(self, world: World, zone: str) -> None:
        self.world = world
        self.zone = zone
        self.who, self.context = world.loop.bear(zone)
        self._chance = random.Random(world.chance.random())
        self._lookout = Lookout([Canary("canary")], lambda: world.now_s, self._ask)
        process = CollectorProcess(
            sender=f"{zone}:{next(world.serial)}",
            now_ms=world.now_ms,
            monotonic=lambda: world.now_s,
            random=self._chance.random,
        )
        self._collector = ZoneCollector(
            ZoneId(zone), {"remote.http": self._probe}, self._report, self._lookout, process
        )

    @property
    def is_blind(self) -> bool:
        return self._lookout.is_blind

    def confirm(self, asked: Confirmation) -> None:
        self._collector.confirm(asked)

    async def live(self) -> None:
        self._collector.assign([_assignment()])
        await self._lookout.start()
        await self._collector.start()
        while True:
            with suppress(Unreachable, TimeoutError):  # the server will find that it does not beat
                await self.world.call(self.zone, lambda server: server.beat(self))
            await asyncio.sleep(BEAT_S)

    async def _ask(self, _canaries: Sequence[Canary]) -> bool:
        await asyncio.sleep(self._chance.random() * 0.2)
        return not self.world.truth.is_blind(self.zone, self.world.now_s)

    async def _probe(self, _assignment: Assignment) -> ProbeResult:
        truth = self.world.truth
        until_s = self.world.now_s + TIMEOUT_S
        await asyncio.sleep(0.02 + self._chance.random() * 0.4)
        while truth.is_blind(self.zone, self.world.now_s):  # what is lost is sent again
            if self.world.now_s >= until_s:
                return ProbeResult(available=False, status="timed out")
            await asyncio.sleep(0.5)
        outage = truth.fails(self.world.now_s)
        if outage is not None and outage.hangs:
            await asyncio.sleep(max(0.0, until_s - self.world.now_s))
            return ProbeResult(available=False, status="timed out")
        code = "200" if outage is None else "503"
        return ProbeResult(available=True, status=f"code={code}", metrics={"code": Metric("s", code, "unknown")})

    async def _report(self, observations: Sequence[Observation]) -> None:
        self.world.sent_by.extend(observations)
        await self.world.call(self.zone, lambda server: server.take(observations))


def _assignment() -> Assignment:
    return Assignment(
        tenant_id=ALICE,
        entity_id=EntityId("enOne"),
        check_id=REMOTE_CHECK,
        check_type="remote.http",
        revision=1,
        period_s=PERIOD_S,
        timeout_s=TIMEOUT_S,
        target="127.0.0.1",
        resolver=None,
        details={},
    )


class Agent:
    """A stock agent, or one that comes back fast: connects, fetches once a process, posts once a period."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.who, self.context = world.loop.bear(AGENT)
        self._chance = random.Random(world.chance.random())
        self._has_fetched = False
        self._connection: str | None = None
        self._name = f"{AGENT}:{next(world.serial)}"

    def close(self) -> None:
        """It was killed and its host goes on: the connection is closed for it."""
        server = self.world.server
        if self._connection is not None and server is not None and not self.world.truth.is_cut(AGENT, self.world.now_s):
            self.world.spawn(server.closed(self._connection), server.context)

    async def live(self) -> None:
        self.world.spawn(self._check(), self.context)
        while True:
            try:
                await self._talk(f"cn{next(self.world.serial)}")
            except (Unreachable, TimeoutError):
                self._connection = None
            await asyncio.sleep(self._pause_s())

    def _pause_s(self) -> float:
        return 1 + self._chance.random() * 4 if self.world.truth.is_agent_fast else 41 + self._chance.random() * 54

    async def _talk(self, connection: str) -> None:
        """Until it is lost: a server that was started anew does not know the connection."""
        await self.world.call(AGENT, lambda server: server.welcome(connection))
        if not self._has_fetched:
            fetched = AgentFetched(self.world.now_ms(), ALICE, AgentId(AGENT))
            await self.world.call(AGENT, lambda server: server.happen(fetched))
            self._has_fetched = True
        self._connection = connection
        while True:
            await self.world.call(AGENT, lambda server: server.hear(connection))
            await asyncio.sleep(30)

    async def _check(self) -> None:
        await asyncio.sleep(self._chance.random() * PERIOD_S)
        while True:
            if self._connection is not None:  # a stock agent throws away what it cannot post
                self.world.spawn(self._post(self._connection), self.context)
            await asyncio.sleep(PERIOD_S)

    async def _post(self, connection: str) -> None:
        now_ms = self.world.now_ms()
        observation = Observation(
            tenant_id=ALICE,
            entity_id=EntityId("enOne"),
            check_id=AGENT_CHECK,
            check_type="agent.memory",
            zone_id=None,
            agent_id=AgentId(AGENT),
            sender=self._name,
            check_revision=0,
            at_ms=now_ms,
            arrival_ms=now_ms,
            available=True,
            status="success",
            metrics={"used": Metric("L", 12, "bytes")},
        )
        self.world.sent_by.append(observation)
        try:
            await self.world.call(AGENT, lambda server: server.hear(connection))
            await self.world.call(AGENT, lambda server: server.take([observation]))
        except (Unreachable, TimeoutError):
            pass  # thrown away


async def kept_alive(world: World, name: str) -> None:
    """A process that is killed at some step within each of its spans, or dies of something else, and comes back."""
    chance = random.Random(world.chance.random())
    spans = list(world.truth.deaths[name])
    while True:
        process = _made(world, name)
        world.spawn(process.live(), process.context)
        span = spans.pop(0) if spans else None
        if not await _died_before(process.who, None if span is None else span.begin):
            process.who.fatal = chance.randrange(1, 30)
        if span is not None and span.end >= FOR_GOOD_S:
            process.who.die()
        await asyncio.sleep(chance.random() * 5 if span is None else max(0.0, span.end - world.now_s))
        process.who.die()
        if name == "server":
            world.server = None
        elif isinstance(process, Agent) and chance.random() < 0.5:
            process.close()


async def _died_before(who: Mortal, moment_s: float | None) -> bool:
    if moment_s is None:
        await who.died.wait()
        return True
    try:
        async with asyncio.timeout_at(moment_s):
            await who.died.wait()
    except TimeoutError:
        return False
    return True


def _made(world: World, name: str) -> Server | Collector | Agent:
    if name == "server":
        return Server(world)
    return Agent(world) if name == AGENT else Collector(world, name)
