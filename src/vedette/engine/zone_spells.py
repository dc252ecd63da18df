"""How monitoring zones stand, as the log tells it: *Up* of the alarm language.

Several processes may speak of one zone, each of the collectors that report to it. The zone stands as well as the best
that living processes say of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from vedette.domain.happenings import NOT_THERE, ProcessTurned, Spell, ZoneTurned
from vedette.engine.electorate import Zones


class Stand(msgspec.Struct, frozen=True):
    """How one zone stands, and since when."""

    spell: Spell
    since_ms: int


class ZoneSpells(msgspec.Struct, frozen=True):
    """All zones that anybody ever spoke of."""

    said: dict[str, dict[str, Spell]] = {}  # zone -> process -> what it last said
    stands: dict[str, Stand] = {}
    heeded: frozenset[str] = frozenset()  # the processes whose word counts, of those that spoke

    def after(self, turned: ZoneTurned, living: Collection[str]) -> ZoneSpells:
        """`living`: the processes whose word counts, the one that speaks among them.

        Other zones stay: a process that follows a dead one speaks of them one by one.
        """
        by = {**self.said.get(turned.zone_id, {}), turned.process_id: turned.spell}
        stands = _stood({turned.zone_id: by}, self.stands, living, turned.at_ms)
        return ZoneSpells({**self.said, turned.zone_id: by}, stands, self.heeded | {turned.process_id})

    def among(self, living: Collection[str], at_ms: int) -> ZoneSpells:
        """As they stand when other processes live than before."""
        heeded = frozenset(process for by in self.said.values() for process in by if process in living)
        return ZoneSpells(self.said, _stood(self.said, self.stands, living, at_ms), heeded)

    def turned(self, turned: ProcessTurned) -> ZoneSpells:
        """As `among` had it, by what was written down of that."""
        one = {turned.process_id}
        return self.among(self.heeded | one if turned.lives else self.heeded - one, turned.at_ms)

    def without(self, processes: Collection[str]) -> ZoneSpells:
        """What processes said that will not come back is forgotten; how zones stand is not."""
        kept = {
            zone: {process: spell for process, spell in by.items() if process not in processes}
            for zone, by in self.said.items()
        }
        return ZoneSpells(kept, self.stands, self.heeded)

    def without_deleted(self, before_ms: int) -> ZoneSpells:
        """Forgets the zones that were deleted before a moment."""
        old = {zone for zone, one in self.stands.items() if one.spell is Spell.DELETED and one.since_ms < before_ms}
        if not old:
            return self
        said = {zone: by for zone, by in self.said.items() if zone not in old}
        stands = {zone: stand for zone, stand in self.stands.items() if zone not in old}
        return msgspec.structs.replace(self, said=said, stands=stands)

    def zones(self, places: Iterable[str]) -> Zones:
        """Those of a check. One that nobody ever spoke of exists and is not up."""
        stands = self.stands
        existing = [place for place in places if place not in stands or stands[place].spell not in NOT_THERE]
        since = {
            place: stands[place].since_ms for place in existing if place in stands and stands[place].spell is Spell.UP
        }
        return Zones(frozenset(existing), frozenset(since), since)

    def turned_since(self, before: ZoneSpells) -> frozenset[str]:
        """The zones whose stand is another one than before."""
        if self.stands == before.stands:
            return frozenset()
        return frozenset(zone for zone, stand in self.stands.items() if before.stands.get(zone) != stand)

    def left_since(self, before: ZoneSpells) -> frozenset[str]:
        """The zones that no longer vote, or are no longer there: with fewer zones, the votes there are may be enough.

        One that comes up brings no vote before its next observation, so nothing is to be decided by it.
        """
        if self.stands == before.stands:
            return frozenset()
        return frozenset(zone for zone, stand in self.stands.items() if _has_left(before.stands.get(zone), stand))


def _has_left(before: Stand | None, now: Stand) -> bool:
    was = None if before is None else before.spell
    return was is not now.spell and (was is Spell.UP or now.spell in NOT_THERE)


def _stood(
    said: Mapping[str, Mapping[str, Spell]], before: Mapping[str, Stand], living: Collection[str], at_ms: int
) -> dict[str, Stand]:
    stands = dict(before)
    for zone, by in said.items():
        spell = _best([by[process] for process in by if process in living])
        if zone not in stands or stands[zone].spell is not spell:
            stands[zone] = Stand(spell, at_ms)
    return stands


def _best(spells: list[Spell]) -> Spell:
    for spell in (Spell.UP, Spell.BLIND, Spell.DOWN, Spell.GONE, Spell.DELETED):
        if spell in spells:
            return spell
    return Spell.DOWN
