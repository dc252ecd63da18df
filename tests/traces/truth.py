"""What really happens in a month: to the target, the host, the zones and the server. All from one seed.

What no canary sees, a lost way to the target or a probe that fails for no reason, is *apart* where it comes to one zone
at a time: two at once look like an outage to everybody there is to ask, so that nobody can promise anything. In a month
that is not apart everything meets as chance has it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from tests.traces.spans import Span, Spans, common, merged

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
BEGIN_MS = 1_700_000_000_000
PERIOD_MS = MINUTE_MS
TIMEOUT_MS = 10_000
ZONES = ("mzdfw", "mzord", "mzlon")

Lasting = Callable[[random.Random], float]
"""How long something takes, seconds."""


class Manner(StrEnum):
    """How what does not work is seen not to."""

    REFUSES = "REFUSES"  # at once
    HANGS = "HANGS"  # until the time-out, or until it works again
    FAILS = "FAILS"  # an answer that tells of a fault; of the target only


class Trouble(Span, frozen=True):
    """A stretch in which something does not work."""

    manner: Manner = Manner.HANGS


class ZoneTruth(msgspec.Struct, frozen=True):
    """What breaks of one zone."""

    lost: Spans[Trouble]  # the way to the target, and to nothing else: the canaries still answer
    blind: Spans[Trouble]  # the way to target and canaries alike; the server is reached by another
    flaps: Spans[Trouble]  # each a period long: the one probe that the schedule brings in it fails, for no reason
    dead: Spans[Span]  # the collector is not there; what it holds is gone
    cut: Spans[Span]  # the collector does not reach the server; what it sees it keeps


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that breaks in the month."""

    seed: int
    end_ms: int
    outages: Spans[Trouble]  # of the target
    zones: dict[str, ZoneTruth]
    server: Spans[Span]  # is not there
    deaf: Spans[Span]  # the server is there, and its store takes nothing
    down: Spans[Trouble]  # the host; one that hangs leaves without a word
    off: Spans[Trouble]  # the host's network
    renewed: Spans[Span]  # the agent is not there, on a host that is: upgrades


def month(seed: int, days: int = 30, *, is_apart: bool = True) -> Truth:
    """The truth of a seed."""
    end_ms = BEGIN_MS + days * DAY_MS
    make = _Maker(random.Random(seed), days)
    unseen: list[Span] | None = [] if is_apart else None
    return Truth(
        seed=seed,
        end_ms=end_ms,
        outages=make.troubles(2.0, _lasting(2, 6 * 3600), tuple(Manner)),
        zones={zone: _zone(make, unseen) for zone in ZONES},
        server=make.spans(0.3, _lasting(3, 1200)),
        deaf=make.spans(0.1, _lasting(5, 600)),
        down=make.troubles(0.7, _lasting(30, 6 * 3600), (Manner.REFUSES, Manner.HANGS)),
        off=make.troubles(2.0, _lasting(3, 1800), (Manner.REFUSES, Manner.HANGS)),
        renewed=make.spans(0.7, _lasting(3, 20)),
    )


def _zone(make: _Maker, unseen_elsewhere: list[Span] | None) -> ZoneTruth:
    dead = make.spans(0.5, _lasting(5, 4 * 3600))
    lost = make.troubles(2.0, _lasting(3, 4 * 3600), (Manner.REFUSES, Manner.HANGS), unseen_elsewhere)
    flaps = make.troubles(2.0, lambda _chance: PERIOD_MS / SECOND_MS, tuple(Manner), unseen_elsewhere)
    if unseen_elsewhere is not None:
        unseen_elsewhere += merged([*lost, *flaps])
    return ZoneTruth(
        lost=lost,
        flaps=flaps,
        blind=make.troubles(1.0, _lasting(20, 2 * 3600), (Manner.REFUSES, Manner.HANGS)),
        dead=dead,
        cut=make.spans(0.7, _lasting(3, 2 * 3600), besides=list(dead)),
    )


def _lasting(least_s: float, most_s: float) -> Lasting:
    """As many between 10 s and 100 s as between 1,000 s and 10,000 s."""
    return lambda chance: math.exp(chance.uniform(math.log(least_s), math.log(most_s)))


class _Maker:
    """Stretches at random moments."""

    def __init__(self, chance: random.Random, days: int) -> None:
        self._chance = chance
        self._days = days

    def spans(self, a_day: float, lasting: Lasting, besides: Sequence[Span] | None = None) -> Spans[Span]:
        """So many a day, apart from one another and from others by two periods at least."""
        taken, found = list(besides or ()), list[Span]()
        at_ms, last_ms = float(BEGIN_MS + 10 * MINUTE_MS), BEGIN_MS + self._days * DAY_MS - 8 * HOUR_MS
        while (at_ms := at_ms + self._chance.expovariate(a_day / DAY_MS)) < last_ms:
            span = Span(round(at_ms), round(at_ms + lasting(self._chance) * SECOND_MS))
            around = Span(span.begin_ms - 2 * PERIOD_MS, span.end_ms + 2 * PERIOD_MS)
            if not common([around], [*taken, *found]):
                found.append(span)
        return Spans(found)

    def troubles(
        self, a_day: float, lasting: Lasting, manners: tuple[Manner, ...], besides: Sequence[Span] | None = None
    ) -> Spans[Trouble]:
        spans = self.spans(a_day, lasting, besides)
        return Spans([Trouble(one.begin_ms, one.end_ms, self._chance.choice(manners)) for one in spans])
