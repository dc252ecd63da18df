"""Points out of the API, series by series; nothing but the names of the metrics is held in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from vedette.adapters.prometheus import openmetrics
from vedette.adapters.prometheus.labels import Identity, name_of
from vedette.cli.api_client import Api, segment
from vedette.domain.faults import Fault
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.rollups.resolutions import DAY_MS, Resolution

_REMOTE = "remote."
_TEXT_TYPES = frozenset("sb")
_FIRST_SPAN_MS = DAY_MS // 2  # 1,440 points of a check every 30 s
_SHORTEST_SPAN_MS = 1


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is exported."""

    from_ms: int
    to_ms: int
    resolution: Resolution
    entities: tuple[str, ...] = ()  # all of the tenant's where empty
    checks: tuple[str, ...] = ()


class Export:
    """One export; the counts are of what it has given so far."""

    def __init__(self, api: Api, wanted: Wanted) -> None:
        self._api = api
        self._wanted = wanted
        self.points = 0
        self.texts = 0  # metrics that are text, and so not there
        self.not_numbers = 0  # points that have no number to show
        self.missing: list[tuple[int, int]] = []  # times of which the server has lost points, or cannot reach them

    def lines(self) -> Iterator[str]:
        """OpenMetrics. Raises `Fault`, `ApiFailure`; then there is no end."""
        family = ""
        for identity in openmetrics.families(list(self._identities())):
            if name_of(identity.metric) != family:
                family = name_of(identity.metric)
                yield openmetrics.head(family)
            yield from openmetrics.lines(identity, self._points(identity))
        yield openmetrics.END + "\n"

    def _identities(self) -> Iterator[Identity]:
        tenant_id = TenantId(self._api.get("account")["id"])
        entities = self._wanted.entities or [entity["id"] for entity in self._api.all("entities")]
        for entity_id in entities:
            for check in self._api.all(f"entities/{segment(entity_id)}/checks"):
                if not self._wanted.checks or check["id"] in self._wanted.checks:
                    yield from self._of_check(tenant_id, entity_id, check)

    def _of_check(self, tenant_id: TenantId, entity_id: str, check: dict[str, Any]) -> Iterator[Identity]:
        for metric in self._api.all(f"{_path(entity_id, check['id'])}/metrics"):
            if metric["type"] in _TEXT_TYPES:
                self.texts += 1
                continue
            place, _, name = metric["name"].partition(".") if check["type"].startswith(_REMOTE) else ("", "", "")
            yield Identity(
                tenant_id,
                EntityId(entity_id),
                CheckId(check["id"]),
                check["type"],
                place,
                name or metric["name"],
                metric["unit"],
                metric["type"],
            )

    def _points(self, identity: Identity) -> Iterator[tuple[int, int | float]]:
        name = f"{identity.place}.{identity.metric}" if identity.place else identity.metric
        path = f"{_path(identity.entity_id, identity.check_id)}/metrics/{segment(name)}/plot"
        for point in self._plotted(path):
            if isinstance(point["average"], int | float):
                self.points += 1
                yield point["timestamp"], point["average"]
            else:
                self.not_numbers += 1

    def _plotted(self, path: str) -> Iterator[dict[str, Any]]:
        """In stretches short enough for one plot, found by trying."""
        begin, span = self._wanted.from_ms, max(_FIRST_SPAN_MS, self._wanted.resolution.width_ms * 1_000)
        while begin < self._wanted.to_ms:
            end = min(begin + span, self._wanted.to_ms)
            try:
                answer = self._plot(path, begin, end)
            except Fault as fault:
                if fault.kind != "requestTooLargeError" or span <= _SHORTEST_SPAN_MS:
                    raise
                span //= 2
                continue
            yield from self._of_this(answer, begin)
            begin = end

    def _plot(self, path: str, begin: int, end: int) -> Any:
        return self._api.get(path, {"from": begin, "to": end, "resolution": self._wanted.resolution})

    def _of_this(self, answer: Any, begin: int) -> Iterator[dict[str, Any]]:
        """A window that began before the stretch was in the one before, unless it is the first."""
        for gap in answer["metadata"].get("missing", ()):
            self.missing.append((gap["from"], gap["to"]))
        for point in answer["values"]:
            if point["timestamp"] >= begin or begin == self._wanted.from_ms:
                yield point


def _path(entity_id: str, check_id: str) -> str:
    return f"entities/{segment(entity_id)}/checks/{segment(check_id)}"
