"""A collector in a process of its own: keeps one connection to the server, gets its checks by it, and reports by it.

While the server is away it goes on probing what it was told last; what it saw waits in its `ZoneCollector`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import cycle
from typing import Any, Protocol

import msgspec
import structlog

from vedette.collector.uplink import End, Uplink
from vedette.domain.ids import CheckId, EntityId, TenantId
from vedette.domain.observations import Observation
from vedette.domain.tokens import recorded
from vedette.ports.probing import Assignment, Confirmation, Probe, ProbeResult
from vedette.wire.backoff import Backoff
from vedette.wire.client import Introduction
from vedette.wire.envelope import MalformedMessage, Request
from vedette.wire.messages import BUFFERS, FAST_RECONNECT, NOTICES, TOKEN_ROTATION, UNAVAILABLE, Closing, Post
from vedette.wire.moment import Moment
from vedette.wire.poller import (
    CONFIRM,
    POLLER,
    PROBES,
    SIGHT,
    CollectorPost,
    ConfirmParams,
    PolledCheck,
    check_of_test,
    reported,
    trial_result,
)

CONNECT_LIMIT_S = 10.0
MOST_TRIALS = 32
NAME = "vedette-collector"
FEATURES = (POLLER, BUFFERS, FAST_RECONNECT, NOTICES, TOKEN_ROTATION, SIGHT, CONFIRM)
log = structlog.get_logger("vedette.collector")


class UnreadableToken(Exception):
    """The token file cannot be read or written; the text says which and why, without a token."""


class TokenFile(Protocol):
    """Where the token is kept; it is read before each connection, so that a new one need not wait for a restart."""

    def read(self) -> str:
        """Raises `UnreadableToken`."""
        ...

    def replace(self, old: str, new: str) -> None:
        """Durable when it returns. Raises `UnreadableToken`, also where the file does not hold `old` any more."""
        ...


class Runs(Protocol):
    """What the checks are run by (`ZoneCollector`)."""

    @property
    def is_blind(self) -> bool: ...

    def assign(self, assignments: Sequence[Assignment]) -> None: ...

    def confirm(self, asked: Confirmation) -> None: ...


class Server(msgspec.Struct, frozen=True):
    """Where a server process listens for agents."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Who this collector is, and where its server is: one connection to one of its processes at a time."""

    servers: tuple[Server, ...]
    zone_id: str
    agent_id: str
    guid: str  # of this process
    version: str


class RemoteCollector:
    """`run` until `stop`; `report` is the `Report` of its `ZoneCollector`."""

    def __init__(
        self,
        place: Place,
        tls: ssl.SSLContext,
        token_file: TokenFile,
        probes: Mapping[str, Probe],
        now: Callable[[], Moment],
        chance: Callable[[], float],
    ) -> None:
        """`chance` gives numbers in [0, 1): it spreads reconnects."""
        self._probes = probes
        self._trials: set[asyncio.Task[ProbeResult]] = set()
        self.running: Mapping[str, PolledCheck] = {}
        self._place = place
        self._servers = cycle(place.servers)
        self._server = place.servers[0]
        self._tls = tls
        self._token_file = token_file
        self._token = ""
        self._now = now
        self._chance = chance
        self._backoff = Backoff()
        self._runs: Runs | None = None
        self._was_blind = False
        self.connecting: Callable[[], Awaitable[None]] = _nothing
        """Called before each connection, for no longer than that may take."""
        self._uplink: Uplink | None = None
        self._is_up = asyncio.Event()
        self._stopping = asyncio.Event()
        self._taken: set[tuple[str, int, str]] = set()  # of the report under way: what need not be sent again

    @property
    def is_blind(self) -> bool:
        return self._runs is not None and self._runs.is_blind

    def serve(self, runs: Runs) -> None:
        """Before `run`."""
        self._runs = runs

    def stop(self) -> None:
        """May be called from a signal handler."""
        self._stopping.set()

    async def run(self) -> None:
        """Returns after `stop`, without a connection."""
        try:
            await self._stay_connected()
        finally:
            for trial in self._trials:
                trial.cancel()

    async def _stay_connected(self) -> None:
        while not self._stopping.is_set():
            end = await self._connection()
            if not end.has_new_token and not self._stopping.is_set():
                await self._pause(self._wait_after(end))

    # -- reports

    async def report(self, observations: Sequence[Observation]) -> None:
        """Returns when all are durable, or refused for good. Waits for a connection; raises `ConnectionError`."""
        await self._is_up.wait()
        uplink = self._uplink
        if uplink is None:
            raise ConnectionError("there is no connection")
        waiting = [one for one in observations if _key(one) not in self._taken]
        results = await asyncio.gather(*[self._post(uplink, one) for one in waiting], return_exceptions=True)
        problem = next((one for one in results if isinstance(one, BaseException)), None)
        if problem is not None:
            raise problem
        self._taken.clear()

    async def _post(self, uplink: Uplink, observation: Observation) -> None:
        failure = await uplink.post(reported(_post_of(observation)))
        if failure is not None and failure.type == UNAVAILABLE:
            raise ConnectionError("the server cannot store now")
        if failure is not None:
            log.warning("observation_not_taken", check_id=observation.check_id, problem=failure.message)
        self._taken.add(_key(observation))

    # -- the connection

    async def _connection(self) -> End:
        server = self._server = next(self._servers)
        try:
            self._token = self._token_file.read()
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await self.connecting()
                _, uplink = await asyncio.get_running_loop().create_connection(
                    self._new_uplink, server.host, server.port, ssl=self._tls
                )
        except ssl.SSLCertVerificationError as error:
            return End(reason=f"its certificate is not trusted: {error.verify_message}")
        except (OSError, UnicodeError, UnreadableToken) as error:  # a host name with a label that is too long
            return End(reason=str(error) or type(error).__name__)
        try:
            return await self._live(uplink)
        finally:
            self._uplink = None
            self._is_up.clear()

    def _new_uplink(self) -> Uplink:
        place = self._place
        introduction = Introduction(
            token=self._token,
            agent_id=place.agent_id,
            guid=place.guid,
            version=place.version,
            features=(*FEATURES, *(f"{PROBES}{check_type}" for check_type in sorted(self._probes))),
            agent_name=NAME,
            zone_ids=(place.zone_id,),
        )
        return Uplink(introduction, self, self._now)

    async def _live(self, uplink: Uplink) -> End:
        stopped = asyncio.ensure_future(self._stopping.wait())
        until: list[asyncio.Future[Any]] = [uplink.ended, stopped]
        await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        uplink.close()
        return await uplink.ended

    def _wait_after(self, end: End) -> float:
        server = str(self._server)
        if end.refusal is not None and end.refusal.type != UNAVAILABLE:
            log.error("refused", server=server, reason=end.refusal.message, zone_id=self._place.zone_id,
                      token=recorded(self._token))  # fmt: skip
            return self._backoff.refused(self._chance())
        if end.was_live:
            self._backoff.succeeded()
        wait_s = self._backoff.failed(self._chance())
        reason = end.reason if end.refusal is None else end.refusal.message
        log.warning("no_connection", server=server, reason=reason, next_try_s=round(wait_s, 1))
        return wait_s

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    # -- what the connection says

    def welcomed(self, uplink: Uplink) -> None:
        self._uplink = uplink
        self._is_up.set()
        log.info("connected", server=str(self._server), zone_id=self._place.zone_id)

    def committed(self, checks: Mapping[str, PolledCheck]) -> None:
        self.running = checks
        if self._runs is not None:
            self._runs.assign([assignment_of(check) for check in checks.values()])
        log.info("checks", count=len(checks))

    def confirm(self, asked: ConfirmParams) -> None:
        if self._runs is not None:
            self._runs.confirm(
                Confirmation(check_id=CheckId(asked.check_id), round_id=asked.round_id, in_ms=max(asked.in_ms, 0))
            )

    def questioned(self, request: Request, uplink: Uplink) -> None:
        """Runs a check once, beside the schedule."""
        try:
            check = check_of_test(request)
        except MalformedMessage as error:
            uplink.refuse(request, str(error))
            return
        probe = self._probes.get(check.type)
        if probe is None or len(self._trials) >= MOST_TRIALS:
            uplink.refuse(request, f"{check.type}: cannot be run here" if probe is None else "Too many tests at once")
            return
        trial = asyncio.ensure_future(probe(assignment_of(check)))
        self._trials.add(trial)
        trial.add_done_callback(partial(self._tried, request, uplink))

    def _tried(self, request: Request, uplink: Uplink, trial: asyncio.Task[ProbeResult]) -> None:
        self._trials.discard(trial)
        if trial.cancelled():
            return
        error = trial.exception()
        if error is not None:
            log.error("test failed", exc_info=error)
            uplink.refuse(request, f"the collector could not run it: {type(error).__name__}")
            return
        result = trial.result()
        uplink.answer(request, trial_result(result.metrics, result.status, is_available=result.available))

    def looked(self, _began_at: float, _failed: bool) -> None:  # noqa: FBT001 - see `lookout.Told`
        """A round of the lookout ended: the server is told at once when it changes what we are."""
        if self.is_blind != self._was_blind:
            self._was_blind = self.is_blind
            if self._uplink is not None:
                self._uplink.beat()

    def closing(self, closing: Closing) -> None:
        log.error("closing", reason=closing.reason, message=closing.message)

    def store_token(self, token: str) -> str | None:
        try:
            self._token_file.replace(self._token, token)
        except UnreadableToken as error:
            log.warning("token_not_stored", problem=str(error))
            return str(error)
        log.info("token_stored", token=recorded(token))
        return None


async def _nothing() -> None:
    pass


def assignment_of(check: PolledCheck) -> Assignment:
    """A check as it came over the wire, as a collector runs it; whose it is the server knows."""
    alias = check.target_alias
    return Assignment(
        tenant_id=TenantId(""),
        entity_id=EntityId(check.entity_id),
        check_id=CheckId(check.id),
        check_type=check.type,
        revision=check.revision or 0,
        period_s=max(check.period, 1),
        timeout_s=max(check.timeout, 1),
        target=check.target_hostname if alias is None else check.ip_addresses.get(alias, alias),
        resolver=check.target_resolver or None,
        details=check.details,
        alias=alias,
    )


def _key(observation: Observation) -> tuple[str, int, str]:
    """Of all observations of one collector."""
    return observation.check_id, observation.at_ms, observation.round_id


def _post_of(observation: Observation) -> CollectorPost:
    post = Post(
        check_id=observation.check_id,
        check_type=observation.check_type,
        available=observation.available,
        status=observation.status,
        timestamp_ms=observation.at_ms,
        metrics=observation.metrics,
        check_revision=observation.check_revision,
    )
    return CollectorPost(
        post=post,
        took_ms=observation.took_ms,
        round_id=observation.round_id,
        is_blind=observation.is_blind,
        target=observation.target,
    )
