"""Health, readiness and the server's own metrics; never shed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar import get
from litestar.handlers import HTTPRouteHandler

from vedette.api import answers, schemas
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.faults import Fault

Readiness = Callable[[], Awaitable[dict[str, str]]]
"""Part -> `ok` or what is wrong with it."""


def routes(
    ready: Readiness, metrics_page: Callable[[], bytes], metrics_are_open_to: Callable[[str, str | None], bool]
) -> list[HTTPRouteHandler]:
    """Open to everybody but for the metrics."""

    @get("/healthz", operation_id="healthz", opt={"gives": schemas.ANY_OBJECT})
    async def healthz() -> Answer:
        """The process runs and answers."""
        return answers.encoded({"status": "ok"})

    @get("/readyz", operation_id="readyz", opt={"gives": schemas.ANY_OBJECT})
    async def readyz() -> Answer:
        """Every part works; 503 names the ones that do not."""
        parts = await ready()
        is_ready = all(state == "ok" for state in parts.values())
        answer = answers.encoded({"status": "ok" if is_ready else "unavailable", "parts": parts})
        answer.status_code = 200 if is_ready else 503
        return answer

    @get("/metrics", operation_id="metrics")
    async def metrics(request: Call) -> Answer:
        """Prometheus text; on loopback, or with the metrics token."""
        if not metrics_are_open_to(request.visit.peer, request.headers.get("authorization")):
            raise Fault("forbiddenError", "Metrics are served on loopback only")
        return Answer(metrics_page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [healthz, readyz, metrics]
