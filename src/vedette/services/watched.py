"""The checks under watch, ready for evaluation: kept in memory, so that an observation costs no read of configuration.

What is kept follows the changes feed. A reader that first reads observations and then calls `refresh` sees every change
that was committed before those observations were.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from vedette.criteria import Criteria, CriteriaError, compile_criteria
from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import AgentId, AlarmId, CheckId, EntityId, PlanId, TenantId
from vedette.engine.basis import Basis, Revision, basis, digest, enabled_revision
from vedette.engine.terms import AGENT_PLACE, Terms, consecutive_count, window_ms
from vedette.ports.documents import Documents, Filter
from vedette.ports.secrets import Keyring
from vedette.services import sealing

_page = 1000
_page_of_all = 100
_turn = 10


class WatchedAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An enabled alarm and the terms it is decided under."""

    id: AlarmId
    plan_id: PlanId
    criteria: Criteria
    terms: Terms
    basis: Basis
    changed_ms: int  # last change of it or its check


class WatchedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check with its enabled alarms; a disabled one has none."""

    tenant_id: TenantId
    entity_id: EntityId
    id: CheckId
    type: str
    revisions: dict[str, Revision]  # of the check and its alarms, where enabled
    alarms: tuple[WatchedAlarm, ...]
    period_ms: int
    timeout_ms: int  # of its probes; 0 where its type has none


class WatchedChecks:
    """At most `most` checks, the first kept forgotten first."""

    def __init__(self, documents: Documents, keyring: Keyring, most: int = 200_000) -> None:
        self._documents = documents
        self._keyring = keyring
        self._most = most
        self._checks: dict[str, WatchedCheck | None] = {}
        self._check_of_alarm: dict[str, CheckId] = {}
        self._checks_of_entity: dict[str, set[CheckId]] = {}
        self._read_to: int | None = None
        self._followers: list[Callable[[Sequence[Change]], None]] = []

    def tell(self, follow: Callable[[Sequence[Change]], None]) -> None:
        """Who else in evaluation keeps something of the configuration: told of changes before `refresh` returns."""
        self._followers.append(follow)

    async def find(self, tenant_id: TenantId, check_id: CheckId) -> WatchedCheck | None:
        """None when the tenant has no such check."""
        if check_id not in self._checks:
            await self._load(tenant_id, check_id)
        check = self._checks[check_id]
        return check if check is not None and check.tenant_id == tenant_id else None

    async def polled_from(self, zones: AbstractSet[str]) -> AsyncIterator[WatchedCheck]:
        """The checks of all tenants that are polled from any of the zones."""
        marker: str | None = None
        while True:
            page = await self._documents.every(Kind.CHECK, marker, _page_of_all + 1)
            polled = [check for check in page[:_page_of_all] if not zones.isdisjoint(check.refs)]
            for number, check in enumerate(polled, 1):
                watched = await self.find(check.tenant_id, CheckId(check.id))
                if watched is not None:
                    yield watched
                if number % _turn == 0:
                    await asyncio.sleep(0)  # SQLite is read on the event loop: others get their turn among many checks
            if len(page) <= _page_of_all:
                return
            marker = page[_page_of_all].id
            await asyncio.sleep(0)

    def forget(self) -> None:
        """Forgets all that is kept: something was found that the changes feed did not tell."""
        self._checks.clear()
        self._check_of_alarm.clear()
        self._checks_of_entity.clear()

    async def refresh(self) -> None:
        """Follows the changes feed up to its end."""
        if self._read_to is None:
            self._read_to = await self._documents.last_change()
            self.forget()
            return
        while changes := await self._documents.changes(self._read_to, _page):
            for follow in self._followers:
                follow(changes)
            for tenant_id, check_id in await self._touched(changes):
                await self._load(tenant_id, check_id)
            self._read_to = changes[-1].seq

    async def _touched(self, changes: Iterable[Change]) -> set[tuple[TenantId, CheckId]]:
        """The checks kept that any of the changes is about."""
        touched: set[tuple[TenantId, CheckId]] = set()
        for change in changes:
            if change.kind == Kind.CHECK:
                touched.add((change.tenant_id, CheckId(change.id)))
            elif change.kind == Kind.ALARM:
                touched.add((change.tenant_id, await self._check_of(change)))
            elif change.kind == Kind.ENTITY:
                checks = self._checks_of_entity.get(change.id, ())
                touched.update((change.tenant_id, check_id) for check_id in checks)
        return {(tenant_id, check_id) for tenant_id, check_id in touched if check_id in self._checks}

    async def _check_of(self, change: Change) -> CheckId:
        known = self._check_of_alarm.get(change.id)
        if known is None:
            alarm = await self._documents.find(change.tenant_id, Kind.ALARM, change.id)
            known = CheckId((alarm.check_id if alarm else None) or "")
        return known

    async def _load(self, tenant_id: TenantId, check_id: CheckId) -> None:
        before = self._drop(check_id)
        check = await self._documents.find(tenant_id, Kind.CHECK, check_id)
        entity = None
        if check is not None and check.entity_id is not None:
            entity = await self._documents.find(tenant_id, Kind.ENTITY, check.entity_id)
        watched = None
        if check is not None and entity is not None:
            known = before.revisions if before is not None else {}
            watched = made(entity, check, await self._alarms(check), known, _sealed(self._keyring, check))
        self._keep(check_id, watched)

    def _keep(self, check_id: CheckId, watched: WatchedCheck | None) -> None:
        self._checks[check_id] = watched
        if watched is not None:
            self._checks_of_entity.setdefault(watched.entity_id, set()).add(check_id)
            self._check_of_alarm.update((alarm.id, check_id) for alarm in watched.alarms)
        while len(self._checks) > self._most:
            self._drop(next(iter(self._checks)))

    async def _alarms(self, check: Document) -> list[Document]:
        where = Filter(entity_id=check.entity_id, check_id=check.id)
        alarms: list[Document] = []
        marker: str | None = None
        while True:
            page = await self._documents.list(check.tenant_id, Kind.ALARM, where, marker, _page + 1)
            alarms.extend(page[:_page])
            if len(page) <= _page:
                return alarms
            marker = page[_page].id

    def _drop(self, check_id: str) -> WatchedCheck | None:
        check = self._checks.pop(check_id, None)
        if check is None:
            return None
        for alarm in check.alarms:
            self._check_of_alarm.pop(alarm.id, None)
        siblings = self._checks_of_entity[check.entity_id]
        siblings.discard(check.id)
        if not siblings:
            del self._checks_of_entity[check.entity_id]
        return check


def made(
    entity: Document, check: Document, alarms: list[Document], known: Mapping[str, Revision], sealed: tuple[str, ...]
) -> WatchedCheck:
    """A watched check from stored objects.

    `known` are the revisions last seen enabled; `sealed` stands for the check's secrets and is another when they are.
    """
    return _Maker(entity, check, known, sealed).watched(alarms)


class _Maker:
    def __init__(
        self, entity: Document, check: Document, known: Mapping[str, Revision], sealed: tuple[str, ...]
    ) -> None:
        self._check = check
        self._known = known
        self._public: dict[str, Any] = msgspec.json.decode(check.public)
        self._entity: dict[str, Any] = msgspec.json.decode(entity.public)
        self._sealed = sealed
        self._revisions: dict[str, Revision] = {}

    def watched(self, alarms: list[Document]) -> WatchedCheck:
        check = self._check
        is_enabled = not self._public.get("disabled")
        made = [self._alarm(alarm) for alarm in alarms] if is_enabled else []
        return WatchedCheck(
            tenant_id=check.tenant_id,
            entity_id=EntityId(check.entity_id or ""),
            id=CheckId(check.id),
            type=self._public["type"],
            revisions=self._revisions,
            alarms=tuple(alarm for alarm in made if alarm is not None),
            period_ms=self._public["period"] * 1000,
            timeout_ms=(self._public.get("timeout") or 0) * 1000,
        )

    def _alarm(self, alarm: Document) -> WatchedAlarm | None:
        public: dict[str, Any] = msgspec.json.decode(alarm.public)
        if public.get("disabled"):
            return None
        try:
            criteria = compile_criteria(public.get("criteria"))
        except CriteriaError:
            # Criteria are parsed when they are written; only an older, laxer version can have let these in.
            return None
        return WatchedAlarm(
            id=AlarmId(alarm.id),
            plan_id=PlanId(public["notification_plan_id"]),
            criteria=criteria,
            terms=self._terms(criteria),
            basis=self._basis(criteria, alarm),
            changed_ms=max(self._check.updated_at, alarm.updated_at),
        )

    def _revision(self, document: Document) -> Revision:
        revision = enabled_revision(self._known.get(document.id), document.revision)
        self._revisions[document.id] = revision
        return revision

    def _basis(self, criteria: Criteria, alarm: Document) -> Basis:
        newest, *older = [self._digest(criteria, sealed) for sealed in self._sealed]
        return basis(newest, self._revision(self._check), self._revision(alarm), tuple(older))

    def _digest(self, criteria: Criteria, sealed: str) -> str:
        public = self._public
        made_of = (public["type"], public["details"], sealed, self._target(), public["period"], self._agent_id())
        return digest(criteria.text, *made_of)

    def _agent_id(self) -> AgentId | None:
        agent_id = self._entity.get("agent_id") if self._public["type"].startswith("agent.") else None
        return AgentId(agent_id) if agent_id else None

    def _terms(self, criteria: Criteria) -> Terms:
        public = self._public
        is_agent = public["type"].startswith("agent.")
        period_ms = public["period"] * 1000
        count = consecutive_count(criteria.consecutive_count, public["type"])
        return Terms(
            consistency=criteria.consistency,
            count=count,
            places=(AGENT_PLACE,) if is_agent else tuple(public.get("monitoring_zones_poll") or ()),
            agent_id=self._agent_id(),
            is_agent=is_agent,
            check_revision=self._check.revision,
            window_ms=window_ms(count, period_ms, is_agent=is_agent),
            half_period_ms=period_ms / 2,
        )

    def _target(self) -> list[str | None]:
        """What is probed; behind an alias the entity's address."""
        alias = self._public.get("target_alias")
        addresses = self._entity.get("ip_addresses") or {}
        return [addresses.get(alias) if alias else None, *(self._public.get(key) for key in _target_keys)]


def _sealed(keyring: Keyring, check: Document) -> tuple[str, ...]:
    """Digests of the secrets under every key: a new key is no change of the check."""
    secret = sealing.open_secrets(keyring, check)
    if not secret:
        return ("",)
    return tuple(index.hex() for index in keyring.indexes("alarm_basis", msgspec.json.encode(secret).decode()))


_target_keys = ("target_alias", "target_hostname", "target_resolver")
