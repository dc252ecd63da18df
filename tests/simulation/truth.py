"""What really happens in a simulated world: the targets, the network, and what breaks when. All of it from one seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import msgspec

ZONES = ("mzdfw", "mzord", "mzlon")
AGENT = "web-1"
PERIOD_S = 30
FOR_GOOD_S = 1e6
BLIND_S = 25.0
"""Of a shorter blindness a probe may be the only witness, and then no canary can tell it from the target's fault."""


class Span(msgspec.Struct, frozen=True):
    """From one moment to another, seconds."""

    begin: float
    end: float

    def holds(self, at: float) -> bool:
        return self.begin <= at < self.end

    def meets(self, begin: float, end: float) -> bool:
        return self.begin < end and begin < self.end


class Outage(msgspec.Struct, frozen=True):
    """A target does not do what it should."""

    span: Span
    hangs: bool  # or answers that it fails


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a world. Everything that breaks is whole again at `calm_s`, but for one last outage after it."""

    calm_s: float
    last: Span  # the outage of the target in the calm
    agent_dies_s: float | None  # for good, in the calm
    end_s: float
    outages: Sequence[Outage]  # of the target, the last one too
    blind: Mapping[str, Sequence[Span]]  # zone -> its uplink is cut: the target and every canary seem dead
    cut: Mapping[str, Sequence[Span]]  # zone or agent -> it does not reach the server
    deaths: Mapping[str, Sequence[Span]]  # process -> away; when it dies within a step is the seed's to say
    disk: Sequence[Span]  # the store takes nothing
    dies_of_changes: float  # how likely the server dies while it writes a change of state
    loss: float  # of messages, until `calm_s`
    doubled: float
    consistency: str
    count: int
    confirm_after_ms: int
    is_agent_fast: bool

    def fails(self, at: float) -> Outage | None:
        return next((one for one in self.outages if one.span.holds(at)), None)

    def is_blind(self, zone: str, at: float) -> bool:
        return any(one.holds(at) for one in self.blind[zone])

    def is_cut(self, who: str, at: float) -> bool:
        return any(one.holds(at) for one in self.cut.get(who, ()))

    def failed_within(self, begin: float, end: float) -> bool:
        """Whether the target failed at any moment between."""
        return any(one.span.meets(begin, end) for one in self.outages)


def planned(seed: int) -> Truth:
    """The world of a seed."""
    chance = random.Random(seed)
    calm_s = chance.choice([120.0, 240.0, 360.0])
    begin = calm_s + 150 + chance.random() * PERIOD_S
    last = Span(begin, begin + 150)
    dies = chance.random() < 0.5
    return Truth(
        calm_s=calm_s,
        last=last,
        agent_dies_s=last.begin if dies else None,
        end_s=last.end + 150,
        outages=(*_outages(chance, calm_s), Outage(last, hangs=chance.random() < 0.3)),
        blind={zone: _spans(chance, calm_s, 0.35, 60, BLIND_S) for zone in ZONES},
        cut={who: _spans(chance, calm_s, 0.35, 60) for who in (*ZONES, AGENT)},
        deaths={
            **{zone: _spans(chance, calm_s, 0.4, 40) for zone in ZONES},
            AGENT: [*_spans(chance, calm_s, 0.4, 40), *([Span(last.begin, FOR_GOOD_S)] if dies else [])],
            "server": _spans(chance, calm_s, 0.7, 20),
        },
        disk=_spans(chance, calm_s, 0.2, 15),
        dies_of_changes=chance.choice([0.0, 0.5, 0.9]),
        loss=chance.choice([0.0, 0.0, 0.05, 0.3]),
        doubled=chance.choice([0.0, 0.1, 0.5]),
        consistency=chance.choice(["QUORUM", "QUORUM", "ALL", "ONE"]),
        count=chance.choice([1, 1, 1, 2, 3]),
        confirm_after_ms=chance.choice([0, 5_000]),
        is_agent_fast=chance.random() < 0.5,
    )


def _outages(chance: random.Random, until_s: float) -> list[Outage]:
    return [Outage(span, hangs=chance.random() < 0.3) for span in _spans(chance, until_s, 0.6, 90)]


def _spans(
    chance: random.Random, until_s: float, likely: float, longest_s: float, shortest_s: float = 0.5
) -> list[Span]:
    """One or two, or none, that all end before the calm."""
    spans: list[Span] = []
    at = 0.0
    while chance.random() < likely and at < until_s - 1:
        begin = at + chance.random() * (until_s - at) * 0.8
        end = min(begin + shortest_s + chance.random() * longest_s, until_s - 0.5)
        if end - begin >= shortest_s:
            spans.append(Span(begin, end))
        at = end + 1
    return spans
