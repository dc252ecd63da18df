"""`agent.apache`: the status page of an Apache HTTP server, in its `?auto` form (wire protocol, 10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx

from vedette.agent.reading import Reading, text, unavailable
from vedette.wire.metrics import WireMetric, number_of

DEFAULT_URL = "http://127.0.0.1/server-status?auto"
LONGEST_PAGE = 1024 * 1024
_NAMES = {
    "Total Accesses": ("total_accesses", "gauge"),
    "Total kBytes": ("total_kbytes", "uint64"),
    "CPULoad": ("cpu_load", "double"),
    "Uptime": ("uptime", "uint64"),
    "ReqPerSec": ("requests_per_second", "double"),
    "BytesPerSec": ("bytes_per_second", "uint64"),
    "BytesPerReq": ("bytes_per_request", "uint64"),
    "BusyWorkers": ("busy_workers", "uint64"),
    "IdleWorkers": ("idle_workers", "uint64"),
}
"""What the page says -> the metric and its type."""
_WORKERS = {
    "_": "waiting", "S": "starting", "R": "reading", "W": "sending", "K": "keepalive", "D": "dns", "C": "closing",
    "L": "logging", "G": "gracefully_finishing", "I": "idle", ".": "open",
}  # fmt: skip
"""What each worker is doing, by its letter on the scoreboard."""


async def run(details: Mapping[str, Any]) -> Reading:
    """Of the detail `url`."""
    url = str(details.get("url") or DEFAULT_URL)
    try:
        page = await _page(url)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return unavailable(str(error) or type(error).__name__)
    return reading_of(page)


async def _page(url: str) -> str:
    """Raises `ValueError` for an answer that is not the page."""
    client = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113 - the check has its own limit
    async with client, client.stream("GET", url) as answer:
        if answer.status_code != 200:
            raise ValueError(f"the server answered {answer.status_code}: expected its status page")
        page = bytearray()
        async for piece in answer.aiter_bytes():
            page += piece
            if len(page) > LONGEST_PAGE:
                raise ValueError(f"the page is longer than {LONGEST_PAGE} bytes")
    return page.decode("utf-8", "replace")


def reading_of(page: str) -> Reading:
    """A first line without a colon names the virtual host."""
    pairs = [line.partition(":") for line in page.splitlines()]
    told = {name.strip(): value.strip() for name, colon, value in pairs if colon}
    metrics = {name: metric for name, metric in (_metric(key, value) for key, value in told.items()) if metric}
    if "Scoreboard" not in told or "total_accesses" not in metrics:
        return unavailable("the page has no Scoreboard and Total Accesses: expected the status page with ?auto")
    letters = Counter(told["Scoreboard"])
    metrics |= {name: WireMetric("uint64", str(letters[letter])) for letter, name in _WORKERS.items()}
    if not pairs[0][1]:
        metrics["vhost"] = text(pairs[0][0].strip(), "")
    rate = number_of(told.get("ReqPerSec", "")) or 0.0
    return Reading(metrics=metrics, status=f"Handling {rate:.2f} requests per second")


def _metric(key: str, value: str) -> tuple[str, WireMetric | None]:
    name, kind = _NAMES.get(key, ("", ""))
    number = number_of(value)
    if not name or number is None:
        return name, None
    return name, WireMetric(kind, repr(float(number)) if kind == "double" else str(int(number)))
