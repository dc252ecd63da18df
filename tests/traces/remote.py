"""What zones report of the target, and how they stand, in the order in which it arrives.

Collectors have the habits of ours: a failing observation waits for a round of canaries, one that is cut off keeps what
it sees and delivers it in order when it is back, a new process finds a rhythm of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import msgspec

from tests.traces.spans import Span, Spans, merged, without
from tests.traces.truth import BEGIN_MS, PERIOD_MS, SECOND_MS, TIMEOUT_MS, Manner, Trouble, Truth
from vedette.domain.happenings import Spell, ZoneTurned
from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Entry, Observation
from vedette.engine.confirm import Round

CANARIES_EVERY_MS = 10_000
BACK_WITHIN_MS = 20_000
"""A collector tries again at least so often to reach the server."""
BEATS_MISSED_MS = 15_000
FIRST_PROBE_WITHIN_MS = 5_000

_canaries_patience_ms = 3_000
_tries_ms = (0, 1_000, 3_000, 7_000)  # of TCP, within the time-out
_answer = {"code": Metric("s", "200")}
_fault = {"code": Metric("s", "500")}


class _Outcome(msgspec.Struct, frozen=True):
    end_ms: int
    status: str  # empty: it answered
    metrics: dict[str, Metric]


class Chances(msgspec.Struct, frozen=True):
    """What chance has in store for one probe."""

    latency_ms: int
    canaries_ms: int  # until the round of canaries that it waits for, if it does
    uplink_ms: int

    @classmethod
    def drawn(cls, chance: random.Random) -> Chances:
        return cls(
            latency_ms=20 + round(chance.expovariate(1 / 80)),
            canaries_ms=round(chance.random() * SECOND_MS),
            uplink_ms=10 + round(chance.random() * 50),
        )


class Zone:
    """A zone's collector, one process after another."""

    def __init__(self, name: str, truth: Truth, *, has_canaries: bool) -> None:
        self.name = name
        self._truth = truth
        self._broken = truth.zones[name]
        self._has_canaries = has_canaries
        self._canaries_phase_ms = random.Random(f"{truth.seed} {name} canaries").randrange(CANARIES_EVERY_MS)
        self._unreachable = Spans(merged([*truth.server, *truth.deaf]))

    def observations(self) -> Iterator[Observation]:
        """Those that the schedule brings, in the order of their probes."""
        chance = random.Random(f"{self._truth.seed} {self.name} probes")
        soon_ms = PERIOD_MS
        for life in without(Span(BEGIN_MS, self._truth.end_ms), self._broken.dead):
            first_ms = life.begin_ms + round(chance.random() * soon_ms)
            soon_ms = FIRST_PROBE_WITHIN_MS
            for begin_ms in range(first_ms, life.end_ms, PERIOD_MS):
                seen = self._probe(begin_ms, Chances.drawn(chance))
                if seen is not None:
                    yield seen

    def answer(self, asked: Round) -> Observation | None:
        """What comes of a confirm round; None where the zone is not reached, or its answer is lost."""
        chance = random.Random(f"{self._truth.seed} {self.name} {asked.id}")
        begin_ms = asked.probes_ms + 10 + round(chance.random() * 50)
        if self._broken.dead.at(begin_ms) or self._broken.cut.at(begin_ms) or self._unreachable.at(begin_ms):
            return None
        return self._probe(begin_ms, Chances.drawn(chance), asked.id)

    def turns(self) -> Iterator[ZoneTurned]:
        """How the zone stands, each time that it changes."""
        down, blind = Spans(self._down()), Spans(self._blind() if self._has_canaries else [])
        moments = sorted({at_ms for span in (*down, *blind) for at_ms in (span.begin_ms, span.end_ms)})
        before = Spell.UP
        for at_ms in moments:
            spell = Spell.DOWN if down.at(at_ms) else Spell.BLIND if blind.at(at_ms) else Spell.UP
            if spell is not before:
                yield ZoneTurned(self._known_at(at_ms), ZoneId(self.name), "server", spell)
            before = spell

    def _down(self) -> list[Span]:
        return merged(
            Span(span.begin_ms + BEATS_MISSED_MS, span.end_ms + self._back_ms(span))
            for span in (*self._broken.dead, *self._broken.cut)
            if span.lasts_ms > BEATS_MISSED_MS
        )

    def _blind(self) -> list[Span]:
        return merged(
            Span(self._round_from(span.begin_ms) + _canaries_patience_ms, self._round_from(span.end_ms) + 50)
            for span in self._broken.blind
        )

    def _round_from(self, at_ms: int) -> int:
        """The first round of canaries from a moment on."""
        return at_ms + (self._canaries_phase_ms - at_ms) % CANARIES_EVERY_MS

    def _back_ms(self, span: Span) -> int:
        """How long after something is over the collector is back."""
        return random.Random(f"{self.name} {span.end_ms}").randrange(SECOND_MS, BACK_WITHIN_MS)

    def _known_at(self, at_ms: int) -> int:
        """When the server knows of it."""
        absent = self._unreachable.at(at_ms)
        return at_ms if absent is None else absent.end_ms + BEATS_MISSED_MS

    def _probe(self, begin_ms: int, chances: Chances, round_id: str = "") -> Observation | None:
        outcome = self._outcome(begin_ms, chances, is_scheduled=not round_id)
        sent_ms, is_blind = outcome.end_ms, False
        if outcome.status and self._has_canaries:
            asked_ms = sent_ms + chances.canaries_ms
            fails = self._broken.blind.at(asked_ms) is not None
            last_ms = self._round_from(begin_ms) - CANARIES_EVERY_MS
            is_blind = fails or self._broken.blind.at(last_ms) is not None
            sent_ms = asked_ms + (_canaries_patience_ms if fails else 50)
        arrival_ms = self._delivered(sent_ms) + chances.uplink_ms
        if self._broken.dead.meet(begin_ms, arrival_ms):
            return None
        return Observation(
            tenant_id=TenantId("acOne"),
            entity_id=EntityId("enOne"),
            check_id=CheckId("chOne"),
            check_type="remote.http",
            zone_id=ZoneId(self.name),
            agent_id=None,
            sender=self.name,
            check_revision=1,
            at_ms=outcome.end_ms,
            arrival_ms=arrival_ms,
            available=not outcome.status,
            status=outcome.status,
            metrics=outcome.metrics,
            is_blind=is_blind,
            buffers=True,
            took_ms=outcome.end_ms - begin_ms,
            round_id=round_id,
        )

    def _outcome(self, begin_ms: int, chances: Chances, *, is_scheduled: bool) -> _Outcome:
        flap = self._broken.flaps.at(begin_ms) if is_scheduled else None
        if flap is not None:
            return _failed(begin_ms, flap.manner, chances)
        for after_ms in _tries_ms:
            trouble = self._trouble(begin_ms + after_ms)
            if trouble is None:
                return _Outcome(begin_ms + after_ms + chances.latency_ms, "", _answer)
            if trouble.manner is not Manner.HANGS:
                return _failed(begin_ms + after_ms, trouble.manner, chances)
        return _failed(begin_ms, Manner.HANGS, chances)

    def _trouble(self, at_ms: int) -> Trouble | None:
        """What is in the way, the nearest first."""
        return self._broken.blind.at(at_ms) or self._broken.lost.at(at_ms) or self._truth.outages.at(at_ms)

    def _delivered(self, at_ms: int) -> int:
        """When the server takes what is sent at a moment."""
        while (span := self._broken.cut.at(at_ms) or self._unreachable.at(at_ms)) is not None:
            at_ms = span.end_ms + self._back_ms(span)
        return at_ms


def _failed(begin_ms: int, manner: Manner, chances: Chances) -> _Outcome:
    match manner:
        case Manner.HANGS:
            return _Outcome(begin_ms + TIMEOUT_MS, "Timed out", {})
        case Manner.REFUSES:
            return _Outcome(begin_ms + chances.latency_ms, "Connection refused", {})
        case Manner.FAILS:
            return _Outcome(begin_ms + chances.latency_ms, "", _fault)


def arrived(zones: Sequence[Zone]) -> list[Entry]:
    """The log: all that comes of the schedule, in the order of arrival."""
    found: list[tuple[int, int, Entry]] = []
    for zone in zones:
        found += [(one.arrival_ms, one.at_ms, one) for one in zone.observations()]
        found += [(one.at_ms, one.at_ms, one) for one in zone.turns()]
    found.sort(key=lambda one: one[:2])
    return [entry for _, _, entry in found]
