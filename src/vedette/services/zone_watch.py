"""How monitoring zones stand as this process sees them: *Up* of the alarm language.

What a collector last said of its sight holds for three of its heartbeat intervals, whether it is still connected or
not. After our own start zones are as they were for as long as it takes their collectors to come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.happenings import Spell, ZoneTurned
from vedette.domain.history import Change
from vedette.domain.ids import ZoneId
from vedette.engine.ticks import GAP_MS
from vedette.engine.zone_spells import ZoneSpells
from vedette.ports.documents import Documents

BEAT_MS = 5_000
"""The heartbeat interval of our collectors; after our start, what built-in zones are waited for by."""
POLLERS_BEAT_MS = 30_000
"""The same of pollers of other make, and of private zones, where nobody knows yet who will come."""
BEATS = 3
"""How many intervals may go by without a beat."""

_page = 1000


class Beat(msgspec.Struct, frozen=True, order=True):
    """The last sign of a zone's collectors; the best of several is the greatest."""

    sees: bool  # one of them does
    until_ms: int  # steady: how long that holds without another sign


Standing = Callable[[int], Mapping[str, Beat]]
"""Of each zone with a collector that reports to this process, at a steady moment."""


class _Private(msgspec.Struct, frozen=True):
    disabled: bool | None = False


_private = msgspec.json.Decoder(_Private)


class ZoneWatch:
    """What this process says of zones. `begin` comes first. All times but `now_ms` are steady milliseconds."""

    def __init__(self, process_id: str, built_in: Iterable[str], documents: Documents) -> None:
        self.standing: Standing = lambda _: {}
        self._process_id = process_id
        self._built_in = frozenset(built_in)
        self._documents = documents
        self._said: dict[str, Spell] = {}  # what the log has of us; at first how zones were at our start
        self._unsaid: set[str] = set()  # of those, what we have not said ourselves yet
        self._until_ms: dict[str, int] = {}  # how long what was last said of a zone holds without another sign
        self._closed: dict[str, Spell] = {}  # zones that are not there: `NOT_THERE`
        self._looked_ms: int | None = None  # when `turned` was asked last

    async def begin(self, before: ZoneSpells, steady_ms: int) -> None:
        """`before` is how evaluation knows zones. Raises `StoreUnavailable`."""
        private = await self._private_zones()
        self._said = {zone: stand.spell for zone, stand in before.stands.items()}
        self._unsaid = set(self._said)
        self._wait_again(steady_ms)
        for zone in self._said.keys() - self._built_in:
            self._note(zone, private.get(zone))

    def _wait_again(self, steady_ms: int) -> None:
        """We have just started, or stood still ourselves: beats may be waiting to be read."""
        self._until_ms = {zone: steady_ms + BEATS * self._interval_ms(zone) for zone in self._said}

    async def _private_zones(self) -> Mapping[str, Document]:
        found: dict[str, Document] = {}
        marker: str | None = None
        while True:
            page = await self._documents.every(Kind.PRIVATE_ZONE, marker, _page + 1)
            found |= {zone.id: zone for zone in page[:_page]}
            if len(page) <= _page:
                return found
            marker = page[_page].id

    async def follow(self, changes: Iterable[Change]) -> None:
        """Private zones that are deleted, disabled or enabled. Raises `StoreUnavailable`."""
        for change in changes:
            if change.kind == Kind.PRIVATE_ZONE:
                zone = await self._documents.find(change.tenant_id, Kind.PRIVATE_ZONE, change.id)
                self._note(change.id, zone)

    def _note(self, zone_id: str, zone: Document | None) -> None:
        """Of a deleted zone that nobody ever spoke of nothing is said: what polled from it has been changed."""
        self._closed.pop(zone_id, None)
        if zone is not None and not _is_open(zone):
            self._closed[zone_id] = Spell.GONE
        elif zone is None and zone_id in self._said:
            self._closed[zone_id] = Spell.DELETED if zone_id.startswith(Kind.PRIVATE_ZONE) else Spell.GONE

    def turned(self, now_ms: int, steady_ms: int) -> list[ZoneTurned]:
        """What is to be said now; again until it is `said`."""
        if self._looked_ms is not None and steady_ms - self._looked_ms > GAP_MS:
            self._wait_again(steady_ms)
        self._looked_ms = steady_ms
        beats = {zone: beat for zone, beat in self.standing(steady_ms).items() if beat.until_ms > steady_ms}
        self._until_ms |= {zone: beat.until_ms for zone, beat in beats.items()}
        self._forget_deleted(beats)
        spells = {zone: self._spell(zone, beats.get(zone), steady_ms) for zone in self.spoken_of}
        return [
            ZoneTurned(now_ms, ZoneId(zone), self._process_id, spell)
            for zone, spell in sorted(spells.items())
            if self._said.get(zone) is not spell or zone in self._unsaid
        ]

    @property
    def spoken_of(self) -> AbstractSet[str]:
        """The zones that may have to be spoken of."""
        return self._until_ms.keys() | self._closed.keys()

    def _forget_deleted(self, beats: Mapping[str, Beat]) -> None:
        """Those that all has been said of, and that no collector comes back to."""
        over = [zone for zone in self._closed if self._said.get(zone) is Spell.DELETED and zone not in beats]
        for zone in over:
            if zone not in self._unsaid:
                for about in (self._closed, self._said, self._until_ms):
                    about.pop(zone, None)

    def said(self, turned: Iterable[ZoneTurned]) -> None:
        """It is in the log."""
        self._said |= {one.zone_id: one.spell for one in turned}
        self._unsaid -= {one.zone_id for one in turned}

    def _spell(self, zone: str, beat: Beat | None, steady_ms: int) -> Spell:
        if zone in self._closed:
            return self._closed[zone]
        if beat is not None:
            return Spell.UP if beat.sees else Spell.BLIND
        before = self._said.get(zone)
        if before is None or before is Spell.GONE or steady_ms >= self._until_ms.get(zone, 0):
            return Spell.DOWN
        return before

    def _interval_ms(self, zone: str) -> int:
        return BEAT_MS if zone in self._built_in else POLLERS_BEAT_MS


def _is_open(zone: Document) -> bool:
    return not _private.decode(zone.public).disabled
