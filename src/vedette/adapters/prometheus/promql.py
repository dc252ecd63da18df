"""Queries as text. Times go out as seconds with three decimals; a span is `from_ms <= at < to_ms`."""

from __future__ import annotations

from collections.abc import Mapping

from vedette.adapters.prometheus.labels import PREFIX

FUNCTIONS: Mapping[str, str] = {
    "numPoints": "count_over_time",
    "average": "avg_over_time",
    "variance": "stdvar_over_time",
    "min": "min_over_time",
    "max": "max_over_time",
}
STATISTIC = "statistic"  # the label that tells the parts of one answer apart

INCLUSIVE_PROBE = "count_over_time(vector(1)[2s:1s])"
"""3 where a window holds both its ends (Prometheus 2), 2 where it leaves its beginning out (3, VictoriaMetrics)."""

_escaped = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\x00"})


def selector(name: str, matchers: Mapping[str, str]) -> str:
    """`name{label="value",...}`; an empty value asks for series without the label."""
    return f"{name}{{{_conditions(matchers, '=')}}}"


def any_name(matchers: Mapping[str, str], patterns: Mapping[str, str]) -> str:
    """All of our series with these labels; a pattern holds nothing but letters, digits and `|`."""
    named = f'__name__=~"{PREFIX}.+"'
    return "{" + ",".join(filter(None, (named, _conditions(matchers, "="), _conditions(patterns, "=~")))) + "}"


def _conditions(matchers: Mapping[str, str], operator: str) -> str:
    return ",".join(f'{label}{operator}"{text.translate(_escaped)}"' for label, text in matchers.items())


def statistics(series: str, window_ms: int) -> str:
    """One expression for all statistics, each with its name in a label: one question instead of five."""
    parts = (
        f'label_replace({function}({series}[{window_ms}ms]), "{STATISTIC}", "{name}", "", "")'
        for name, function in FUNCTIONS.items()
    )
    return " or ".join(parts)


def seconds(moment_ms: int) -> str:
    """As the query API takes moments."""
    return f"{moment_ms // 1000}.{moment_ms % 1000:03d}"
