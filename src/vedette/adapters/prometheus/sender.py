"""From the spool to the store: one request at a time and in order, for a store may refuse what is older than it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cramjam
import structlog

from vedette.adapters.prometheus.client import Client, Refused, StoreDown
from vedette.adapters.prometheus.labels import labels_of_loss
from vedette.adapters.prometheus.losses import Loss
from vedette.adapters.prometheus.segments import Record
from vedette.adapters.prometheus.spool import Spool, Waiting
from vedette.adapters.prometheus.write_request import Encoder, Sample, halves, single
from vedette.ports.points import PointsUnavailable
from vedette.ports.unit import StoreUnavailable

MOST_POINTS = 5_000  # of a request
SETTLED_S = 15.0
"""After so long a store does not lose any more what it has taken: VictoriaMetrics has no log and writes every 5 s."""

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0

Result = TypeVar("Result")
_log = structlog.get_logger("vedette.metric_store")


class Sender:
    """Takes points durably and brings them to the store. One a store and process."""

    def __init__(self, client: Client, folder: Path, most_bytes: int, monotonic: Callable[[], float]) -> None:
        """`folder` is the spool's; it holds no more than `most_bytes`."""
        self._client = client
        self._monotonic = monotonic
        self._encode = Encoder()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._folder = folder
        self._make_spool = partial(Spool, folder, most_bytes)
        self._opened: Spool | None = None
        self._due_s = 0.0
        self._failures = 0
        self.wake: Callable[[], None] = lambda: None  # called when there is something to send
        self.sent = 0  # points, since the start
        self.refused = 0  # points that the store will never take

    async def start(self) -> None:
        """Raises `OSError`."""
        self._opened = await self._in_thread(self._make_spool)
        if self._opened.damaged:
            _log.error("spool_damaged", segments=self._opened.damaged)

    async def stop(self) -> None:
        """What has not been sent stays on disk."""
        await self._in_thread(self._spool.close)
        self._thread.shutdown()
        await self._client.close()

    async def write(self, samples: Iterable[Sample]) -> None:
        """Returns when the points are on disk. Raises `PointsUnavailable`: nothing, or not all, of them is."""
        coming = iter(samples)
        # Made as they are taken, so that others get their turn on the event loop however many there are.
        while some := list(islice(coming, MOST_POINTS)):
            record = self._record(some)
            try:
                await self._in_thread(partial(self._spool.append, record))
            except OSError as error:
                raise PointsUnavailable(f"spool {self._folder}: {error.strerror or error}") from error
            finally:
                await self._tell_losses()
        self.wake()

    async def step(self) -> bool:
        """Sends one batch; False when there was none, or the store is to be left alone for a while.

        Raises `StoreUnavailable` while the spool cannot be read.
        """
        if self._monotonic() < self._due_s:
            return False
        try:
            return await self._send_oldest()
        except OSError as error:
            raise StoreUnavailable(f"spool {self._folder}: {error.strerror or error}") from error

    async def _send_oldest(self) -> bool:
        await self._in_thread(partial(self._spool.settle, self._monotonic() - SETTLED_S))
        batch = await self._in_thread(partial(self._spool.oldest, MOST_POINTS))
        await self._tell_losses()
        if batch is None:
            return False
        request = b"".join(bytes(cramjam.snappy.decompress_raw(record.body)) for record in batch.records)
        try:
            refusals = await self._deliver(request)
        except StoreDown as down:
            if down.is_dead:
                await self._in_thread(self._spool.rewind)
            self._wait(down)
            return False
        if self._failures:
            _log.info("metric_store_back", waiting=self._spool.waiting.points)
        self._failures = 0
        if not batch.is_repeated:  # then the store may have it already, and refuse it for that
            self._count(batch.points, refusals)
        await self._in_thread(partial(self._spool.sent, batch, self._monotonic()))
        return True

    @property
    def waiting(self) -> Waiting:
        """What the store has not got yet."""
        return self._spool.waiting

    @property
    def losses(self) -> Sequence[Loss]:
        """What the store will never get, for the spool was full."""
        return self._spool.losses

    @property
    def given_up(self) -> int:
        """Points of those losses since the start."""
        return self._spool.given_up

    @property
    def is_held_up(self) -> bool:
        """Whether the store did not take what it was sent last."""
        return self._failures > 0

    @property
    def _spool(self) -> Spool:
        if self._opened is None:
            raise RuntimeError("the sender has not been started")
        return self._opened

    async def _deliver(self, request: bytes) -> list[str]:
        """Why points were refused, each. A store that refuses one may refuse all that came with it: they are parted."""
        try:
            await self._client.write(bytes(cramjam.snappy.compress_raw(request)))
        except Refused as refusal:
            parts = halves(request)
            if parts is None:
                return [str(refusal)]
            return await self._deliver(parts[0]) + await self._deliver(parts[1])
        return []

    def _count(self, points: int, refusals: Sequence[str]) -> None:
        self.refused += len(refusals)
        self.sent += points - len(refusals)
        if refusals:
            _log.warning("points_refused", points=len(refusals), of=points, reason=refusals[0])

    async def _tell_losses(self) -> None:
        """In the log, and to other processes by way of the store."""
        while self._spool.untold:
            loss = self._spool.untold.popleft()
            _log.error("points_given_up", points=loss.points, from_ms=loss.from_ms, to_ms=loss.to_ms)
            body = single(labels_of_loss(loss.from_ms, loss.to_ms), loss.to_ms, loss.points)
            with suppress(OSError):  # this process knows it all the same
                await self._in_thread(partial(self._spool.append, _record(0, loss.from_ms, loss.to_ms, body)))

    def _wait(self, down: StoreDown) -> None:
        self._failures += 1
        seconds = min(_FIRST_WAIT_S * 2.0 ** min(self._failures - 1, 10), _LONGEST_WAIT_S)
        self._due_s = self._monotonic() + max(seconds, min(down.retry_after_s, _LONGEST_WAIT_S))
        if self._failures == 1 or self._failures % 20 == 0:
            waiting = self._spool.waiting
            _log.warning("metric_store_down", problem=str(down), waiting=waiting.points, since_ms=waiting.first_ms)

    def _record(self, samples: list[Sample]) -> Record:
        times = [sample.at_ms for sample in samples]
        return _record(len(samples), min(times), max(times), self._encode(samples))

    async def _in_thread(self, act: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)


def _record(points: int, first_ms: int, last_ms: int, request: bytes) -> Record:
    return Record(points, first_ms, last_ms, bytes(cramjam.snappy.compress_raw(request)))
