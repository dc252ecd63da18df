"""A simulated world: one disk, one network, and processes that die and come back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from itertools import count
from typing import Any

import msgspec

from tests.fakes import chain
from tests.fakes.chain import ALICE, alarm, check, entity, notification, plan
from tests.fakes.chance import FakeEntropy
from tests.fakes.keyring import FakeKeyring
from tests.simulation.inline_sqlite import Disk, InlineSqlite
from tests.simulation.truth import AGENT, PERIOD_S, ZONES, Truth
from tests.simulation.virtual_loop import Mortal, VirtualLoop
from vedette.adapters.sql.stores import Stores, stores
from vedette.domain.documents import Document
from vedette.domain.history import StateChange
from vedette.domain.ids import CheckId
from vedette.domain.observations import Logged, Observation
from vedette.ports.accounts import Tenant
from vedette.ports.history import Span as Keys
from vedette.ports.notifying import Message, Sent
from vedette.ports.unit import StoreUnavailable

EPOCH_MS = 1_700_000_000_000
CRITERIA = "if (metric['code'] != '200') { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); } return OK;"
REMOTE, OF_AGENT = "alRemote", "alAgent"
REMOTE_CHECK, AGENT_CHECK = CheckId("chRemote"), CheckId("chAgent")
TIMEOUT_S = 10
LATENCY_S = 0.05


class Received(msgspec.Struct, frozen=True):
    """A page as its receiver got it."""

    event_id: str
    alarm_id: str
    state: str
    at_s: float


class Unreachable(Exception):
    """A message was lost, or the other side is not there."""


class World:
    """What all simulated processes share; `server` is there while one is up."""

    def __init__(self, truth: Truth, seed: int, loop: VirtualLoop) -> None:
        self.truth = truth
        self.loop = loop
        self.chance = random.Random(seed * 7919)
        self.disk = Disk(random.Random(seed * 104_729))
        self.entropy = FakeEntropy()
        self.keyring = FakeKeyring()
        self.server: Any = None
        self.received: list[Received] = []
        self.sent_by: list[Observation] = []  # everything that a collector or agent ever reported
        self.serial = count(1)
        self.is_over = False
        self.loop.create_task(self._keep_disk())

    # -- time

    @property
    def now_s(self) -> float:
        return self.loop.now_s

    def now_ms(self) -> int:
        """The wall clock, which is the same everywhere."""
        return EPOCH_MS + round(self.loop.now_s * 1000)

    def steady_ms(self) -> int:
        return round(self.loop.now_s * 1000)

    # -- processes

    def spawn(self, work: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        """As a part of the process of the context."""
        return self.loop.create_task(work, context=context)

    async def _keep_disk(self) -> None:
        self.disk.dies_of_changes = self.truth.dies_of_changes
        self.loop.call_at(self.truth.calm_s, setattr, self.disk, "dies_of_changes", 0.0)
        for span in sorted(self.truth.disk, key=lambda one: one.begin):
            await asyncio.sleep(span.begin - self.now_s)
            self.disk.is_down = True
            await asyncio.sleep(span.end - self.now_s)
            self.disk.is_down = False

    # -- the network

    async def travel(self, who: str) -> None:
        """One way between a process and the server. Raises `Unreachable`."""
        await asyncio.sleep(self.chance.random() * LATENCY_S)
        is_lost = self.now_s < self.truth.calm_s and self.chance.random() < self.truth.loss
        if is_lost or self.truth.is_cut(who, self.now_s):
            raise Unreachable(who)

    async def call(self, who: str, ask: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """A request to the server and its answer. Raises `Unreachable`: it may have been carried out all the same."""
        async with asyncio.timeout(6):
            await self._call_once(who, ask)
            if self.chance.random() < self.truth.doubled and self.now_s < self.truth.calm_s:
                await self._call_once(who, ask)

    async def _call_once(self, who: str, ask: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        await self.travel(who)
        server = self.server
        if server is None or server.who.is_dead:
            raise Unreachable(who)
        work = self.spawn(ask(server), server.context)
        work.add_done_callback(_forget_failure)  # whoever asked may have given up
        try:
            await asyncio.shield(work)
        except StoreUnavailable as error:
            raise Unreachable(who) from error
        await self.travel(who)

    async def notify(self, message: Message) -> Sent:
        """The receiver of pages: it is there most of the time, and sometimes its answer is lost."""
        await asyncio.sleep(self.chance.random() * LATENCY_S)
        if self.is_over:
            return Sent(success=False, message="the world has ended")
        is_calm = self.now_s >= self.truth.calm_s
        if not is_calm and self.chance.random() < self.truth.loss:
            return Sent(success=False, message="lost")
        event = msgspec.json.decode(message.payload)
        self.received.append(Received(message.event_id, event["alarm"]["id"], event["details"]["state"], self.now_s))
        if not is_calm and self.chance.random() < self.truth.loss:
            return Sent(success=False, message="the answer was lost")
        return Sent(success=True, message="Success")

    # -- the store, seen from outside

    def stores(self, who: Mortal) -> Stores:
        return stores(InlineSqlite(self.disk, who))

    async def configure(self) -> None:
        kept = self.stores(Mortal("operator"))
        await kept.commit(kept.accounts.add_tenant(Tenant(id=ALICE, created_at=0, webhook_token=None)))
        for document in configuration(self.truth):
            await kept.commit(kept.documents.add(document))

    async def changelog(self) -> list[StateChange]:
        kept = self.stores(Mortal("reader"))
        every = Keys(first=b"\0" * 16, last=b"\xff" * 16, marker=None, limit=10_000)
        return await kept.changelogs.list(ALICE, None, every)

    async def states(self) -> dict[str, str]:
        kept = self.stores(Mortal("reader"))
        return {state.alarm_id: state.state.value for state in await kept.alarm_states.list(ALICE)}

    async def log(self) -> list[Logged]:
        return await self.stores(Mortal("reader")).observations.after(0, 1_000_000)

    def end(self) -> None:
        """Ends everybody, who can do nothing any more."""
        self.disk.is_down = True
        self.is_over = True
        self.loop.end_everybody()
        self.disk.close()


def configuration(truth: Truth) -> Sequence[Document]:
    """A remote check and an agent's, an alarm on each, one plan."""
    settings = f":set consistencyLevel={truth.consistency}\n:set consecutiveCount={truth.count}\n"
    bound = chain.changed(entity(), agent_id=AGENT)
    shared: dict[str, Any] = {"period": PERIOD_S, "timeout": TIMEOUT_S}
    agents: dict[str, Any] = {"type": "agent.memory", "details": {}}
    nowhere: dict[str, Any] = {"monitoring_zones_poll": None, "target_alias": None}
    return (
        notification(),
        plan(),
        msgspec.structs.replace(bound, revision=1, agent_id=AGENT),
        check(key=REMOTE_CHECK, **shared),
        check(key=AGENT_CHECK, **shared | agents | nowhere),
        alarm(key=REMOTE, check_id=REMOTE_CHECK, criteria=settings + CRITERIA),
        alarm(key=OF_AGENT, check_id=AGENT_CHECK, criteria="return OK;"),
    )


def _forget_failure(work: asyncio.Task[None]) -> None:
    if not work.cancelled():
        work.exception()


__all__ = ["AGENT_CHECK", "OF_AGENT", "REMOTE", "REMOTE_CHECK", "ZONES", "Received", "Unreachable", "World"]
