"""Current values: what each source last reported, a row a source, apart from its history.

The row follows when observations leave the log; what came since then is read from the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from vedette.adapters.sql.database import Database, Statement
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.chunks import Source
from vedette.rollups.resolutions import DAY_MS

KNOWN = "SELECT metrics FROM current_metrics WHERE check_id = :check_id AND place = :place"

PUT = """
INSERT INTO current_metrics (check_id, place, tenant_id, at_ms, metrics)
VALUES (:check_id, :place, :tenant_id, :at_ms, :metrics)
ON CONFLICT (check_id, place) DO UPDATE SET
    tenant_id = excluded.tenant_id, at_ms = excluded.at_ms, metrics = excluded.metrics"""

_SILENT_MS = DAY_MS
"""So much longer than others of its source a metric may be silent before it is listed no more."""


class Current(msgspec.Struct, frozen=True, array_like=True):
    """The last value of one metric."""

    metric: Metric
    at_ms: int


_decode = msgspec.msgpack.Decoder(dict[str, Current]).decode
_encode = msgspec.msgpack.Encoder().encode


def read(data: bytes) -> dict[str, Current]:
    """From a row's `metrics`."""
    return _decode(data)


async def known(database: Database, source: Source) -> Mapping[str, Current]:
    """The source's row."""
    row = await database.fetch_one(KNOWN, {"check_id": source.check_id, "place": source.place})
    return {} if row is None else read(row[0])


def put(source: Source, before: Mapping[str, Current], observations: Sequence[Observation]) -> Statement:
    """The source's row after some observations."""
    metrics = with_all(before, observations)
    newest = max(observations, key=lambda one: one.at_ms)
    return Statement(
        PUT,
        {
            "check_id": source.check_id,
            "place": source.place,
            "tenant_id": newest.tenant_id,
            "at_ms": max([newest.at_ms, *[one.at_ms for one in metrics.values()]]),
            "metrics": _encode(metrics),
        },
    )


def with_all(before: Mapping[str, Current], observations: Sequence[Observation]) -> dict[str, Current]:
    """The newest of each name."""
    metrics = dict(before)
    for one in observations:
        for name, metric in one.metrics.items():
            if name not in metrics or metrics[name].at_ms <= one.at_ms:
                metrics[name] = Current(metric, one.at_ms)
    newest = max([one.at_ms for one in metrics.values()], default=0)
    return {name: one for name, one in metrics.items() if one.at_ms > newest - _SILENT_MS}
