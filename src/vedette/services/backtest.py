"""What an alarm would have done in a stretch of the past, under its own criteria or others, beside what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.criteria import Criteria
from vedette.domain.faults import Fault, invalid
from vedette.domain.history import Delivery, DeliveryState, StateChange, entry_of
from vedette.domain.resources import ALARM
from vedette.domain.states import State
from vedette.domain.timeline import at_of, key_at, uuid_of
from vedette.domain.value_types import Integer
from vedette.ports.documents import Documents
from vedette.ports.history import Changelogs, Outbox, Span
from vedette.ports.unit import Commit
from vedette.services.alarms import parsed_criteria
from vedette.services.audits import Auditor
from vedette.services.backtested import Tally
from vedette.services.comparison import MOST_SHOWN, Page, compared
from vedette.services.documents import DocumentService
from vedette.services.explain import objects_of
from vedette.services.notification_history import AlarmOf
from vedette.services.past_configuration import Objects
from vedette.services.replays import Replays, Running
from vedette.services.requests import Body, Request
from vedette.services.turns import Turns

LONGEST_MS = 31 * 24 * 3_600_000
MOST_OBSERVATIONS = 1_000_000
_PAGE = 200
_MOMENT = Integer(0, (1 << 53) - 1)
_CRITERIA = next(attribute for attribute in ALARM.attributes if attribute.name == "criteria")


class Asked(msgspec.Struct, frozen=True):
    """A stretch of the past, and the criteria to try; None for those that the alarm had."""

    from_ms: int
    to_ms: int
    criteria: Criteria | None


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What is read beside the replay."""

    documents: Documents
    changelogs: Changelogs
    outbox: Outbox
    commit: Commit


class BackTests:
    """One at a time for each tenant: each takes as much work as its stretch has observations."""

    def __init__(self, alarms: DocumentService, stores: Stores, auditor: Auditor, replays: Replays) -> None:
        self._alarms = alarms
        self._stores = stores
        self._auditor = auditor
        self._replays = replays
        self._turns = Turns("back-test", most_waiting=0)

    async def run(self, request: Request, alarm: AlarmOf, body: Body) -> dict[str, Any]:
        """Nothing is kept of it but its audit entry."""
        asked = _asked(body, request.now_ms)
        objects = await objects_of(self._alarms, self._stores.documents, alarm)
        async with self._turns.turn(request.tenant_id):
            found = await self._run(objects, asked)
        await self._stores.commit(self._auditor.entry(request, 200))
        return found

    async def _run(self, objects: Objects, asked: Asked) -> dict[str, Any]:
        running = await self._replays.begin(objects, asked.from_ms, asked.criteria)
        found = Tally(asked.from_ms, running.configuration.plans)
        async for step in self._replays.steps(running, objects.check.id, asked.to_ms):
            found.take(step)
            if running.observations > MOST_OBSERVATIONS:
                raise Fault("requestTooLargeError", "The stretch has too many observations",
                            f"Expected `to` not after {step.at_ms}: that many come before it")  # fmt: skip
        would = found.shown(running.replay.state.state, asked.to_ms)
        was, pages = await self._was(objects, asked)
        return {
            "from": asked.from_ms,
            "to": asked.to_ms,
            "data_from": None if running.data_from_ms is None else max(running.data_from_ms, asked.from_ms),
            "configuration_from": max(running.configuration.known_from_ms, asked.from_ms),
            "observations": found.observations,
            "would": would,
            "was": was,
            "comparison": compared(found.pages, pages, _tolerance_ms(running)),
        }

    async def _was(self, objects: Objects, asked: Asked) -> tuple[dict[str, Any], list[Page]]:
        """What the changelog and the notification history say of the same stretch."""
        before = await self._replays.last_change(objects, asked.from_ms)
        changes, count = await self._changes(objects, asked)
        entries: dict[bytes, list[Delivery]] = {}
        for delivery in await self._deliveries(objects, asked):
            entries.setdefault(entry_of(delivery.key), []).append(delivery)
        told = [one for one in entries.values() if one[0].delivery_state is not DeliveryState.SUPPRESSED]
        pages = [_sent(one) for one in told]
        return {
            "state": State.UNKNOWN if before is None else before.state,
            "timeline": [_recorded(change) for change in changes],
            "notifications": [page.shown() for page in pages[:MOST_SHOWN]],
            "changes": count,
            "notified": len(pages),
            "suppressed": len(entries) - len(told),
        }, pages

    async def _changes(self, objects: Objects, asked: Asked) -> tuple[list[StateChange], int]:
        """Those that are shown, for each holds all votes; and how many there are."""
        tenant_id, entity_id, alarm_id = objects.tenant_id, objects.entity.id, objects.alarm.id
        shown: list[StateChange] = []
        count = 0
        first = key_at(asked.from_ms)
        while True:
            span = Span(first=first, last=key_at(asked.to_ms), marker=None, limit=_PAGE)
            page = await self._stores.changelogs.of_alarm(tenant_id, entity_id, alarm_id, span)
            shown += page[: MOST_SHOWN - len(shown)]
            count += len(page)
            if len(page) < _PAGE:
                return shown, count
            first = _after(page[-1].key)
            await asyncio.sleep(0)

    async def _deliveries(self, objects: Objects, asked: Asked) -> list[Delivery]:
        """A page counts entries, and is over when it has none."""
        found: list[Delivery] = []
        first = key_at(asked.from_ms)
        while True:
            span = Span(first=first, last=key_at(asked.to_ms), marker=None, limit=_PAGE)
            page = await self._stores.outbox.history(objects.tenant_id, objects.alarm.id, None, span)
            if not page:
                return found
            found += [msgspec.structs.replace(delivery, payload=b"") for delivery in page]
            first = _after(page[-1].key[:-2] + b"\xff\xff")
            await asyncio.sleep(0)


def _after(key: bytes) -> bytes:
    return (int.from_bytes(key) + 1).to_bytes(len(key))


def _asked(body: Body, now_ms: int) -> Asked:
    to_ms = now_ms if body.get("to") is None else _moment(body, "to")
    from_ms = _moment(body, "from")
    if to_ms > now_ms:
        raise invalid("to", "Expected a time that is not in the future")
    if not from_ms < to_ms <= from_ms + LONGEST_MS:
        raise invalid("from", f"Expected a time before `to`, by {LONGEST_MS // 86_400_000} days at most")
    if "criteria" not in body:
        return Asked(from_ms, to_ms, None)
    given = body["criteria"]
    return Asked(
        from_ms, to_ms, parsed_criteria(None if given is None else _CRITERIA.type.parse(given, _CRITERIA.name))
    )


def _moment(body: Body, name: str) -> int:
    if body.get(name) is None:
        raise invalid(name, f"Missing required key ({name})")
    return int(_MOMENT.parse(body[name], name))


def _tolerance_ms(running: Running) -> int:
    """Pages further apart than votes stay fresh have nothing to do with one another."""
    alarms = [setting.alarm for setting in running.configuration.past.settings if setting.alarm is not None]
    return max((alarm.terms.window_ms for alarm in alarms), default=0)


def _recorded(change: StateChange) -> dict[str, Any]:
    return {
        "id": uuid_of(change.key),
        "timestamp": change.at_ms,
        "state": change.state,
        "previous_state": change.previous_state,
        "status": change.status,
        "reason": change.reason,
        "analyzed_by_monitoring_zone_id": change.analyzed_by,
        "votes": change.votes,
    }


def _sent(deliveries: Sequence[Delivery]) -> Page:
    """One telling in the notification history, to all receivers of a plan."""
    first = deliveries[0]
    return Page(
        at_ms=at_of(first.key),
        plan_id=first.plan_id,
        state=first.state,
        previous=first.previous_state,
        status=first.status,
        receivers=tuple(delivery.notification_id for delivery in deliveries),
    )
