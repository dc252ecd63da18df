"""Where collectors take their checks: in this process by a call, over the wire by deliveries to their process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from vedette.domain.ids import CheckId, TenantId
from vedette.ports.probing import Assignment, Collector, Confirmation
from vedette.services.agent_connections import Identity, Live
from vedette.services.placement import Member
from vedette.services.polled_checks import polled
from vedette.services.zone_watch import BEAT_MS, BEATS, POLLERS_BEAT_MS
from vedette.wire.deliveries import Delivery, Step
from vedette.wire.messages import BUFFERS
from vedette.wire.poller import CONFIRM, PolledCheck, Verdict, runs

IN_FLIGHT_MS = 60_000
"""How long a check that was taken off a collector may still be reported by it, or two periods where that is longer."""
BUFFERED_MS = 3_600_000
"""The same of a collector that stores and forwards: what is older counts for nothing but points."""
CONFIRM_ANSWER_MS = 10_000
log = structlog.get_logger(__name__)


class Seat(Protocol):
    """One collector that is connected to this process, or runs in it."""

    @property
    def agent_id(self) -> str: ...

    @property
    def since_ms(self) -> int:
        """When its newest connection was welcomed; 0 where it needs none."""
        ...

    @property
    def member(self) -> Member: ...

    def good_until_ms(self, now_ms: int) -> int:
        """How long it counts as there without another sign: three heartbeat intervals from its last one."""
        ...

    def replace(self, zone_id: str, assignments: Sequence[Assignment], now_ms: int) -> None:
        """The complete list of what it is to run for a zone."""
        ...

    def change(self, zone_id: str, check_id: str, assignment: Assignment | None, now_ms: int) -> None:
        """One check of it; None: no longer."""
        ...

    @property
    def can_confirm(self) -> bool: ...

    def confirm(self, asked: Confirmation) -> None:
        """Best effort."""
        ...


class SeatHere:
    """A collector in this process."""

    agent_id = ""
    since_ms = 0

    def __init__(self, key: str, collector: Collector, types: frozenset[str], is_blind: Callable[[], bool]) -> None:
        self._key = key
        self._collector = collector
        self._types = types
        self._is_blind = is_blind

    @property
    def member(self) -> Member:
        return Member(self._key, self._types, self._is_blind())

    def good_until_ms(self, now_ms: int) -> int:
        return now_ms + BEATS * BEAT_MS

    def replace(self, zone_id: str, assignments: Sequence[Assignment], now_ms: int) -> None:
        self._collector.assign(assignments)

    def change(self, zone_id: str, check_id: str, assignment: Assignment | None, now_ms: int) -> None:
        if assignment is None:
            self._collector.drop(CheckId(check_id))
        else:
            self._collector.put(assignment)

    @property
    def can_confirm(self) -> bool:
        return True

    def confirm(self, asked: Confirmation) -> None:
        self._collector.confirm(asked)


class LiveCollector(Live, Protocol):
    """A live connection of a collector."""

    def hand(self, step: Step) -> int | None:
        """Sends a request of a delivery; its number. None when it cannot be sent now: `Collectors.pump` comes again."""
        ...


class _Leaving(msgspec.Struct, frozen=True):
    assignment: Assignment
    zone_id: str
    until_ms: int  # steady


class Held(msgspec.Struct, frozen=True):
    """A check that a collector may report: for which zone, and the revision it has it under (0: it says so itself)."""

    zone_id: str
    revision: int


class SeatAfar:
    """One collector process, over all its connections. All times are steady milliseconds."""

    def __init__(self, identity: Identity, next_version: Callable[[], int]) -> None:
        self.key = key_of(identity)
        self.tenant_id: TenantId = identity.tenant_id
        self.zone_ids = identity.zone_ids
        self.is_ours = BUFFERS in identity.features
        self.is_blind = False
        self.heard_ms: int | None = None  # its last heartbeat, steady
        self.placed = asyncio.Event()
        """What it is to run is known."""
        self.agent_id = identity.agent_id
        self._is_in_charge = True  # this process hands it its checks; not one where it connected later
        self.lives: list[LiveCollector] = []  # the newest last
        self.delivery = Delivery(identity.zone_ids[0], next_version)
        self._types = runs(identity.features)
        self._can_confirm = CONFIRM in identity.features
        self._checks: dict[str, dict[str, Assignment]] = {zone: {} for zone in identity.zone_ids}
        self._leaving: dict[str, _Leaving] = {}
        self._known: Mapping[str, tuple[Assignment, PolledCheck | None]] = {}  # as made, so that it is made once
        self._wanted: Mapping[str, PolledCheck] = {}
        self._behind_since: dict[str, int] = {}  # of checks whose new definition it does not run yet

    @property
    def member(self) -> Member:
        return Member(self.key, self._types, self.is_blind)

    def good_until_ms(self, now_ms: int) -> int:
        """Until its first beat its connection stands for it."""
        last_ms = now_ms if self.heard_ms is None else self.heard_ms
        return last_ms + BEATS * (BEAT_MS if self.is_ours else POLLERS_BEAT_MS)

    def replace(self, zone_id: str, assignments: Sequence[Assignment], now_ms: int) -> None:
        before = self._checks[zone_id]
        after = {str(assignment.check_id): assignment for assignment in assignments}
        for check_id in before.keys() - after.keys():
            self._leave(zone_id, before[check_id], now_ms)
        self._checks[zone_id] = after

    def change(self, zone_id: str, check_id: str, assignment: Assignment | None, now_ms: int) -> None:
        before = self._checks[zone_id]
        if assignment is not None:
            before[check_id] = assignment
        elif check_id in before:
            self._leave(zone_id, before.pop(check_id), now_ms)

    def _leave(self, zone_id: str, assignment: Assignment, now_ms: int) -> None:
        grace_ms = BUFFERED_MS if self.is_ours else max(IN_FLIGHT_MS, 2_000 * assignment.period_s)
        self._leaving[assignment.check_id] = _Leaving(assignment, zone_id, now_ms + grace_ms)

    # -- handing out

    def settle(self, now_ms: int) -> None:
        """What it is to run was changed, and is told as a whole; of a check in two of its zones the first counts."""
        made: dict[str, tuple[Assignment, PolledCheck | None]] = {}
        for zone_id, checks in self._checks.items():
            for check_id, assignment in checks.items():
                if check_id not in made:
                    made[check_id] = self._made(assignment, zone_id)
        self._known = made
        wanted = self._wanted = {key: check for key, (_, check) in made.items() if check is not None}
        self._note_behind(now_ms)
        self._leaving = {key: one for key, one in self._leaving.items() if one.until_ms > now_ms and key not in wanted}
        self.delivery.want(wanted.values())
        self.pump(now_ms)

    def _made(self, assignment: Assignment, zone_id: str) -> tuple[Assignment, PolledCheck | None]:
        known = self._known.get(assignment.check_id)
        if known is not None and known[0] is assignment and (known[1] is None or known[1].zone_id == zone_id):
            return known
        return assignment, polled(assignment, zone_id, is_ours=self.is_ours)

    def pump(self, now_ms: int) -> None:
        """Sends what is to be sent, as far as the connection takes it."""
        if not self.lives or not self._is_in_charge:
            return
        while (step := self.delivery.take(now_ms)) is not None:
            number = self.lives[-1].hand(step)
            if number is None:
                self.delivery.put_back(step)
                return
            self.delivery.sent(step, number)

    def answered(self, live: LiveCollector, number: int, verdict: Verdict | None, now_ms: int) -> None:
        """The collector's answer to a request of a delivery; None: an error, or none in time.

        Numbers are a connection's own, so those of one that is no longer in charge say nothing.
        """
        if not self.lives or live is not self.lives[-1]:
            return
        failures = self.delivery.failures
        self.delivery.answered(number, verdict, now_ms)
        if self.delivery.failures > failures:
            log.warning("collector.checks_not_taken", collector=self.key, version=self.delivery.version,
                        failures=self.delivery.failures, problem=self.delivery.problem)  # fmt: skip
        self._note_behind(now_ms)
        self.pump(now_ms)

    def _note_behind(self, now_ms: int) -> None:
        running = self.delivery.running
        if running is not None:
            self._behind_since = {
                check_id: self._behind_since.get(check_id, now_ms)
                for check_id, check in self._wanted.items()
                if check_id in running and running[check_id] != check
            }

    @property
    def can_confirm(self) -> bool:
        return self._can_confirm

    def confirm(self, asked: Confirmation) -> None:
        if self._can_confirm and self.lives:
            params = {"check_id": asked.check_id, "round_id": asked.round_id, "in_ms": asked.in_ms}
            self.lives[-1].hand(Step(CONFIRM, params, CONFIRM_ANSWER_MS))

    # -- connections

    @property
    def since_ms(self) -> int:
        """When its newest connection was welcomed."""
        return max((live.identity.since_ms for live in self.lives), default=0)

    def take_charge(self, *, is_ours: bool) -> None:
        """Whether this process hands it its checks. What another has handed it meanwhile is not known here."""
        if is_ours != self._is_in_charge:
            self._is_in_charge = is_ours
            self.delivery.lost(is_last=True)

    def add(self, live: LiveCollector) -> None:
        """The newest is in charge: a stock poller may leave an old one open and mute."""
        self.heard_ms = None
        if self.lives:
            self.delivery.lost(is_last=False)
        self.lives.append(live)

    def drop(self, live: LiveCollector) -> bool:
        """Whether it was there."""
        if live not in self.lives:
            return False
        was_in_charge = self.lives[-1] is live
        self.lives.remove(live)
        if was_in_charge:
            self.delivery.lost(is_last=not self.lives)
        return True

    # -- what it may report

    def held(self, assignment: Assignment, zones: Sequence[str], now_ms: int) -> Held | None:
        """None where the check is not this collector's. `zones` are those of its zones that poll the check."""
        check_id = assignment.check_id
        for zone_id in zones:
            if check_id in self._checks[zone_id]:
                return Held(zone_id, self._revision(assignment, now_ms))
            leaving = self._leaving.get(check_id)
            if leaving is not None and leaving.zone_id == zone_id and leaving.until_ms > now_ms:
                return Held(zone_id, self._revision(assignment, now_ms))
        return None

    def _revision(self, assignment: Assignment, now_ms: int) -> int:
        """What a stock poller reports before it has taken a changed check is of the check before, two periods long."""
        if self.is_ours:
            return 0
        since_ms = self._behind_since.get(assignment.check_id)
        is_behind = since_ms is not None and now_ms - since_ms < 2_000 * assignment.period_s
        return max(assignment.revision - 1, 1) if is_behind else 0


def key_of(identity: Identity) -> str:
    """The name of a collector process. Its zones are part of it: what one token allows is not another's."""
    zones = ",".join(sorted(identity.zone_ids))
    return f"{identity.tenant_id}/{zones}/{identity.agent_id}/{identity.guid or identity.connection_id}"
