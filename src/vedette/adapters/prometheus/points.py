"""The metric store as the ports see it: points go in by the spool, and come out by PromQL."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from vedette.adapters.prometheus import promql
from vedette.adapters.prometheus.labels import GIVEN_UP, UNKNOWN_UNIT, Identity, name_of
from vedette.adapters.prometheus.reading import MOST_WINDOWS, Labels, Reader
from vedette.adapters.prometheus.sender import Sender
from vedette.adapters.prometheus.write_request import Sample
from vedette.domain.ids import TenantId
from vedette.domain.observations import Observation
from vedette.ports.clock import Clock
from vedette.ports.points import Found, Gap, MetricName, Point, Series
from vedette.rollups.folding import Rollup
from vedette.rollups.resolutions import DAY_MS, Resolution

NAMES_MS = 2 * DAY_MS
"""How far back metrics are listed."""

_EARLIEST_MS = 365 * DAY_MS  # so far after the epoch that no window looked back from it begins before that
_USUAL_DELAY_MS = 15_000
_MOST_IDS = 100  # of one question's expression


class RemotePoints:
    """Takes points (`ports.points.PointSink`)."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def take(self, observations: Sequence[Observation]) -> None:
        """They are in the spool. Text has no place in such a store, and NaN means "no more points" in some of them."""
        await self._sender.write(samples_of(observations))


class PrometheusPoints:
    """Numbers of metrics (`ports.points.MetricPoints`); there is no text in such a store."""

    def __init__(self, reader: Reader, sender: Sender | None, clock: Clock) -> None:
        """`sender` is this process's own, where it has one: it knows what is not in the store.

        Without it only what was given up is known, and that as soon as the store has been told.
        """
        self._reader = reader
        self._sender = sender
        self._clock = clock

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        """Of the last two days."""
        return _names(await self._series({"tenant": tenant_id, "check": check_id}))

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        """As `names`."""
        by_check: dict[str, list[Labels]] = {}
        for start in range(0, len(entity_ids), _MOST_IDS):
            any_of = "|".join(entity_ids[start : start + _MOST_IDS])  # letters and digits
            for labels in await self._series({"tenant": tenant_id}, {"entity": any_of}):
                by_check.setdefault(labels["check"], []).append(labels)
        return {check_id: _names(listed) for check_id, listed in by_check.items()}

    async def points(self, series: Series, from_ms: int, to_ms: int, limit: int) -> Found[Point]:
        from_ms, to_ms = self._within(from_ms, to_ms)
        found = await self._reader.points(_selector(series), from_ms, to_ms, limit)
        return Found(found, await self._missing(from_ms, to_ms))

    async def rollups(
        self, series: Series, resolution: Resolution, from_ms: int, to_ms: int, limit: int
    ) -> Found[Rollup]:
        from_ms, to_ms = self._within(from_ms, to_ms)
        if to_ms <= from_ms:
            return Found([])
        selector, width = _selector(series), resolution.width_ms
        first, last = resolution.window(from_ms), resolution.window(to_ms - 1)
        found: list[Rollup] = []
        for begin, end in await self._inhabited(selector, first, last, width):
            found += await self._reader.rollups(selector, begin, end, width)
            if len(found) >= limit:
                break
        return Found(found[:limit], await self._missing(first, last + width))

    def _within(self, from_ms: int, to_ms: int) -> tuple[int, int]:
        """No store has points of the time before there were any, nor of the future; some stumble over it."""
        return max(from_ms, _EARLIEST_MS), min(to_ms, self._clock() + DAY_MS)

    async def _inhabited(self, selector: str, first: int, last: int, width: int) -> list[tuple[int, int]]:
        """First and last windows of questions that together ask for all windows with points."""
        windows = (last - first) // width + 1
        if windows <= MOST_WINDOWS:
            return [(first, last)]
        part = -(-windows // MOST_WINDOWS) * width
        stretches: list[tuple[int, int]] = []
        for at, _ in await self._reader.counts(selector, first, first + (MOST_WINDOWS - 1) * part, part):
            end = min(at + part - width, last)
            if stretches and stretches[-1][1] + width == at and end - stretches[-1][0] < MOST_WINDOWS * width:
                stretches[-1] = (stretches[-1][0], end)
            else:
                stretches.append((at, end))
        return stretches

    async def _series(self, matchers: Mapping[str, str], patterns: Mapping[str, str] | None = None) -> Sequence[Labels]:
        now = self._clock()
        return await self._reader.series(promql.any_name(matchers, patterns or {}), now - NAMES_MS, now)

    async def _missing(self, from_ms: int, to_ms: int) -> tuple[Gap, ...]:
        """What was given up, and what still waits in this process for a store that does not take it."""
        gaps = await self._given_up(from_ms) if self._sender is None else self._not_sent(self._sender)
        return tuple(
            Gap(max(gap.from_ms, from_ms), min(gap.to_ms, to_ms))
            for gap in gaps
            if gap.from_ms < to_ms and gap.to_ms > from_ms
        )

    def _not_sent(self, sender: Sender) -> list[Gap]:
        gaps = [Gap(loss.from_ms, loss.to_ms + 1) for loss in sender.losses]
        waiting = sender.waiting
        if waiting.points and (sender.is_held_up or waiting.first_ms < self._clock() - _USUAL_DELAY_MS):
            gaps.append(Gap(waiting.first_ms, waiting.last_ms + 1))
        return gaps

    async def _given_up(self, from_ms: int) -> list[Gap]:
        """As other processes have said in the store."""
        listed = await self._reader.series(promql.selector(GIVEN_UP, {}), from_ms, self._clock())
        return sorted([Gap(int(labels["from_ms"]), int(labels["to_ms"]) + 1) for labels in listed], key=_beginning)


def _beginning(gap: Gap) -> int:
    return gap.from_ms


def samples_of(observations: Sequence[Observation]) -> Iterator[Sample]:
    """The numbers among what was observed."""
    for observation in observations:
        for name, metric in observation.metrics.items():
            if isinstance(metric.value, str) or (isinstance(metric.value, float) and math.isnan(metric.value)):
                continue
            identity = Identity(
                observation.tenant_id,
                observation.entity_id,
                observation.check_id,
                observation.check_type,
                observation.place,
                name,
                metric.unit,
                metric.type,
            )
            yield Sample(identity, observation.at_ms, float(metric.value))


def _selector(series: Series) -> str:
    matchers = {
        "tenant": series.tenant_id,
        "check": series.check_id,
        "metric": series.name,
        "zone": series.place,
    }
    return promql.selector(name_of(series.name), matchers)


def _names(listed: Sequence[Labels]) -> list[MetricName]:
    """One of each name, whatever units and types it has had."""
    names = {}
    for labels in listed:
        zone = labels.get("zone")
        name = f"{zone}.{labels['metric']}" if zone else labels["metric"]
        names[name] = MetricName(name=name, unit=labels.get("unit", UNKNOWN_UNIT), type=labels["type"])
    return [names[name] for name in sorted(names)]
