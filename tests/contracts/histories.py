"""Observations made up from a seed, and their plots worked out the slow way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from random import Random

import msgspec

from tests.contracts.examples import ALICES, observation
from vedette.adapters.sql.stores import Stores
from vedette.domain.metrics import Metric, Value
from vedette.domain.observations import Logged, Observation
from vedette.ports.points import Point, Series
from vedette.rollups.folding import Rollup
from vedette.rollups.resolutions import DAY_MS, Resolution
from vedette.services.roll_up import RollUp

DAY = 20_000 * DAY_MS
"""A midnight."""
PLACES = ("mzdfw", "")
NAMES = ("whole", "decimal", "double", "huge", "text", "mixed", "seldom")


def values(random: Random) -> dict[str, Metric]:
    """One of everything."""
    mixed: list[Value] = [1, 2.5, "down", math.nan, math.inf, -math.inf, -0.0, 2**64 - 1]
    metrics = {
        "whole": Metric("i", random.randrange(-50, 1_000), "milliseconds"),
        "decimal": Metric("D", random.randrange(10_000) / 100, "percent"),
        "double": Metric("D", random.lognormvariate(0, 20)),
        "huge": Metric("L", 2**64 - random.randrange(1, 9_000), "bytes"),
        "text": Metric("s", random.choice(["up", "up", "up", "down", "naïve \N{SNOWMAN}"])),
        "mixed": Metric(random.choice("Ds"), random.choice(mixed)),
    }
    return metrics | ({"seldom": Metric("i", 1, random.choice("ab"))} if random.random() < 0.2 else {})


def observed(random: Random, at_ms: int, place: str) -> Observation:
    """At a time, arrived a little later; some failed."""
    is_available = random.random() < 0.9
    return observation(
        "chA",
        at_ms,
        place or None,
        arrival_ms=at_ms + random.randrange(3_000),
        metrics=values(random) if is_available else {},
        available=is_available,
        status=random.choice(["", "code=200"]),
        target=random.choice([None, "192.0.2.1"]),
        sender=random.choice("ab"),
        buffers=random.random() < 0.5,
        took_ms=random.choice([None, 0, 120]),
        round_id=random.choice(["", "", "round"]),
    )


async def append(store: Stores, observations: Sequence[Observation]) -> None:
    """As evaluation leaves it: every cursor has passed."""
    await store.commit(store.observations.append(observations))
    last, seq = await store.observations.cursor("evaluate"), 0
    for logged in await store.observations.after(last, 1_000_000):
        seq = logged.seq
    if seq > last:
        await store.commit(store.observations.advance("evaluate", last, seq))


async def settle(store: Stores, now_ms: int) -> None:
    """Everything that is due at a moment is moved and rolled up."""
    rolling = RollUp(store.chunks, store.commit, lambda: now_ms)
    while await rolling.step():
        pass


def text(logged: Logged) -> str:
    """An entry as text: so NaN is NaN, and 1 is not 1.0; metrics have no order."""
    entry = logged.entry
    if isinstance(entry, Observation):
        entry = msgspec.structs.replace(entry, metrics=dict(sorted(entry.metrics.items())))
    return f"{logged.seq} {entry!r}"


def series(name: str, place: str) -> Series:
    return Series(tenant_id=ALICES, check_id="chA", place=place, name=name)


def points(observations: Iterable[Observation], name: str, place: str) -> dict[int, Value]:
    """Time -> value, in the order of time; the first one that was reported counts."""
    found: dict[int, Value] = {}
    for one in observations:
        if one.place == place and name in one.metrics:
            found.setdefault(one.at_ms, one.metrics[name].value)
    return dict(sorted(found.items()))


def windows(observations: Iterable[Observation], name: str, place: str, resolution: Resolution) -> list[str]:
    """The rollups of all points as text: so NaN is NaN, and 1 is not 1.0."""
    inside: dict[int, list[float]] = {}
    for at_ms, value in points(observations, name, place).items():
        if not isinstance(value, str) and not math.isnan(value):
            inside.setdefault(at_ms // resolution.width_ms * resolution.width_ms, []).append(value)
    return [repr(statistics(start, numbers)) for start, numbers in inside.items()]


def statistics(start: int, numbers: Sequence[float]) -> Rollup:
    """The textbook's, in fractions: a double is the decimal that it is written as."""
    low, high, count = min(numbers), max(numbers), len(numbers)
    if low == high:
        return Rollup(start, count, low, 0 if math.isfinite(low) else math.nan, low, high)
    if math.isinf(low) or math.isinf(high):
        return Rollup(start, count, sum(one for one in (low, high) if math.isinf(one)), math.nan, low, high)
    exact = [Fraction(repr(number)) for number in numbers]
    average = sum(exact, Fraction()) / count
    variance = sum([(one - average) ** 2 for one in exact], Fraction()) / count
    is_whole = average.denominator == 1 and isinstance(low, int) and isinstance(high, int)
    return Rollup(start, count, int(average) if is_whole else _double(average), _double(variance), low, high)


def _double(exact: Fraction) -> float:
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


async def plotted(store: Stores, name: str, place: str, resolution: Resolution) -> list[str]:
    """The store's rollups of all time."""
    found = await store.points.rollups(series(name, place), resolution, 0, 1 << 53, 1_000_000)
    assert found.missing == ()
    return [repr(one) for one in found.items]


async def at_full(store: Stores, name: str, place: str) -> list[str]:
    found = await store.points.points(series(name, place), 0, 1 << 53, 1_000_000)
    assert found.missing == ()
    return [repr(one) for one in found.items]


def naive_at_full(observations: Iterable[Observation], name: str, place: str) -> list[str]:
    return [repr(Point(*point)) for point in points(observations, name, place).items()]
