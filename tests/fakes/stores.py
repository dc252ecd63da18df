"""The stores of evaluation and dispatch, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from tests.fakes.database import FakeDatabase, Tables, expect, write
from vedette.domain.documents import Document, Kind
from vedette.domain.happenings import ProcessTurned, ZoneTurned
from vedette.domain.history import Attempt, Change, Delivery, DeliveryState, StateChange, SuppressionLog
from vedette.domain.ids import AgentId, CheckId, TenantId
from vedette.domain.observations import Entry, Logged, Observation
from vedette.engine.presence import Presence
from vedette.engine.states import AlarmState, LatestState
from vedette.engine.surroundings import Surroundings
from vedette.ports.accounts import Tenant
from vedette.ports.documents import Filter
from vedette.ports.history import Span
from vedette.ports.silence import SilenceTimer
from vedette.ports.unit import Write

EVERYTHING = Span(first=bytes(16), last=b"\xff" * 16, marker=None, limit=1_000_000)


class FakeObservations:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def after(self, seq: int, limit: int) -> list[Logged]:
        return [Logged(key, row) for key, row in sorted(self._database.table("log").items()) if key > seq][:limit]

    async def latest(self, check_id: str, place: str, up_to: int) -> Observation | None:
        seen = [
            one.entry for one in await self.after(0, 1 << 31) if one.seq <= up_to and isinstance(one.entry, Observation)
        ]
        of_place = [entry for entry in seen if (entry.check_id, entry.place) == (check_id, place)]
        return of_place[-1] if of_place else None

    async def cursor(self, name: str) -> int:
        return int(self._database.table("cursors").get(name, 0))

    def append(self, entries: Sequence[Entry]) -> Write:
        def append(tables: Tables) -> None:
            log = tables.setdefault("log", {})
            for entry in entries:
                log[len(log) + 1] = entry

        return write(append)

    def advance(self, name: str, old: int, new: int) -> Write:
        def advance(tables: Tables) -> None:
            cursors = tables.setdefault("cursors", {})
            expect(cursors.get(name, 0) == old, "cursor")
            cursors[name] = new

        return write(advance)

    def leave(self, name: str) -> Write:
        def leave(tables: Tables) -> None:
            tables.setdefault("cursors", {}).pop(name, None)

        return write(leave)

    def forget_before(self, arrival_ms: int, limit: int) -> Write:
        raise NotImplementedError


class FakePast:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def between(self, check_id: str, from_ms: int, to_ms: int, after: int, limit: int) -> Sequence[Logged]:
        wanted = [one for one in self._within(from_ms, to_ms) if one.seq > after]
        turns = ZoneTurned | ProcessTurned
        return [one for one in wanted if isinstance(one.entry, turns) or _is_of(one.entry, check_id)][:limit]

    async def of_agents(self, from_ms: int, to_ms: int) -> Sequence[Logged]:
        others = Observation | ZoneTurned | ProcessTurned
        return [one for one in self._within(from_ms, to_ms) if not isinstance(one.entry, others)]

    def _within(self, from_ms: int, to_ms: int) -> list[Logged]:
        log = sorted(self._database.table("log").items())
        return [Logged(key, entry) for key, entry in log if from_ms <= _arrival_ms(entry) < to_ms]


def _is_of(entry: Entry, check_id: str) -> bool:
    return isinstance(entry, Observation) and entry.check_id == check_id


def _arrival_ms(entry: Entry) -> int:
    return entry.arrival_ms if isinstance(entry, Observation) else entry.at_ms


class FakeEvaluationMemory:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def surroundings(self) -> Surroundings:
        kept: Surroundings = self._database.table("memory").get("surroundings", Surroundings())
        return kept

    async def presence(self, tenant_id: TenantId, agent_id: AgentId) -> Presence | None:
        return self._database.table("presences").get((tenant_id, agent_id))

    def keep(self, surroundings: Surroundings) -> Write:
        return write(lambda tables: tables.setdefault("memory", {}).update({"surroundings": surroundings}))

    def keep_presence(self, presence: Presence, at_ms: int) -> Write:
        key = (presence.tenant_id, presence.agent_id)
        return write(lambda tables: tables.setdefault("presences", {}).update({key: presence}))

    def forget_presences(self, before_ms: int) -> Write:
        raise NotImplementedError


class FakeSilenceTimers:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database
        self.reads = 0

    async def due(self, at_ms: int, limit: int) -> Sequence[SilenceTimer]:
        due = [timer for timer in self._rows().values() if timer.due_ms is not None and timer.due_ms <= at_ms]
        return sorted(due, key=lambda timer: timer.due_ms or 0)[:limit]

    async def find(self, check_id: CheckId) -> SilenceTimer | None:
        self.reads += 1
        return self._rows().get(check_id)

    def _rows(self) -> dict[str, SilenceTimer]:
        kept = self._database.table("documents")
        return {key: timer for key, timer in self._database.table("silence_timers").items() if key in kept}

    def start(self, timer: SilenceTimer) -> Write:
        return write(lambda tables: tables.setdefault("silence_timers", {}).update({timer.check_id: timer}))

    def move(self, before: SilenceTimer, after: SilenceTimer) -> Write:
        def move(tables: Tables) -> None:
            timers = tables.setdefault("silence_timers", {})
            kept = timers.get(before.check_id)
            expect(kept is not None and kept.due_ms == before.due_ms, "silence_timer")
            timers[before.check_id] = after

        return write(move)

    def hasten(self, tenant_id: TenantId, agent_id: AgentId, due_ms: int) -> Write:
        def hasten(tables: Tables) -> None:
            timers = tables.setdefault("silence_timers", {})
            for key, timer in list(timers.items()):
                if (timer.tenant_id, timer.agent_id) == (tenant_id, agent_id) and (timer.due_ms or 0) > due_ms:
                    timers[key] = msgspec.structs.replace(timer, due_ms=due_ms)

        return write(hasten)


class FakeAlarmStates:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database
        self.reads = 0
        self.looks = 0

    async def find(self, alarm_id: str) -> AlarmState | None:
        self.reads += 1
        return self._database.table("alarm_states").get(alarm_id)

    async def list(self, tenant_id: TenantId) -> list[AlarmState]:
        return [state for state in self._database.table("alarm_states").values() if state.tenant_id == tenant_id]

    async def latest(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Sequence[LatestState]:
        raise NotImplementedError

    async def held(self, tenant_id: TenantId) -> Sequence[AlarmState]:
        return [state for state in await self.list(tenant_id) if state.is_held]

    async def tenants_held(self) -> Sequence[TenantId]:
        self.looks += 1
        states = self._database.table("alarm_states").values()
        return sorted({TenantId(state.tenant_id) for state in states if state.is_held})

    def put(self, state: AlarmState, revision: int) -> Write:
        def put(tables: Tables) -> None:
            states = tables.setdefault("alarm_states", {})
            expect(state.alarm_id in tables.setdefault("documents", {}), "alarm")
            kept = states.get(state.alarm_id)
            expect((kept.revision if kept else 0) == revision, "alarm_state")
            states[state.alarm_id] = msgspec.structs.replace(state, revision=revision + 1)

        return write(put)


class FakeChangelogs:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def list(self, tenant_id: TenantId, entity_id: str | None, span: Span) -> list[StateChange]:
        return [change for change in self.all() if change.tenant_id == tenant_id]

    async def of_alarm(self, tenant_id: TenantId, entity_id: str, alarm_id: str, span: Span) -> Sequence[StateChange]:
        wanted = (tenant_id, entity_id, alarm_id)
        found = [one for one in self.all() if (one.tenant_id, one.entity_id, one.alarm_id) == wanted]
        return [one for one in found[:: -1 if span.reverse else 1] if span.first <= one.key < span.last][: span.limit]

    def all(self) -> Sequence[StateChange]:
        return [change for _, change in sorted(self._database.table("changelog").items())]

    def add(self, change: StateChange) -> Write:
        return write(lambda tables: tables.setdefault("changelog", {}).update({change.key: change}))

    def forget_before(self, key: bytes, limit: int) -> Write:
        raise NotImplementedError


class FakeSuppressionLogs:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    async def list(self, tenant_id: TenantId, span: Span) -> list[SuppressionLog]:
        return [log for log in self.all() if log.tenant_id == tenant_id]

    def all(self) -> Sequence[SuppressionLog]:
        return [log for _, log in sorted(self._database.table("suppression_log").items())]

    def add(self, log: SuppressionLog) -> Write:
        return write(lambda tables: tables.setdefault("suppression_log", {}).update({log.key: log}))

    def forget_before(self, key: bytes, limit: int) -> Write:
        raise NotImplementedError


class FakeOutbox:
    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def all(self) -> list[Delivery]:
        return [delivery for _, delivery in sorted(self._database.table("outbox").items())]

    async def due(self, now_ms: int, limit: int, without: Collection[str] = ()) -> list[Delivery]:
        first: dict[tuple[str, str], Delivery] = {}
        for delivery in self.all():
            if delivery.delivery_state is DeliveryState.PENDING:
                first.setdefault((delivery.alarm_id, delivery.notification_id), delivery)
        due = [delivery for delivery in first.values() if delivery.next_at_ms <= now_ms]
        open_ = [d for d in due if d.tenant_id not in without and d.notification_id not in without]
        return sorted(open_, key=lambda delivery: (delivery.next_at_ms, delivery.key))[:limit]

    async def next_due_ms(self) -> int | None:
        pending = [d.next_at_ms for d in self.all() if d.delivery_state is DeliveryState.PENDING]
        return min(pending, default=None)

    async def history(self, tenant_id: TenantId, alarm_id: str, check_id: str | None, span: Span) -> list[Delivery]:
        found = [one for one in self.all() if (one.tenant_id, one.alarm_id) == (tenant_id, alarm_id)]
        return [one for one in found[:: -1 if span.reverse else 1] if span.first <= one.key < span.last]

    async def history_checks(self, tenant_id: TenantId, alarm_id: str) -> list[str]:
        return sorted({delivery.check_id for delivery in await self.history(tenant_id, alarm_id, None, EVERYTHING)})

    async def attempts(self, delivery_keys: Sequence[bytes]) -> list[Attempt]:
        rows = self._database.table("attempts")
        return [attempt for (key, _), attempt in sorted(rows.items()) if key in delivery_keys]

    def add(self, delivery: Delivery) -> Write:
        return write(lambda tables: tables.setdefault("outbox", {}).update({delivery.key: delivery}))

    def claim(self, delivery: Delivery, until_ms: int, attempt: Attempt) -> Write:
        def claim(tables: Tables) -> None:
            expect(tables["outbox"].get(delivery.key) == delivery, "claim")
            claimed = msgspec.structs.replace(delivery, attempts=attempt.number, next_at_ms=until_ms)
            tables["outbox"][delivery.key] = claimed
            tables.setdefault("attempts", {})[delivery.key, attempt.number] = attempt

        return write(claim)

    def finish(self, delivery: Delivery, attempt: Attempt) -> Write:
        def finish(tables: Tables) -> None:
            kept: Delivery = tables["outbox"][delivery.key]
            expect(kept.attempts == attempt.number and kept.delivery_state is DeliveryState.PENDING, "claim")
            tables["outbox"][delivery.key] = delivery
            tables["attempts"][delivery.key, attempt.number] = attempt

        return write(finish)

    def release(self, now_ms: int) -> Write:
        raise NotImplementedError

    def forget_before(self, key: bytes, limit: int) -> Write:
        raise NotImplementedError


class FakeDocuments:
    """Reads, and the writes that feed the changes."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database
        self.reads = 0

    def _rows(self) -> dict[Any, Any]:
        return self._database.table("documents")

    async def find(self, tenant_id: TenantId, kind: Kind, key: str) -> Document | None:
        self.reads += 1
        document: Document | None = self._rows().get(key)
        return document if document and (document.tenant_id, document.kind) == (tenant_id, kind) else None

    async def list(
        self, tenant_id: TenantId, kind: Kind, where: Filter, marker: str | None, limit: int
    ) -> list[Document]:
        self.reads += 1
        rows = [document for _, document in sorted(self._rows().items()) if document.id >= (marker or "")]
        rows = [document for document in rows if (document.tenant_id, document.kind) == (tenant_id, kind)]
        rows = [document for document in rows if where.entity_id in (None, document.entity_id)]
        return [document for document in rows if where.check_id in (None, document.check_id)][:limit]

    async def count(self, tenant_id: TenantId, kind: Kind) -> int:
        raise NotImplementedError

    async def of_entities(self, tenant_id: TenantId, kind: Kind, entity_ids: Sequence[str]) -> Sequence[Document]:
        return [
            row
            for row in await self.every(kind, None, 1 << 31)
            if row.tenant_id == tenant_id and row.entity_id in entity_ids
        ]

    async def count_refs(self, tenant_id: TenantId, kind: Kind) -> Mapping[str, int]:
        raise NotImplementedError

    async def referrers(self, tenant_id: TenantId, key: str, limit: int) -> Sequence[str]:
        raise NotImplementedError

    async def entity_of_agent(self, tenant_id: TenantId, agent_id: str) -> Document | None:
        raise NotImplementedError

    async def every(self, kind: Kind, marker: str | None, limit: int) -> Sequence[Document]:
        rows = sorted(self._rows().values(), key=lambda row: row.id)
        return [row for row in rows if row.kind == kind and row.id >= (marker or "")][:limit]

    async def changes(self, after: int, limit: int) -> Sequence[Change]:
        feed = self._database.table("changes")
        return [change for seq, change in sorted(feed.items()) if seq > after][:limit]

    async def last_change(self) -> int:
        return max(self._database.table("changes"), default=0)

    def add(self, document: Document) -> Write:
        return self._put(document)

    def update(self, document: Document, revision: int) -> Write:
        return self._put(document, revision)

    def _put(self, document: Document, revision: int | None = None) -> Write:
        def put(tables: Tables) -> None:
            rows = tables.setdefault("documents", {})
            kept = rows.get(document.id)
            expect((kept.revision if kept else None) == revision, "revision")
            rows[document.id] = document
            _announce(tables, document)

        return write(put)

    def remove(self, document: Document) -> Write:
        def remove(tables: Tables) -> None:
            rows = tables.setdefault("documents", {})
            gone = [row for row in rows.values() if document.id in (row.id, row.entity_id, row.check_id)]
            for row in gone:
                del rows[row.id]
            _announce(tables, document)

        return write(remove)

    def require(self, tenant_id: TenantId, keys: Sequence[str]) -> Write:
        def require(tables: Tables) -> None:
            kept = tables.setdefault("documents", {})
            expect(all(key in kept and kept[key].tenant_id == tenant_id for key in keys), "required")

        return write(require)

    def unreferenced(self, tenant_id: TenantId, key: str) -> Write:
        raise NotImplementedError

    def referred_below(self, tenant_id: TenantId, key: str, limit: int, guard: str) -> Write:
        raise NotImplementedError

    def below(self, tenant_id: TenantId, kind: Kind, limit: int, guard: str = "limit") -> Write:
        raise NotImplementedError


def _announce(tables: Tables, document: Document) -> None:
    feed = tables.setdefault("changes", {})
    seq = len(feed) + 1
    feed[seq] = Change(seq, document.tenant_id, document.kind.value, document.id)


class FakeTenants:
    """As much of `Accounts` as dispatch reads."""

    def __init__(self, *tenants: Tenant) -> None:
        self._tenants = {tenant.id: tenant for tenant in tenants}

    def put(self, tenant: Tenant) -> None:
        self._tenants[tenant.id] = tenant

    async def find_tenant(self, tenant_id: TenantId) -> Tenant | None:
        return self._tenants.get(tenant_id)
