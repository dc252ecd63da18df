"""The server's own metrics (`/metrics`): no tenant, token, url or address in any label."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


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

    def page(self) -> bytes:
        return generate_latest(self._registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "shed"})
