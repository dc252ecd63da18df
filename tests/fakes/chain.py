"""A tenant with one remote check, one alarm and one webhook, and the services from observation to receiver."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from tests.fakes.chance import FakeClock, FakeEntropy
from tests.fakes.database import FakeDatabase
from tests.fakes.keyring import FakeKeyring
from tests.fakes.stores import (
    FakeAlarmStates,
    FakeChangelogs,
    FakeDocuments,
    FakeEvaluationMemory,
    FakeObservations,
    FakeOutbox,
    FakePast,
    FakeSilenceTimers,
    FakeSuppressionLogs,
    FakeTenants,
)
from vedette.domain.documents import Document, Kind
from vedette.domain.happenings import Happening, Spell, Tick, ZoneTurned
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.engine.surroundings import Surroundings
from vedette.ports.accounts import Accounts, Tenant
from vedette.ports.notifying import Message, Notify, Sent
from vedette.ports.unit import Commit
from vedette.services import dispatch, evaluate
from vedette.services.dispatch import Caps, Dispatcher
from vedette.services.evaluate import Evaluator
from vedette.services.ingest import Ingest
from vedette.services.watched import WatchedChecks

ALICE = TenantId("acAlice")
CHARLIE = TenantId("acCharlie")
ZONES = ("mzdfw", "mzord", "mzlon")
CRITERIA = """if (metric['code'] regex '^5') { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); }
if (metric['code'] regex '^4') { return new AlarmStatus(WARNING, 'HTTP #{code}'); }
return new AlarmStatus(OK, 'fine');"""


def document(kind: Kind, key: str, public: Mapping[str, Any], tenant_id: TenantId = ALICE, **more: Any) -> Document:
    stamps = {"created_at": 1_000, "updated_at": 2_000}
    return Document(
        tenant_id=tenant_id,
        kind=kind,
        id=key,
        public=msgspec.json.encode({"id": key} | dict(public) | stamps),
        **(stamps | more),
    )


def changed(before: Document, **public: Any) -> Document:
    """The next revision of a document, with some values changed."""
    after = msgspec.json.decode(before.public) | public
    return msgspec.structs.replace(before, revision=before.revision + 1, public=msgspec.json.encode(after))


def entity(tenant_id: TenantId = ALICE, key: str = "enOne") -> Document:
    public = {
        "label": "entity one",
        "ip_addresses": {"default": "127.0.0.1"},
        "metadata": None,
        "managed": False,
        "uri": None,
        "agent_id": None,
    }
    return document(Kind.ENTITY, key, public, tenant_id)


def check(tenant_id: TenantId = ALICE, key: str = "chOne", entity_id: str = "enOne", **public: Any) -> Document:
    shown: dict[str, Any] = {
        "label": "ch a",
        "type": "remote.http",
        "details": {"url": "http://www.foo.com", "method": "GET"},
        "monitoring_zones_poll": list(ZONES),
        "timeout": 30,
        "period": 60,
        "target_alias": "default",
        "target_hostname": None,
        "target_resolver": None,
        "disabled": False,
        "metadata": None,
        "confd_name": None,
        "confd_hash": None,
    }
    shown |= public
    refs: tuple[str, ...] = tuple(shown["monitoring_zones_poll"] or ())
    return document(Kind.CHECK, key, shown, tenant_id, entity_id=entity_id, refs=refs)


def alarm(
    tenant_id: TenantId = ALICE, key: str = "alOne", check_id: str = "chOne", entity_id: str = "enOne", **public: Any
) -> Document:
    shown = {
        "label": "Alarm 1",
        "check_id": check_id,
        "entity_id": entity_id,
        "criteria": CRITERIA,
        "disabled": False,
        "notification_plan_id": "npOne",
        "metadata": None,
        "confd_name": None,
        "confd_hash": None,
    }
    return document(Kind.ALARM, key, shown | public, tenant_id, entity_id=entity_id, check_id=check_id)


def plan(tenant_id: TenantId = ALICE, key: str = "npOne", receivers: Sequence[str] = ("ntOne",)) -> Document:
    lists = {f"{state}_state": list(receivers) for state in ("critical", "warning", "ok")}
    return document(Kind.PLAN, key, {"label": "Plan 1"} | lists, tenant_id, refs=tuple(receivers))


def notification(
    tenant_id: TenantId = ALICE, key: str = "ntOne", url: str = "http://admin.example.com/notify/", **more: Any
) -> Document:
    public = {"label": "my webhook", "type": "webhook", "details": {"url": url}}
    return document(Kind.NOTIFICATION, key, public, tenant_id, **more)


def observation(zone: str | None, code: str | None, at_ms: int, **more: Any) -> Observation:
    """What a zone's collector saw of `chOne`: an HTTP code, or with None no answer."""
    values: dict[str, Any] = {
        "tenant_id": ALICE,
        "entity_id": EntityId("enOne"),
        "check_id": CheckId("chOne"),
        "check_type": "remote.http",
        "zone_id": ZoneId(zone) if zone else None,
        "agent_id": None if zone else AgentId("host"),
        "sender": f"collector-{zone}",
        "check_revision": 1,
        "at_ms": at_ms,
        "arrival_ms": at_ms,
        "available": code is not None,
        "status": f"code={code}" if code else "connection refused",
        "metrics": {"code": Metric("s", code, "unknown"), "duration": Metric("I", 12, "milliseconds")} if code else {},
        "target": "127.0.0.1",
    }
    return Observation(**(values | more))


def all_up(process_id: str = "prOne") -> Surroundings:
    """Every zone is up, as a process of ours said long ago."""
    surroundings = Surroundings()
    for zone in ZONES:
        surroundings = surroundings.after(ZoneTurned(0, ZoneId(zone), process_id, Spell.UP))
    return surroundings


class Receiver:
    """A notifier that remembers what it was given, and answers as it is told to."""

    def __init__(self, *answers: Sent) -> None:
        self.messages: list[Message] = []
        self.answers = list(answers)
        self.hold: asyncio.Event | None = None
        self.came = asyncio.Event()  # a message is here

    async def __call__(self, message: Message) -> Sent:
        """Answers in the order in which messages came, each when it is no longer held."""
        self.messages.append(message)
        self.came.set()
        answer = self.answers.pop(0) if self.answers else Sent(success=True, message="Success")
        if self.hold is not None:
            await self.hold.wait()
        return answer

    @property
    def events(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(message.payload) for message in self.messages]


class Chain:
    """All services over one fake database, stepped by hand."""

    def __init__(self, *, caps: Caps | None = None, notifier: Notify | None = None) -> None:
        self.database = FakeDatabase()
        self.documents = FakeDocuments(self.database)
        self.observations = FakeObservations(self.database)
        self.past = FakePast(self.database)
        self.alarm_states = FakeAlarmStates(self.database)
        self.changelogs = FakeChangelogs(self.database)
        self.suppression_logs = FakeSuppressionLogs(self.database)
        self.outbox = FakeOutbox(self.database)
        self.tenants = FakeTenants(*(Tenant(id=tenant, created_at=0) for tenant in (ALICE, CHARLIE)))
        self.keyring = FakeKeyring()
        self.clock = FakeClock()
        self.entropy = FakeEntropy()
        self.memory = FakeEvaluationMemory(self.database)
        self.silence_timers = FakeSilenceTimers(self.database)
        self.database.commit_now(self.memory.keep(all_up()))
        self.database.commits = 0
        self.receiver = Receiver()
        self.ended = asyncio.Event()  # a send ended
        self.ingest = Ingest(self.observations, self.database.commit, lambda: None)
        self.caps = caps
        self.notifiers: dict[str, Notify] = {"webhook": notifier or self.receiver}
        self.start()

    def start(self, commit: Commit | None = None) -> None:
        """New processes over the same database: what a restart is."""
        commit = commit or self.database.commit
        self.evaluator = Evaluator(
            evaluate.Stores(
                observations=self.observations,
                past=self.past,
                alarm_states=self.alarm_states,
                memory=self.memory,
                silence_timers=self.silence_timers,
                changelogs=self.changelogs,
                suppression_logs=self.suppression_logs,
                outbox=self.outbox,
                documents=self.documents,
                commit=commit,
            ),
            WatchedChecks(self.documents, self.keyring),
            self.entropy,
            lambda: None,
            self.clock,
        )
        self.dispatcher = Dispatcher(
            dispatch.Stores(
                outbox=self.outbox,
                documents=self.documents,
                accounts=cast("Accounts", self.tenants),
                keyring=self.keyring,
                commit=commit,
            ),
            self.notifiers,
            self.clock,
            self.entropy,
            self.ended.set,
            self.caps,
        )

    def put(self, *documents: Document) -> None:
        """Stores documents, new ones and next revisions."""
        rows = self.database.table("documents")
        for stored in documents:
            if stored.id in rows:
                self.database.commit_now(self.documents.update(stored, rows[stored.id].revision))
            else:
                self.database.commit_now(self.documents.add(stored))

    def put_all(self) -> None:
        """The tenant's whole configuration."""
        self.put(entity(), check(), alarm(), plan(), notification())

    async def observe(self, *observations: Observation) -> None:
        """Takes observations in and evaluates all there are."""
        await self.ingest(observations)
        while await self.evaluator.step():
            pass

    async def happen(self, *happenings: Happening) -> None:
        """Writes them into the log and evaluates all there are."""
        await self.database.commit(self.observations.append(happenings))
        await self.observe()

    async def turn(self, zone: str, spell: Spell, at_s: float) -> None:
        """A zone stands otherwise, as the one process of ours says."""
        await self.happen(ZoneTurned(self.clock.now_ms + int(at_s * 1000), ZoneId(zone), "prOne", spell))

    async def tick(self, from_s: float, to_s: float) -> None:
        """The process ticks every 5 s from one moment to another."""
        for at_s in range(int(from_s), int(to_s) + 1, 5):
            at_ms = self.clock.now_ms + at_s * 1000
            await self.happen(Tick(at_ms, "prOne", at_ms, takes_agents=True))

    async def see(self, code: str | None, at_s: float, zones: Sequence[str] = ZONES) -> None:
        """Every zone sees the same, one after another within a second, on the clock's day."""
        base = self.clock.now_ms + int(at_s * 1000)
        await self.observe(*(observation(zone, code, base + 10 * n) for n, zone in enumerate(zones)))

    async def dispatch(self) -> None:
        """Sends all that is due and waits for it."""
        while await self.dispatcher.step():
            await self.settle()

    async def settle(self) -> None:
        """Until no send is under way."""
        while self.dispatcher.in_flight:
            self.ended.clear()
            await self.ended.wait()

    @property
    def states(self) -> list[str]:
        """The states of the changelog, oldest first."""
        return [change.state.value for change in self.changelogs.all()]

    @property
    def told(self) -> list[tuple[str, str]]:
        """(previous state, state) of each event received."""
        return [(event["previous_state"], event["details"]["state"]) for event in self.receiver.events]
