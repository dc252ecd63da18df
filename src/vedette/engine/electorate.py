"""Who may vote, and how many must agree."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from vedette.domain.states import Consistency
from vedette.engine.terms import Terms

_always: Mapping[str, int] = MappingProxyType({})


class Zones(msgspec.Struct, frozen=True):
    """Monitoring zones as they stand: which exist (neither deleted nor disabled), and which of them are up."""

    existing: frozenset[str]
    up: frozenset[str]
    since: Mapping[str, int] = _always  # when zones that are up came up; always where absent


class Electorate(msgspec.Struct, frozen=True):
    """The places of a check whose votes count, and how many of them must agree."""

    up: tuple[str, ...]
    need: int
    since: Mapping[str, int] = _always  # a place's vote counts from its first evaluated observation since then
    since_ms: int = 0  # the latest of these


def electorate(terms: Terms, zones: Zones) -> Electorate:
    """The electorate of an alarm; the agent of an agent's check is always up."""
    if terms.is_agent:
        return Electorate(terms.places, 1)
    existing = [place for place in terms.places if place in zones.existing]
    up = tuple(place for place in existing if place in zones.up)
    since_ms = max((zones.since.get(place, 0) for place in up), default=0) if zones.since else 0
    return Electorate(up, need(terms.consistency, len(up), len(existing)), zones.since, since_ms)


def need(consistency: Consistency, up: int, zones: int) -> int:
    """How many votes make a decision, of `up` zones up out of the check's `zones`.

    Half of all zones and two of several are the floor, so that one zone left of many never decides alone; and one, for
    ALL of no zones at all would agree on anything. ONE needs no agreement, but its votes are those of zones up.
    """
    if consistency is Consistency.ONE:
        return 1
    most = up if consistency is Consistency.ALL else up // 2 + 1
    return max(most, (zones + 1) // 2, min(2, zones), 1)
