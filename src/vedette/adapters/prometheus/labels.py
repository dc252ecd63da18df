"""How a metric of a check is called in a Prometheus-protocol store. Grafana users write queries by it: docs/how-to.

The name is `vedette_` and what follows the last dot of the metric's name, with every character that Prometheus does not
take in names turned into `_`. The label `metric` has the exact name, so that two metrics never become one series.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from vedette.domain.ids import CheckId, EntityId, TenantId

PREFIX = "vedette_"
UNKNOWN_UNIT = "unknown"
GIVEN_UP = PREFIX + "given_up_points"
"""A series for each stretch of time of which points were given up, so that every process can say so in plots."""

_not_in_names = re.compile(r"[^A-Za-z0-9_]")


class Identity(NamedTuple):
    """Of one series. A metric that changes its unit or type goes on in another one, and is read as one again."""

    tenant_id: TenantId
    entity_id: EntityId
    check_id: CheckId
    check_type: str
    place: str  # the zone; empty for an agent's
    metric: str  # with its dimension: `eth0.rx_bytes`
    unit: str
    type: str  # one letter, see `domain.metrics.type_letters`


def name_of(metric: str) -> str:
    """`eth0.rx_bytes` -> `vedette_rx_bytes`."""
    return PREFIX + _not_in_names.sub("_", metric.rpartition(".")[2])


def labels_of(series: Identity) -> list[tuple[str, str]]:
    """Sorted by name, as remote write wants them; a label without value is left out, for Prometheus has none such."""
    unit = "" if series.unit == UNKNOWN_UNIT else series.unit
    labels = [
        ("__name__", name_of(series.metric)),
        ("check", series.check_id),
        ("check_type", series.check_type),
        ("dimension", series.metric.rpartition(".")[0]),
        ("entity", series.entity_id),
        ("metric", series.metric),
        ("tenant", series.tenant_id),
        ("type", series.type),
        ("unit", unit),
        ("zone", series.place),
    ]
    return [label for label in labels if label[1]]


def labels_of_loss(from_ms: int, to_ms: int) -> list[tuple[str, str]]:
    """Of what was given up from its first point to its last one."""
    return [("__name__", GIVEN_UP), ("from_ms", str(from_ms)), ("to_ms", str(to_ms))]
