"""Points into the history of a server, and into its metric store where it has one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

import cramjam

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.files import LocalFailure
from vedette.adapters.prometheus.client import Client, Refused, StoreDown
from vedette.adapters.prometheus.points import samples_of
from vedette.adapters.prometheus.sender import MOST_POINTS
from vedette.adapters.prometheus.write_request import Encoder
from vedette.app.metric_store import metric_store
from vedette.cli.at_hand import AtHand
from vedette.cli.sorted_points import OneDay, SortedPoints
from vedette.config import Config
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import bad_request
from vedette.domain.ids import TenantId
from vedette.domain.observations import Observation
from vedette.ports.unit import Conflict
from vedette.services.point_import import ImportedDay, PointImporter, Stores, type_of

_TRIES = 5
_REMOTE = "remote."


@dataclass
class Done:
    """How many points the file has, and how many of them were new."""

    points: int = 0
    added: int = 0


async def add(at_hand: AtHand, points: SortedPoints) -> Done:
    """Raises `Fault` before anything is added when a check is not known."""
    stores = at_hand.stores
    checks = await _checks(at_hand, points)
    importer = PointImporter(
        Stores(importing=stores.importing, points=stores.points, chunks=stores.chunks, commit=stores.commit), now_ms
    )
    done = Done()
    async with _store(at_hand.config) as client:
        for day in points.days():
            new = await _added(importer, checks[day.tenant_id, day.check_id], day, client)
            done.points += sum(len(metrics) for metrics in day.points.values())
            done.added += sum(len(one.metrics) for one in new)
    return done


async def _checks(at_hand: AtHand, points: SortedPoints) -> dict[tuple[str, str], Document]:
    found = {}
    for tenant_id, check_id, place, line in points.checks():
        check = await at_hand.stores.documents.find(TenantId(tenant_id), Kind.CHECK, check_id)
        if check is None:
            raise bad_request(
                f"line {line}: tenant {tenant_id} has no check {check_id}", "nothing was added; expected a check of it"
            )
        if type_of(check).startswith(_REMOTE) != bool(place):
            zone = "a zone, for it is a remote check" if not place else "no zone, for an agent runs it"
            raise bad_request(f"line {line}: check {check_id} has points of another place", f"expected {zone}")
        found[tenant_id, check_id] = check
    return found


async def _added(importer: PointImporter, check: Document, day: OneDay, client: Client | None) -> Sequence[Observation]:
    async def send(new: Sequence[Observation]) -> None:
        if client is not None:
            await _send(client, new)

    imported = ImportedDay(check=check, place=day.place, start_ms=day.start_ms, points=day.points)
    for _ in range(_TRIES - 1):
        try:
            return await importer.add(imported, send)
        except Conflict:  # a running server was rolling up the same day
            continue
    return await importer.add(imported, send)


@asynccontextmanager
async def _store(config: Config) -> AsyncIterator[Client | None]:
    place = metric_store(config)
    if place is None:
        yield None
        return
    client = Client(place)
    try:
        yield client
    finally:
        await client.close()


async def _send(client: Client, observations: Sequence[Observation]) -> None:
    """In requests of a size that a store takes."""
    samples, encode = samples_of(observations), Encoder()
    try:
        while some := list(islice(samples, MOST_POINTS)):
            await client.write(bytes(cramjam.snappy.compress_raw(encode(some))))
    except (StoreDown, Refused) as error:
        raise LocalFailure(f"metric store: {error}; some points are not there, and can be imported again") from None
