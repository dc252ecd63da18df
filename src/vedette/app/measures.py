"""The server's own metrics (`/metrics`): no tenant, token, url or address in any label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Measures:
    """One registry a process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "vedette_http_requests", "Answered requests", ["method", "status"], registry=self._registry
        )
        self._counters: dict[tuple[str, int], Counter] = {}

    def request(self, method: str, status: int) -> None:
        key = (method if method in _METHODS else "other"), status
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._requests.labels(key[0], str(status))
        counter.inc()

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A value that is read when the page is made."""
        Gauge(name, help_text, registry=self._registry).set_function(read)

    def counts(self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """What grew since the start, by the values of one label; read when the page is made."""
        self._registry.register(_Counts(name, help_text, label, read))

    def page(self) -> bytes:
        return generate_latest(self._registry)


class _Counts(Collector):
    def __init__(self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name, self._help, self._label, self._read = name, help_text, label, read

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._help, labels=[self._label])
        for value, count in sorted(self._read().items()):
            family.add_metric([value], count)
        yield family


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "shed"})
