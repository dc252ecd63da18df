"""`overview`: pages of `views/overview` of a large account: 1,000 entities with 10 checks and 10 alarms each."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from benchmarks import objects, servers
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table
from vedette.adapters.sql.stores import Stores
from vedette.app.storage import open_stores
from vedette.config import load
from vedette.domain.documents import Document, Kind
from vedette.domain.ids import TenantId
from vedette.domain.states import State
from vedette.engine.states import AlarmState

ENTITIES, EACH = 1_000, 10
PAGE = 100
ROUNDS, REQUESTS = 5, 200
AIM_MS = 50


def run() -> Table:
    """Latency of one caller who asks page after page, over and over."""
    table = Table("overview: 1,000 entities, 10,000 checks, 10,000 alarms, one core for the server, SQLite")
    os.sched_setaffinity(0, {LOAD_CORE})
    with servers.vedette() as credentials:
        templates = _templates(credentials)
        asyncio.run(_fill(credentials, templates))
        rounds, size = _measured(credentials)
    for name, place in (("median", 0.5), ("p99", 0.99)):
        figures = [_quantile(latencies, place) for latencies in rounds]
        table.rows.append(Row(f"page of {PAGE}: {name}", "-", figures, [], "ms", AIM_MS, at_most=True))
    table.notes.append(f"{ROUNDS} rounds of {REQUESTS} pages, {size / 1e6:.2f} MB a page")
    return table


def _templates(credentials: dict[str, Any]) -> dict[Kind, str]:
    """One object of each kind, made by the API: all others are made like it."""
    with httpx.Client(base_url=credentials["monitoring_url"], headers={"X-Auth-Token": credentials["token"]}) as client:
        entity = objects.create(client, "/entities", objects.BODIES["entities"])
        check = objects.create(client, f"/entities/{entity}/checks", objects.BODIES["checks"])
        alarm = objects.create(client, f"/entities/{entity}/alarms", objects.BODIES["alarms"] | {"check_id": check})
    return {Kind.ENTITY: entity, Kind.CHECK: check, Kind.ALARM: alarm}


async def _fill(credentials: dict[str, Any], templates: dict[Kind, str]) -> None:
    directory = str(Path(credentials["ca_file"]).parents[1])
    async with open_stores(load({"data_dir": directory}, environment={})) as stores:
        tenant = TenantId(credentials["tenant_id"])
        found = [await stores.documents.find(tenant, kind, key) for kind, key in templates.items()]
        entity, check, alarm = (one for one in found if one is not None)
        for number in range(1, ENTITIES):  # the templates are the first
            await _add(stores, number, (entity, check, alarm))
        for number in range(1, EACH):
            await stores.commit(*_below(stores, 0, number, (entity, check, alarm)))


async def _add(stores: Stores, number: int, like: tuple[Document, Document, Document]) -> None:
    """An entity with all that belongs to it."""
    copies = [write for each in range(EACH) for write in _below(stores, number, each, like)]
    await stores.commit(stores.documents.add(_copy(like[0], {like[0].id: f"en{number:010d}"})), *copies)


def _below(stores: Stores, number: int, each: int, like: tuple[Document, Document, Document]) -> Iterator[Any]:
    entity, check, alarm = like
    place = number * EACH + each
    ids = {entity.id: f"en{number:010d}" if number else entity.id, check.id: f"ch{place:010d}"}
    ids[alarm.id] = f"al{place:010d}"
    yield stores.documents.add(_copy(check, ids))
    yield stores.documents.add(_copy(alarm, ids))
    state = AlarmState(
        alarm_id=ids[alarm.id], tenant_id=alarm.tenant_id, state=State.OK, status="enough", changed_ms=alarm.created_at
    )
    yield stores.alarm_states.put(state, 0)


def _copy(document: Document, ids: dict[str, str]) -> Document:
    """The same with other ids, also of what it belongs to."""
    public = document.public
    for old, new in ids.items():
        public = public.replace(old.encode(), new.encode())
    return msgspec.structs.replace(
        document,
        id=ids[document.id],
        entity_id=ids.get(document.entity_id or ""),
        check_id=ids.get(document.check_id or ""),
        public=public,
    )


def _measured(credentials: dict[str, Any]) -> tuple[list[list[float]], int]:
    """Milliseconds of each request, a list a round; and the size of a page."""
    where = urlsplit(credentials["monitoring_url"])
    assert where.port is not None
    connection = http.client.HTTPConnection("127.0.0.1", where.port)
    headers = {"X-Auth-Token": credentials["token"]}

    def ask(marker: str | None) -> tuple[float, bytes]:
        path = f"{where.path}/views/overview?limit={PAGE}" + (f"&marker={marker}" if marker else "")
        began = perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {body[:200]!r}")
        return (perf_counter() - began) * 1000, body

    markers: list[str | None] = []
    sizes: list[int] = []
    marker: str | None = None
    while True:  # once through all of it, which also warms up
        _, body = ask(marker)
        markers.append(marker)
        sizes.append(len(body))
        page = json.loads(body)
        marker = page["metadata"]["next_marker"]
        if marker is None:
            break
    if len(markers) != ENTITIES // PAGE:
        raise RuntimeError(f"{len(markers)} pages")
    rounds = [[ask(markers[number % len(markers)])[0] for number in range(REQUESTS)] for _ in range(ROUNDS)]
    return rounds, round(statistics.mean(sizes))


def _quantile(values: list[float], place: float) -> float:
    return sorted(values)[round(place * (len(values) - 1))]
