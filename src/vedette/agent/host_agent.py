"""The agent: keeps one connection to one of its endpoints, runs its checks, and keeps what it could not send yet."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any
from uuid import uuid4

import msgspec

from vedette import __version__
from vedette.agent.buffer import Buffer
from vedette.agent.checks.running import TYPES, Checks
from vedette.agent.config import AgentConfig, ConfigError, Endpoint
from vedette.agent.files import Files, Texts
from vedette.agent.link import End, Link
from vedette.agent.questions import Questions
from vedette.agent.reading import Reading, fitting
from vedette.agent.rhythm import Rhythm
from vedette.domain.tokens import recorded
from vedette.wire.backoff import Backoff
from vedette.wire.client import Introduction
from vedette.wire.envelope import Failure, Request
from vedette.wire.events import FilesAnswered, Welcomed
from vedette.wire.messages import (
    BUFFERS,
    FAST_RECONNECT,
    NOTICES,
    TOKEN_ROTATION,
    UNAVAILABLE,
    Closing,
    ScheduledCheck,
)
from vedette.wire.moment import Moment

CONNECT_LIMIT_S = 10.0
FLUSH_S = 3.0
FEATURES = (BUFFERS, FAST_RECONNECT, NOTICES)
StoreToken = Callable[[str, str], None]
"""`(old, new)`: makes the new token durable in place of the old one. Raises `ConfigError`."""
log = logging.getLogger("vedette.agent")


class HostAgent:
    """`run` until `stop`."""

    def __init__(
        self,
        config: AgentConfig,
        now: Callable[[], Moment],
        chance: Callable[[], float] | None = None,
        store_token: StoreToken | None = None,
    ) -> None:
        """`chance` gives numbers in [0, 1): it spreads first runs and reconnects. `store_token` keeps a new token."""
        self._config = config
        self._now = now
        self._chance = chance or _chance
        self.buffer = Buffer()
        self._checks = Checks(config.plugin_directory)
        self._questions = Questions(self._checks, config.plugin_directory, now)
        self._rhythm = Rhythm(self._run_check, self._chance)
        self._backoff = Backoff()
        self._files = Files(config.files_directory)
        self._link: Link | None = None
        self._stopping = asyncio.Event()
        self._min_check_period_ms = 0
        self._unknown_types: set[str] = set()
        self._store_token = store_token
        self._introduction = Introduction(
            token=config.token,
            agent_id=config.agent_id,
            guid=str(uuid4()),
            version=__version__,
            features=FEATURES if store_token is None else (*FEATURES, TOKEN_ROTATION),
        )

    def stop(self) -> None:
        """Sends what is waiting if there is a connection, then ends; may be called from a signal handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Returns after `stop`."""
        endpoints = cycle(self._config.endpoints)
        while not self._stopping.is_set():
            endpoint = next(endpoints)
            end = await self._connection(endpoint)
            if self._stopping.is_set():
                break
            if not end.has_new_token:
                await self._pause(self._wait_after(endpoint, end))
        await self._rhythm.stop()
        await self._questions.stop()

    # -- the connection

    async def _connection(self, endpoint: Endpoint) -> End:
        await self._files.look()
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                _, link = await asyncio.get_running_loop().create_connection(
                    self._new_link, endpoint.host, endpoint.port, ssl=self._config.tls
                )
        except ssl.SSLCertVerificationError as error:
            return End(reason=f"its certificate is not trusted: {error.verify_message}")
        except (OSError, UnicodeError) as error:  # a host name with a label that is too long
            return End(reason=str(error) or type(error).__name__)
        self._link = link
        try:
            return await self._live(link)
        finally:
            self._link = None

    def _new_link(self) -> Link:
        return Link(self._introduction, self.buffer, self, self._now)

    async def _live(self, link: Link) -> End:
        stopped = asyncio.ensure_future(self._stopping.wait())
        await _first_of(link.ended, stopped)
        if stopped.done():
            await self._flush(link)
            link.close()
        else:
            stopped.cancel()
        return await link.ended

    async def _flush(self, link: Link) -> None:
        """What was observed last should not wait for the next start, which would not know of it."""
        await self._rhythm.stop()
        link.emptied.clear()
        link.pump()
        emptied = asyncio.ensure_future(link.emptied.wait())
        await _first_of(emptied, link.ended, limit_s=FLUSH_S)
        emptied.cancel()

    def _wait_after(self, endpoint: Endpoint, end: End) -> float:
        if end.refusal is not None and end.refusal.type != UNAVAILABLE:
            log.error("%s refused this agent: %s (monitoring_token %s, monitoring_id %s)", endpoint,
                      end.refusal.message, recorded(self._introduction.token), self._config.agent_id)  # fmt: skip
            return self._backoff.refused(self._chance())
        if end.was_live:
            self._backoff.succeeded()
        wait = self._backoff.failed(self._chance())
        reason = end.reason if end.refusal is None else end.refusal.message
        log.warning("%s: no connection: %s; next try in %.1f s", endpoint, reason, wait)
        return wait

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    # -- what the connection says

    def welcomed(self, event: Welcomed) -> None:
        log.info("connected; %s", f"entity {event.entity_id}" if event.entity_id else "no entity has this agent id yet")

    def files_due(self, event: Welcomed) -> Texts | None:
        return self._files.due(event.entity_id)

    def files_answered(self, event: FilesAnswered) -> None:
        self._files.answered(event.outcomes, event.failure)

    def not_taken(self, params: Mapping[str, Any], failure: Failure) -> None:
        log.warning("what check %s said was not taken: %s", params["check_id"], failure.message)

    def closing(self, closing: Closing) -> None:
        log.error("the server closes the connection: %s (%s)", closing.message or closing.reason, closing.reason)

    def store_token(self, token: str) -> str | None:
        """The old token goes on to work for a while, so nothing is lost when this fails."""
        if self._store_token is None:
            return "This agent cannot store tokens"
        try:
            self._store_token(self._introduction.token, token)
        except ConfigError as error:
            log.error("a new token was not taken: %s", error)  # noqa: TRY400 - the text says it all
            return str(error)
        log.info("a new token is stored: %s takes the place of %s", recorded(token), recorded(self._introduction.token))
        self._introduction = msgspec.structs.replace(self._introduction, token=token)
        return None

    def questioned(self, request: Request, link: Link) -> None:
        self._questions.ask(request, link)

    def scheduled(self, checks: Sequence[ScheduledCheck]) -> None:
        if self._stopping.is_set():
            return
        known = [check for check in checks if check.type in TYPES]
        for check_type in sorted({check.type for check in checks} - TYPES - self._unknown_types):
            self._unknown_types.add(check_type)
            log.warning("%s checks are not run: this agent does not know the type", check_type)
        self._min_check_period_ms = min((check.period * 1000 for check in known), default=0)
        self._rhythm.follow(known)
        log.info("running %d checks", len(known))

    # -- the checks

    async def _run_check(self, check: ScheduledCheck) -> None:
        reading = fitting(await self._checks.run(check))
        dropped = self.buffer.dropped
        now = self._now()
        self.buffer.put(self._params(check, reading, now), now.drift_ms)
        if self.buffer.dropped > dropped and dropped % 1000 == 0:
            log.warning("the buffer is full: the oldest observations are dropped (%d so far)", dropped + 1)
        if self._link is not None:
            self._link.pump()

    def _params(self, check: ScheduledCheck, reading: Reading, now: Moment) -> dict[str, Any]:
        return {
            "check_id": check.id,
            "check_type": check.type,
            "timestamp": now.wall_ms if reading.timestamp_ms is None else reading.timestamp_ms,
            "min_check_period": self._min_check_period_ms,
            "check_revision": check.revision or 0,
            **reading.told(),
        }


def _chance() -> float:
    return secrets.randbelow(1_000_000) / 1_000_000


async def _first_of(*futures: asyncio.Future[Any], limit_s: float | None = None) -> None:
    await asyncio.wait(futures, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
