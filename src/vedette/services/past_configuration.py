"""How an alarm was configured in the past, made from what is stored now and from the revisions before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from vedette.criteria import Criteria
from vedette.domain.documents import Document, Kind
from vedette.domain.ids import TenantId
from vedette.engine.basis import Revision as EnabledRevision
from vedette.engine.confirm import Pace
from vedette.engine.replayed import Configured, Lasting, Past, Setting
from vedette.engine.suppression import Subject
from vedette.ports.documents import Documents
from vedette.ports.past import Revision, Revisions
from vedette.services.known_suppressions import listed, read
from vedette.services.notifications import BUILT_IN_NOTIFICATIONS
from vedette.services.watched import WatchedAlarm, WatchedCheck, made

MOST_REVISIONS = 500
"""Of one alarm with its check and entity, and of its plans; older ones are not looked at."""
MOST_SUPPRESSIONS = 2_000
"""Revisions of a tenant's, likewise."""


class Objects(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm and what it belongs to, as they are stored now."""

    entity: Document
    check: Document
    alarm: Document

    @property
    def tenant_id(self) -> TenantId:
        return self.alarm.tenant_id


class PastPlans:
    """Who was told of a plan's states at which time."""

    def __init__(self, lives: Sequence[Life]) -> None:
        self._lives = {life.id: life for life in lives}

    def receivers(self, plan_id: str, state: str, at_ms: int) -> list[str]:
        """The plan's notifications for a state, each once; none of a plan that was not there."""
        life = self._lives.get(plan_id)
        plan = life.at(at_ms) if life is not None else None
        if plan is None:
            return []
        public: dict[str, Any] = msgspec.json.decode(plan.public)
        ids = dict.fromkeys(public.get(f"{state.lower()}_state") or ())
        return [key for key in ids if key not in BUILT_IN_NOTIFICATIONS]


class PastConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an alarm's configuration in a stretch of the past."""

    past: Past
    plans: PastPlans
    known_from_ms: int  # before this moment it is taken to have been as it was then


class Life:
    """The revisions of one object, oldest first; the first one known also stands for what it was before."""

    def __init__(self, present: Document | None, before: Iterable[Revision]) -> None:
        older = sorted(before, key=lambda revision: revision.document.revision)
        self._documents = [revision.document for revision in older]
        if present is not None:
            self._documents.append(present)
        self._until_ms = None if present is not None or not older else older[-1].until_ms
        self.id = self._documents[0].id
        # When it became another one, its beginning included.
        self.moments = [self._documents[0].created_at, *(one.updated_at for one in self._documents[1:])]

    @property
    def known_from_ms(self) -> int:
        """When the first known revision began."""
        first = self._documents[0]
        return first.created_at if first.revision == 1 else first.updated_at

    def at(self, at_ms: int) -> Document | None:
        """The object as it was; None before it was made and after it went."""
        place = bisect_right(self.moments, at_ms)
        if place == 0 or (self._until_ms is not None and at_ms >= self._until_ms):
            return None
        return self._documents[place - 1]

    def stretches(self) -> Iterable[tuple[Document, int, int | None]]:
        """(the object, from when, until when; None for what holds now)."""
        return zip(self._documents, self.moments, [*self.moments[1:], self._until_ms], strict=True)


class PastConfigurations:
    """Reads them."""

    def __init__(self, documents: Documents, revisions: Revisions, confirm_after_ms: int) -> None:
        """`confirm_after_ms`: when confirm rounds probe again; 0: there are none."""
        self._documents = documents
        self._revisions = revisions
        self._confirm_after_ms = confirm_after_ms

    async def since(self, objects: Objects, from_ms: int, criteria: Criteria | None = None) -> PastConfiguration:
        """The configuration from a moment on.

        With `criteria`, as if the alarm had had them all the time, enabled, with the plan that it has now.
        """
        lives = await self._lives(objects, from_ms)
        entity, check, alarm = (lives[one.id] for one in (objects.entity, objects.check, objects.alarm))
        if criteria is not None:
            alarm = Life(_with_criteria(objects.alarm, criteria), ())
        suppressions, are_whole = await self._suppressions(objects.tenant_id, from_ms)
        maker = _SettingsMaker(self._confirm_after_ms)
        settings = maker.settings(entity, check, alarm, ever=criteria is not None)
        asked = (entity, check) if criteria is not None else (entity, check, alarm)
        known_from = max(life.known_from_ms if life.known_from_ms > from_ms else 0 for life in asked)
        return PastConfiguration(
            past=Past(
                subject=Subject(objects.entity.id, objects.check.id, objects.alarm.id),
                settings=settings,
                suppressions=suppressions,
            ),
            plans=PastPlans(await self._plans(objects.tenant_id, settings, from_ms)),
            known_from_ms=max(known_from, are_whole),
        )

    async def _lives(self, objects: Objects, from_ms: int) -> dict[str, Life]:
        present = {one.id: one for one in (objects.entity, objects.check, objects.alarm)}
        found = await self._revisions.of(objects.tenant_id, list(present), from_ms, MOST_REVISIONS)
        return {
            key: Life(document, [one for one in found if one.document.id == key]) for key, document in present.items()
        }

    async def _plans(self, tenant_id: TenantId, settings: Iterable[Setting], from_ms: int) -> list[Life]:
        ids = sorted({one.alarm.plan_id for one in settings if one.alarm is not None})
        found = await self._revisions.of(tenant_id, ids, from_ms, MOST_REVISIONS)
        lives = []
        for key in ids:
            present = await self._documents.find(tenant_id, Kind.PLAN, key)
            before = [one for one in found if one.document.id == key]
            if present is not None or before:
                lives.append(Life(present, before))
        return lives

    async def _suppressions(self, tenant_id: TenantId, from_ms: int) -> tuple[tuple[Lasting, ...], int]:
        """What lasted when, and from when on that is all there was."""
        found = await self._revisions.of_kind(tenant_id, Kind.SUPPRESSION, from_ms, MOST_SUPPRESSIONS)
        present = {one.id: one for one in await listed(self._documents, tenant_id)}
        before: dict[str, list[Revision]] = {}
        for one in found:
            before.setdefault(one.document.id, []).append(one)
        lives = [Life(present.get(key), before.get(key, ())) for key in sorted({*present, *before})]
        lasting = [_lasting(*stretch) for life in lives for stretch in life.stretches()]
        is_cut = len(found) == MOST_SUPPRESSIONS
        return tuple(lasting), min(one.until_ms for one in found) if is_cut else 0


def _with_criteria(alarm: Document, criteria: Criteria) -> Document:
    public: dict[str, Any] = msgspec.json.decode(alarm.public)
    changed = msgspec.json.encode(public | {"criteria": criteria.text or None, "disabled": False})
    return msgspec.structs.replace(alarm, public=changed)


def _lasting(document: Document, since_ms: int, until_ms: int | None) -> Lasting:
    suppression = read(document)
    return Lasting(suppression, since_ms) if until_ms is None else Lasting(suppression, since_ms, until_ms)


class _SettingsMaker:
    """Goes through an alarm's revisions in order, as evaluation did."""

    def __init__(self, confirm_after_ms: int) -> None:
        self._confirm_after_ms = confirm_after_ms
        self._known: Mapping[str, EnabledRevision] = {}
        self._secrets = 0  # how often they are known to have changed

    def settings(self, entity: Life, check: Life, alarm: Life, *, ever: bool) -> tuple[Setting, ...]:
        """One for each moment at which anything changed. `ever`: the alarm has been as it is as long as the check."""
        moments = {*entity.moments, *check.moments, *(() if ever else alarm.moments)}
        settings = []
        before = None
        for at_ms in sorted(moments):
            now = check.at(at_ms)
            self._secrets += _is_of_secrets_alone(before, now)
            before = now
            present = next(iter(alarm.stretches()))[0] if ever else alarm.at(at_ms)
            settings.append(Setting(at_ms, self._configured(entity.at(at_ms), now, present)))
        return tuple(settings)

    def _configured(self, entity: Document | None, check: Document | None, alarm: Document | None) -> Configured | None:
        if entity is None or check is None or alarm is None:
            self._known = {}
            return None
        watched = made(entity, check, [alarm], self._known, (str(self._secrets),))
        self._known = watched.revisions
        return next((self._of(watched, one) for one in watched.alarms), None)

    def _of(self, check: WatchedCheck, alarm: WatchedAlarm) -> Configured:
        after_ms = self._confirm_after_ms
        return Configured(
            criteria=alarm.criteria,
            terms=alarm.terms,
            basis=alarm.basis,
            plan_id=alarm.plan_id,
            pace=Pace(after_ms, check.timeout_ms, check.period_ms) if after_ms else None,
            changed_ms=alarm.changed_ms,
        )


def _is_of_secrets_alone(before: Document | None, after: Document | None) -> bool:
    """Secrets of the past are not kept; but a change that shows nowhere else was one of them."""
    if before is None or after is None or before.revision == after.revision:
        return False
    shown: list[dict[str, Any]] = [msgspec.json.decode(one.public) for one in (before, after)]
    return shown[0] | {"updated_at": 0} == shown[1] | {"updated_at": 0}
