"""`vedette collector`: a collector of one zone in a process of its own, in the foreground until a signal."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import structlog
import uvloop

from vedette import __version__
from vedette.adapters.local.clock import now_ms, steady_ms, steady_s
from vedette.adapters.local.files import LocalFailure
from vedette.adapters.local.resolver import Resolver
from vedette.agent.token_file import write_over
from vedette.app.collecting import probes
from vedette.app.open_files import allow_many_open_files, open_files_allowed
from vedette.collector.canary import Canary
from vedette.collector.collector import AT_ONCE, Process, ZoneCollector
from vedette.collector.lookout import Lookout
from vedette.collector.remote import Place, RemoteCollector, Server, UnreadableToken
from vedette.config import Canary as CanaryAddress
from vedette.config import HostPort, Network
from vedette.domain.egress import EgressPolicy
from vedette.domain.ids import ZoneId
from vedette.wire.moment import Moment

_FEWEST_PROBES = 16
_LOOK_UP_S = 3.0
_TOKEN = re.compile(r"[!-~]{1,512}")
_log = structlog.get_logger("vedette.collector")


@dataclass(frozen=True, kw_only=True)
class CollectorSettings:
    """What a collector process needs to know."""

    zone_id: str
    servers: tuple[HostPort, ...]
    agent_id: str
    token_file: Path
    ca_file: Path | None  # None: the system's authorities
    canaries: tuple[CanaryAddress, ...] = ()
    allow_network: tuple[Network, ...] = ()


class TokenInFile:
    """A file that holds a token and nothing else (`collector.remote.TokenFile`)."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> str:
        try:
            text = self._file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableToken(f"{self._file}: {_problem(error)}") from None
        if not _TOKEN.fullmatch(text):
            raise UnreadableToken(f"{self._file}: expected a token in one line, and nothing else")
        return text

    def replace(self, old: str, new: str) -> None:
        """Its owner and mode stay; a link stays a link."""
        kept = self.read()
        if kept == new:
            return
        if kept != old:
            raise UnreadableToken(f"{self._file}: somebody has changed it; expected it unchanged")
        try:
            write_over(self._file.resolve(), f"{new}\n")
        except OSError as error:
            raise UnreadableToken(f"{self._file}: {_problem(error)}") from None


def _problem(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is no text"


def collect(settings: CollectorSettings) -> int:
    """Runs until SIGTERM or SIGINT; the exit code. Raises `LocalFailure` for what keeps it from starting."""
    token_file = TokenInFile(settings.token_file)
    try:
        token_file.read()
    except UnreadableToken as error:
        raise LocalFailure(f"--token-file: {error}") from None
    tls = _tls(settings.ca_file)
    allow_many_open_files()
    return uvloop.run(_collect(settings, tls, token_file))


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """Chain and host name are checked."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise LocalFailure(f"--ca: {ca_file}: expected a file with a CA certificate in PEM form: {problem}") from None


async def _collect(settings: CollectorSettings, tls: ssl.SSLContext, token_file: TokenInFile) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    policy = EgressPolicy(allowed=settings.allow_network)
    resolver = Resolver(policy, steady_s)
    known = probes(resolver)
    place = _place(settings)
    remote = RemoteCollector(place, tls, token_file, known, lambda: Moment(now_ms(), steady_ms()), random.random)
    remote.connecting = ServersOutOfReach(policy, settings.servers).look
    lookout = Lookout([Canary(one.host, one.port) for one in settings.canaries], steady_s)
    process = Process(
        sender=f"{place.agent_id}:{place.guid}",
        now_ms=now_ms,
        monotonic=steady_s,
        random=random.random,
        at_once=min(AT_ONCE, max(_FEWEST_PROBES, open_files_allowed() // 2)),
    )
    collector = ZoneCollector(ZoneId(settings.zone_id), known, remote.report, lookout, process)
    remote.serve(collector)
    lookout.tell(remote.looked)
    try:
        await _run(collector, lookout, remote, stopped)
    finally:
        resolver.close()
    return 0


async def _run(collector: ZoneCollector, lookout: Lookout, remote: RemoteCollector, stopped: asyncio.Event) -> None:
    """What was seen is reported before the connection is closed."""
    await lookout.start()
    await collector.start()
    connecting = asyncio.create_task(remote.run(), name="connection")
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait([connecting, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    _log.info("stopping")
    await collector.stop()
    remote.stop()
    await connecting
    await lookout.stop()
    _log.info("stopped")


def _place(settings: CollectorSettings) -> Place:
    return Place(
        servers=tuple(Server(one.host, one.port) for one in settings.servers),
        zone_id=settings.zone_id,
        agent_id=settings.agent_id,
        guid=str(uuid4()),
        version=__version__,
    )


class ServersOutOfReach:
    """Keeps probes from the listeners that this collector connects to, at whatever addresses their names have had."""

    def __init__(self, policy: EgressPolicy, servers: Sequence[HostPort]) -> None:
        self._policy = policy
        self._servers = servers

    async def look(self) -> None:
        """Before each connection: a collector that has none was told of no check at these addresses."""
        await asyncio.gather(*[self._look_for(server) for server in self._servers])

    async def _look_for(self, server: HostPort) -> None:
        """A name that is not known now is looked up again next time."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_LOOK_UP_S):
                found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # a time-out too; a label that is too long
            return
        for *_, address in found:
            self._policy.keep_out((ip_address(str(address[0]).partition("%")[0]), server.port))
