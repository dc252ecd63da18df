"""The server's own metrics (`/metrics`): no tenant, token, url or address in any label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector


class Measures:
    """One registry a process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._registry.register(_Requests(self._requests))

    def request(self, method: str, status: int) -> None:
        """Counts an answer: by a plain number, for a counter's lock would be felt at every request."""
        self._requests[method if method in _METHODS else "other", status] += 1

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A value that is read when the page is made."""
        Gauge(name, help_text, registry=self._registry).set_function(read)

    def gauges(self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Values by those of one label, read when the page is made."""
        self._registry.register(_Gauges(name, help_text, label, read))

    def counts(self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """What grew since the start, by the values of one label; read when the page is made."""
        self._registry.register(_Counts(name, help_text, label, read))

    def page(self) -> bytes:
        return generate_latest(self._registry)


class _Requests(Collector):
    def __init__(self, answered: Mapping[tuple[str, int], int]) -> None:
        self._answered = answered

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily("vedette_http_requests", "Answered requests", labels=["method", "status"])
        for (method, status), count in sorted(self._answered.items()):
            family.add_metric([method, str(status)], count)
        yield family


class _Gauges(Collector):
    def __init__(self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name, self._help, self._label, self._read = name, help_text, label, read

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(self._name, self._help, labels=[self._label])
        for value, number in sorted(self._read().items()):
            family.add_metric([value], number)
        yield family


class _Counts(Collector):
    def __init__(self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name, self._help, self._label, self._read = name, help_text, label, read

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._help, labels=[self._label])
        for value, count in sorted(self._read().items()):
            family.add_metric([value], count)
        yield family


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "shed"})
