"""Samples to write."""

from __future__ import annotations

from hypothesis import strategies

from vedette.adapters.prometheus.labels import Identity
from vedette.adapters.prometheus.write_request import Sample
from vedette.domain.ids import CheckId, EntityId, TenantId

_texts = strategies.text(strategies.characters(codec="utf-8"), min_size=1, max_size=12)


def identity(check: str = "chA", place: str = "mzdfw", metric: str = "duration") -> Identity:
    return Identity(TenantId("alices"), EntityId("enA"), CheckId(check), "remote.http", place, metric, "seconds", "D")


def sample(at_ms: int, value: float = 1.0, check: str = "chA", metric: str = "duration") -> Sample:
    return Sample(identity(check, metric=metric), at_ms, value)


identities = strategies.builds(
    Identity, *[_texts.map(of) for of in (TenantId, EntityId, CheckId)], _texts, _texts | strategies.just(""),
    _texts, _texts, strategies.sampled_from("iIlLD"),
)  # fmt: skip
samples = strategies.builds(
    Sample,
    identities,
    strategies.integers(-(2**63), 2**63 - 1),
    strategies.floats(allow_nan=False),
)
