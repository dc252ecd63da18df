"""Metric points beyond our own store: a metric store that plots read, and another system that gets every point too."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from vedette.adapters.local.clock import now_ms, steady_s
from vedette.adapters.prometheus.client import Client, Place
from vedette.adapters.prometheus.points import PrometheusPoints, RemotePoints
from vedette.adapters.prometheus.reading import Reader
from vedette.adapters.prometheus.sender import Sender
from vedette.app.base import Base
from vedette.app.loops import Loop
from vedette.app.measures import Measures
from vedette.config import Config, HostPort
from vedette.domain.egress import EgressPolicy
from vedette.services.forwarding import METRIC_STORE, REMOTE_WRITE, Forwarding
from vedette.services.outgrown_points import OutgrownPoints

_IDLE_S = 1.0
_LOOK_EVERY_S, _LOOK_UP_S = 60.0, 5.0
_PORTS = {"http": 80, "https": 443}
_log = structlog.get_logger("vedette.metric_store")
_WRITE_PATH = "/api/v1/write"


class Senders:
    """Where this process hands points on to, by the name of the cursor; in the process that evaluates."""

    def __init__(self, base: Base, run: Callable[[Loop], None], measures: Measures, cleanup: AsyncExitStack) -> None:
        self._base = base
        self._run = run
        self._measures = measures
        self._cleanup = cleanup
        self._started: dict[str, Sender] = {}

    async def start(self) -> None:
        """Starts those that are configured; what was kept for others is kept no longer."""
        config = self._base.config
        wanted = {METRIC_STORE: metric_store(config), REMOTE_WRITE: outside(config)}
        for name, place in wanted.items():
            if place is None:
                await self._base.stores.commit(self._base.stores.observations.leave(name))
            else:
                await self._start(name, place)
        if self._started:
            self._measure()

    def of(self, name: str) -> Sender | None:
        return self._started.get(name)

    async def _start(self, name: str, place: Place) -> None:
        stores = self._base.stores
        sender = Sender(
            Client(place), spool_of(self._base.directory.path, name), self._base.config.spool_size, steady_s
        )
        await sender.start()
        self._cleanup.push_async_callback(sender.stop)
        sending = Loop(f"{name}_sender", sender.step, _IDLE_S)
        sender.wake = sending.wake
        self._run(sending)
        forwarding = Forwarding(name, stores.observations, RemotePoints(sender), stores.commit)
        self._run(Loop(name, forwarding.step, _IDLE_S, steps_at_stop=True))
        self._started[name] = sender

    def _measure(self) -> None:
        """For `/metrics`; `to` is where the points go."""

        def each(read: Callable[[Sender], float]) -> Callable[[], dict[str, float]]:
            return lambda: {name: read(sender) for name, sender in self._started.items()}

        counts = self._measures.counts
        counts("vedette_points_sent", "Points that were taken", "to", each(lambda sender: sender.sent))
        counts("vedette_points_refused", "Points that were refused", "to", each(lambda sender: sender.refused))
        counts("vedette_points_given_up", "Points lost to a full spool", "to", each(lambda sender: sender.given_up))
        for name, sender in self._started.items():
            self._measures.gauge(f"vedette_{name}_waiting_points", "Points in the spool", partial(_waiting, sender))


def plotting(base: Base, senders: Senders, cleanup: AsyncExitStack) -> Base:
    """With what plots read: our own store, or with a metric store both."""
    place = metric_store(base.config)
    if place is None:
        return base
    client = Client(place)
    cleanup.push_async_callback(client.close)
    far = PrometheusPoints(Reader(client), senders.of(METRIC_STORE), now_ms)
    points = OutgrownPoints(base.stores.points, far, now_ms)
    return dataclasses.replace(base, stores=dataclasses.replace(base.stores, points=points))


def _waiting(sender: Sender) -> float:
    return sender.waiting.points


def metric_store(config: Config) -> Place | None:
    """Where plots are read."""
    if config.metrics_url is None:
        return None
    return Place(
        write_url=config.metrics_write_url or config.metrics_url + _WRITE_PATH,
        read_url=config.metrics_url,
        token_file=config.metrics_token_file,
    )


def outside(config: Config) -> Place | None:
    """Where points go too, and are not read."""
    if config.remote_write is None:
        return None
    return Place(write_url=config.remote_write, read_url=config.remote_write, token_file=config.remote_write_token_file)


def listeners(config: Config) -> list[HostPort]:
    """Where the stores listen, as far as their names have addresses now: nobody's probe or webhook goes there."""
    places = [place for place in (metric_store(config), outside(config)) if place is not None]
    found: list[HostPort] = []
    for parts in {urlsplit(url) for place in places for url in (place.read_url, place.write_url)}:
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            _log.warning("metric_store_unknown", host=host, problem=error.strerror)
            continue
        addresses = {ip_address(str(entry[4][0]).partition("%")[0]) for entry in known}
        # What listens on this machine's loopback may listen on its other addresses, too.
        found += [HostPort("0.0.0.0" if one.is_loopback else str(one), port) for one in addresses]  # noqa: S104
    return found


async def look_for_stores(config: Config, policy: EgressPolicy) -> None:
    """A name may come to have other addresses: they are out of reach from then on."""
    try:
        async with asyncio.timeout(_LOOK_UP_S):
            found = await asyncio.to_thread(listeners, config)
    except TimeoutError:
        return
    for where in found:
        policy.keep_out((ip_address(where.host), where.port))


def looking_for_stores(config: Config, policy: EgressPolicy) -> Loop:
    """What does so again and again."""

    async def step() -> bool:
        await look_for_stores(config, policy)
        return False

    return Loop("metric_store_addresses", step, _LOOK_EVERY_S)


def spool_of(data_dir: Path, name: str) -> Path:
    """What waits for a store, or has been lost on the way."""
    return data_dir / "spool" / name
