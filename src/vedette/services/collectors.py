"""The collectors of this process's zones: who is there, who runs what, and whose observations are taken.

A built-in zone may have a collector in this process and any number that connect to it; a private zone has the pollers
of its tenant. Each check of a zone is run by one of them (`placement`); when one goes, or cannot see, its checks move.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import TenantId, ZoneId
from vedette.domain.observations import Observation
from vedette.domain.tokens import Reason
from vedette.ports.collectors import Seated
from vedette.ports.documents import Documents
from vedette.ports.probing import Assignment, Collector, Confirmation, Report
from vedette.ports.secrets import Keyring
from vedette.ports.unit import StoreUnavailable
from vedette.services.agent_clocks import AgentClocks
from vedette.services.assignments import ZoneLists
from vedette.services.collector_neighbours import Neighbours, NoNeighbours
from vedette.services.collector_seats import LiveCollector, Seat, SeatAfar, SeatHere, key_of
from vedette.services.not_taken import NotTaken
from vedette.services.placement import Member, Placement
from vedette.services.zone_watch import Beat
from vedette.wire.envelope import MalformedMessage
from vedette.wire.events import Answered, Unanswered
from vedette.wire.moment import Moment
from vedette.wire.poller import CollectorPost, Verdict, verdict_of

MOST_OF_A_ZONE = 64
"""Collectors of one zone that one process takes: each is looked at for every check."""
PLACED_WITHIN_S = 5.0
"""How long the first posts of a collector wait until it is known what it is to run."""


class _Private(msgspec.Struct, frozen=True):
    disabled: bool | None = False


_private = msgspec.json.Decoder(_Private)


def _is_private(zone_id: str) -> bool:
    return zone_id.startswith(Kind.PRIVATE_ZONE)


class Versions:
    """One counter a zone, ahead of every version that was ever given: it begins at a time of day in milliseconds."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def next(self, zone_id: str, least: int) -> int:
        self._last[zone_id] = version = max(self._last.get(zone_id, 0) + 1, least)
        return version


class Collectors:
    """One instance a process."""

    def __init__(self, documents: Documents, keyring: Keyring, report: Report) -> None:
        self._documents = documents
        self._report = report
        self._lists = ZoneLists(documents, keyring)
        self._versions = Versions()
        self._here: dict[str, SeatHere] = {}  # zone -> the collector in this process
        self._afar: dict[str, SeatAfar] = {}
        self._placements: dict[str, Placement] = {}
        self._disabled: set[str] = set()  # private zones
        self._clocks = AgentClocks()
        self._changing = asyncio.Lock()
        self._elsewhere: Sequence[Seated] = ()
        self.neighbours: Neighbours = NoNeighbours()
        self.wake: Callable[[], None] = lambda: None
        """Called when `step` has something to do before its time."""
        self.counts: Counter[str] = Counter()
        """Since the start: posts `taken` and `not_taken`."""

    def __len__(self) -> int:
        """How many collectors are connected."""
        return len(self._afar)

    # -- who is there

    def seat(
        self, zone_id: str, key: str, collector: Collector, types: AbstractSet[str], is_blind: Callable[[], bool]
    ) -> None:
        """A built-in zone's collector in this process; before the first step."""
        self._here[zone_id] = SeatHere(key, collector, frozenset(types), is_blind)

    def connected(self, live: LiveCollector) -> None:
        """A collector's connection was welcomed."""
        key = key_of(live.identity)
        seat = self._afar.get(key)
        identity = live.identity
        if seat is None and any(self._crowd(zone_id) >= MOST_OF_A_ZONE for zone_id in identity.zone_ids):
            live.cut(Reason.TOO_MANY_COLLECTORS, with_notice=True)
            return
        if seat is None:
            next_version = partial(self._versions.next, identity.zone_ids[0], identity.since_ms)
            seat = self._afar[key] = SeatAfar(identity, next_version)
        seat.add(live)
        self.wake()

    def _crowd(self, zone_id: str) -> int:
        return sum(zone_id in seat.zone_ids for seat in self._afar.values())

    def gone(self, live: LiveCollector) -> None:
        """It has ended; safe to call twice."""
        key = key_of(live.identity)
        seat = self._afar.get(key)
        if seat is not None and seat.drop(live):
            if not seat.lives:
                del self._afar[key]
            self.wake()

    def pass_time(self, now: Moment) -> None:
        """Before times of collectors are looked at: our clock may have been set."""
        self._clocks.passed(now.wall_ms, now.steady_ms)

    def heard(self, live: LiveCollector, sent_ms: int | None, *, is_blind: bool, now: Moment) -> None:
        """A heartbeat."""
        seat = self._afar.get(key_of(live.identity))
        if seat is None:
            return
        seat.heard_ms = now.steady_ms
        if seat.is_ours and sent_ms is not None:
            self._clocks.heard(seat.tenant_id, seat.agent_id, sent_ms, now.wall_ms)
        if seat.is_blind != is_blind:
            seat.is_blind = is_blind
            self.wake()

    def answered(self, live: LiveCollector, event: Answered | Unanswered, steady_ms: int) -> None:
        """What a collector says of a delivery."""
        seat = self._afar.get(key_of(live.identity))
        if seat is not None:
            seat.answered(live, event.number, _verdict(event), steady_ms)

    def pump(self, live: LiveCollector, steady_ms: int) -> None:
        """Its connection takes more again."""
        seat = self._afar.get(key_of(live.identity))
        if seat is not None:
            seat.pump(steady_ms)

    def agents_of(self, zone_id: str) -> AbstractSet[str]:
        """The agent ids of the zone's connected collectors, in other processes as far as they have told."""
        here = {seat.agent_id for seat in self._afar.values() if zone_id in seat.zone_ids}
        return here | {row.agent_id for row in self._elsewhere if row.zone_id == zone_id}

    def standing(self, steady_ms: int) -> Mapping[str, Beat]:
        """Of each zone with a collector: the last sign of those that see or, where none does, of all."""
        standing: dict[str, Beat] = {}
        for zone_id, seat in self._seats():
            beat = Beat(not seat.member.is_blind, seat.good_until_ms(steady_ms))
            if zone_id not in self._disabled and beat.until_ms > steady_ms:
                standing[zone_id] = max(standing.get(zone_id, beat), beat)
        return standing

    def can_run(self, zone_id: str, check_type: str) -> bool:
        """Whether a collector of the zone runs such checks; True as well while the zone has none that we know of."""
        types = [seat.member.types for zone, seat in self._seats() if zone == zone_id]
        types += [frozenset(row.types) for row in self._elsewhere if row.zone_id == zone_id]
        return not types or any(check_type in one for one in types)

    def live_for(self, zone_id: str, check_type: str) -> LiveCollector | None:
        """A connection of a collector of the zone that runs such checks, one that sees if there is one."""
        able = [
            seat
            for seat in self._afar.values()
            if zone_id in seat.zone_ids and check_type in seat.member.types and seat.lives
        ]
        return min(able, key=lambda seat: seat.is_blind).lives[-1] if able else None

    def can_confirm(self) -> frozenset[str]:
        """The zones whose collectors can all be asked for a probe beside the schedule, here or in another process."""
        can: dict[str, bool] = {}
        every = [(zone_id, seat.can_confirm) for zone_id, seat in self._seats()]
        for zone_id, can_confirm in [*every, *((row.zone_id, row.can_confirm) for row in self._elsewhere)]:
            can[zone_id] = can.get(zone_id, True) and can_confirm
        return frozenset(zone_id for zone_id, all_can in can.items() if all_can)

    def confirm(self, zone_id: str, asked: Confirmation) -> None:
        """Asks the collector that runs the check in a zone, if it is ours (`ports.probing.AskToConfirm`)."""
        placement, assignment = self._placements.get(zone_id), self._lists.of(zone_id).get(asked.check_id)
        if placement is None or assignment is None:
            return
        owner = placement.owner(asked.check_id, assignment.check_type)
        for zone, seat in self._seats():
            if zone == zone_id and seat.member.key == owner:
                seat.confirm(asked)

    # -- who runs what

    async def load(self) -> None:
        """The complete lists of the collectors in this process, before they start. Raises `StoreUnavailable`."""
        await self.step(0)

    async def step(self, steady_ms: int) -> None:
        """Once a second, and when woken: places the checks of zones whose collectors have come, gone, or turned blind.

        Raises `StoreUnavailable`: it goes on from there next time.
        """
        async with self._changing:
            elsewhere = await self.neighbours.exchange(self._seated())
            self._elsewhere = elsewhere
            present = list(self._afar.values())
            members: dict[str, list[Member]] = defaultdict(list)
            for zone_id, seat in self._seats():
                members[zone_id].append(seat.member)
            self._look_around(members, elsewhere)
            for zone_id in [zone_id for zone_id in self._placements if zone_id not in members]:
                del self._placements[zone_id]
                self._lists.forget(zone_id)
                self._disabled.discard(zone_id)
            await self._lists.keep_built_in([zone_id for zone_id in members if not _is_private(zone_id)])
            for zone_id, joined in members.items():
                await self._place(zone_id, joined, steady_ms)
            for one in present:
                one.placed.set()
                one.pump(steady_ms)

    async def follow(self, changes: Sequence[Change], steady_ms: int) -> None:
        """Changes of configuration, in the order of the feed. Raises `StoreUnavailable`: then it is told them again."""
        async with self._changing:
            for change in changes:
                if change.kind == Kind.PRIVATE_ZONE and change.id in self._placements:
                    await self._follow_zone(change, steady_ms)
            for zone_id, checks in (await self._lists.follow(changes)).items():
                self._move(zone_id, checks, steady_ms)

    def _seated(self) -> Sequence[Seated]:
        """Our collectors, as the other processes are told of them."""
        return [_row(self.neighbours.process_id, zone_id, seat) for zone_id, seat in self._seats()]

    def _look_around(self, members: Mapping[str, list[Member]], elsewhere: Sequence[Seated]) -> None:
        """Adds the others' collectors of our zones; one that connected to another process later is handed out there."""
        newest: dict[str, tuple[int, str]] = {}
        for row in elsewhere:
            newest[row.name] = max((row.since_ms, row.process_id), newest.get(row.name, (0, "")))
            ours = members.get(row.zone_id)
            if ours is not None and all(member.key != row.name for member in ours):
                ours.append(Member(row.name, frozenset(row.types), row.is_blind))
        for seat in self._afar.values():
            seat.take_charge(is_ours=newest.get(seat.key, (0, "")) < (seat.since_ms, self.neighbours.process_id))

    def _seats(self) -> Sequence[tuple[str, Seat]]:
        """Each collector by each of its zones."""
        afar: list[tuple[str, Seat]] = [(zone_id, seat) for seat in self._afar.values() for zone_id in seat.zone_ids]
        return [*self._here.items(), *afar]

    async def _place(self, zone_id: str, members: Sequence[Member], steady_ms: int) -> None:
        known = self._placements.get(zone_id)
        placement = Placement(members)
        if known is not None and known.members == placement.members and self._all_placed(zone_id):
            return
        if known is None and _is_private(zone_id) and not await self._open(zone_id):
            return
        self._placements[zone_id] = placement
        self._assign(zone_id, placement, steady_ms)

    def _all_placed(self, zone_id: str) -> bool:
        return all(seat.placed.is_set() for seat in self._afar.values() if zone_id in seat.zone_ids)

    async def _open(self, zone_id: str) -> bool:
        """Begins to keep a private zone; False where it is gone meanwhile, or its collectors are."""
        tenant_id = next((seat.tenant_id for seat in self._afar.values() if zone_id in seat.zone_ids), None)
        if tenant_id is None:
            return False
        zone = await self._documents.find(tenant_id, Kind.PRIVATE_ZONE, zone_id)
        if zone is not None:
            await self._lists.keep_private(tenant_id, zone_id)
        self._note(zone_id, zone)
        return zone is not None

    async def _follow_zone(self, change: Change, steady_ms: int) -> None:
        zone = await self._documents.find(change.tenant_id, Kind.PRIVATE_ZONE, change.id)
        self._note(change.id, zone)
        if zone is not None:
            self._assign(change.id, self._placements[change.id], steady_ms)

    def _note(self, zone_id: str, zone: Document | None) -> None:
        """A zone that is no more has no collectors; one that is disabled keeps them, without checks."""
        if zone is None:
            for seat in [seat for seat in self._afar.values() if zone_id in seat.zone_ids]:
                for live in list(seat.lives):
                    live.cut(Reason.ZONE_NOT_ALLOWED, with_notice=True)
        elif _private.decode(zone.public).disabled:
            self._disabled.add(zone_id)
        else:
            self._disabled.discard(zone_id)

    def _assign(self, zone_id: str, placement: Placement, steady_ms: int) -> None:
        """All checks of a zone anew."""
        shares: dict[str | None, list[Assignment]] = defaultdict(list)
        if zone_id not in self._disabled:
            for check_id, assignment in self._lists.of(zone_id).items():
                shares[placement.owner(check_id, assignment.check_type)].append(assignment)
        for zone, seat in self._seats():
            if zone == zone_id:
                seat.replace(zone_id, shares.get(seat.member.key, []), steady_ms)
        self._settle(zone_id, steady_ms)

    def _move(self, zone_id: str, checks: AbstractSet[str], steady_ms: int) -> None:
        """Some checks of a zone anew."""
        placement = self._placements.get(zone_id)
        if placement is None or zone_id in self._disabled:
            return
        found = self._lists.of(zone_id)
        for check_id in checks:
            assignment = found.get(check_id)
            owner = None if assignment is None else placement.owner(check_id, assignment.check_type)
            for zone, seat in self._seats():
                if zone == zone_id:
                    seat.change(zone_id, check_id, assignment if seat.member.key == owner else None, steady_ms)
        self._settle(zone_id, steady_ms)

    def _settle(self, zone_id: str, steady_ms: int) -> None:
        for seat in self._afar.values():
            if zone_id in seat.zone_ids:
                seat.settle(steady_ms)

    # -- whose data is taken

    async def post(self, live: LiveCollector, posts: Sequence[CollectorPost], now: Moment) -> list[NotTaken | None]:
        """Takes what may be taken and returns when it is durable: for each post None, or why not.

        Taken is what is reported of a check that is assigned to this collector, or was until just now. Raises
        `StoreUnavailable`: then nothing was taken, and the collector may send it all again.
        """
        seat = self._afar.get(key_of(live.identity))
        if seat is None:
            return [NotTaken("the connection has ended") for _ in posts]
        seat.heard_ms = now.steady_ms  # its beats may be waiting behind all that it has to tell
        try:
            async with asyncio.timeout(PLACED_WITHIN_S):
                await seat.placed.wait()
        except TimeoutError:
            raise StoreUnavailable("it is not known yet what this collector is to run") from None
        judged = [self._observe(seat, live, post, now) for post in posts]
        observations = [item for item in judged if isinstance(item, Observation)]
        if observations:
            await self._report(observations)
        self.counts["taken"] += len(observations)
        self.counts["not_taken"] += len(judged) - len(observations)
        return [item if isinstance(item, NotTaken) else None for item in judged]

    def _observe(
        self, seat: SeatAfar, live: LiveCollector, reported: CollectorPost, now: Moment
    ) -> Observation | NotTaken:
        post = reported.post
        polling = [zone_id for zone_id in seat.zone_ids if post.check_id in self._lists.of(zone_id)]
        if not polling:
            return NotTaken("check_id: no enabled check that is polled from this collector's monitoring zone")
        assignment = self._lists.of(polling[0])[post.check_id]
        held = seat.held(assignment, polling, now.steady_ms)
        if held is None:
            return NotTaken("check_id: this check is assigned to another collector of its monitoring zone")
        return Observation(
            tenant_id=TenantId(assignment.tenant_id),
            entity_id=assignment.entity_id,
            check_id=assignment.check_id,
            check_type=assignment.check_type,
            zone_id=ZoneId(held.zone_id),
            agent_id=None,
            sender=live.identity.sender,
            check_revision=post.check_revision if seat.is_ours else held.revision,
            at_ms=self._at_ms(seat, post.timestamp_ms, now.wall_ms),
            arrival_ms=now.wall_ms,
            available=post.available,
            status=post.status,
            metrics=post.metrics,
            target=reported.target,
            is_blind=reported.is_blind,
            buffers=seat.is_ours,
            took_ms=reported.took_ms,
            round_id=reported.round_id,
        )

    def _at_ms(self, seat: SeatAfar, timestamp_ms: int | None, now_ms: int) -> int:
        """A stock poller corrects its timestamps itself, by our heartbeats."""
        if seat.is_ours:
            return self._clocks.corrected(seat.tenant_id, seat.agent_id, timestamp_ms, now_ms)
        return now_ms if timestamp_ms is None else min(timestamp_ms, now_ms)


def _row(process_id: str, zone_id: str, seat: Seat) -> Seated:
    member = seat.member
    return Seated(
        process_id=process_id,
        zone_id=zone_id,
        name=member.key,
        agent_id=seat.agent_id,
        since_ms=seat.since_ms,
        types=tuple(sorted(member.types)),
        is_blind=member.is_blind,
        can_confirm=seat.can_confirm,
    )


def _verdict(event: Answered | Unanswered) -> Verdict | None:
    """None: an error, nothing in time, or what makes no sense."""
    if isinstance(event, Unanswered) or event.error is not None:
        return None
    try:
        return verdict_of(event.result)
    except MalformedMessage:
        return None
