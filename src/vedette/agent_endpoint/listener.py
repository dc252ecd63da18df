"""The listener: accepts, bounds and sweeps connections, and drains them at the end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from ipaddress import ip_address
from typing import Any

import structlog

from vedette.agent_endpoint.admission import Accepted, Admission
from vedette.agent_endpoint.limits import Limits
from vedette.agent_endpoint.peer import AgentPeer
from vedette.ports.clock import Clock
from vedette.ports.unit import StoreUnavailable
from vedette.services.agent_connections import Address
from vedette.services.agents import Agents
from vedette.wire.moment import Moment

SWEEP_S = 1.0
BACKLOG = 1_024
ACCEPTS_AT_ONCE = 64
ACCEPT_PAUSE_S = 0.1
"""After an accept that failed, e.g. for want of file descriptors."""
log = structlog.get_logger(__name__)


class AgentEndpoint:
    """`start`, then `stop`. One instance a process; `agents` holds all that outlives a connection."""

    def __init__(
        self,
        agents: Agents,
        tls: ssl.SSLContext,
        ca_pem: bytes,
        clock: Clock,
        steady: Clock,
        limits: Limits | None = None,
    ) -> None:
        """`steady` gives milliseconds of a clock that only goes forward."""
        self.agents = agents
        self.ca_pem = ca_pem
        self.limits = limits or Limits()
        self.counts: Counter[str] = Counter()
        """Since the start: `accepted`, `turned_away`, `too_late`, `tls_failed`, `http`, `ended`."""
        self._tls = tls
        self._clock = clock
        self._steady = steady
        self._peers: set[AgentPeer] = set()
        self._admission = Admission(self.limits.handshakes_at_once, round(self.limits.patience_s * 1000))
        self._greetings: set[asyncio.Task[None]] = set()
        self._turns: set[asyncio.Task[None]] = set()  # greetings that others wait for
        self._sweeper: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None
        self._all_gone: asyncio.Future[None] | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listens; port 0 takes a free one. The address. Raises `OSError` when it cannot be had."""
        loop = asyncio.get_running_loop()
        family, *_, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        return self.serve(socket.create_server(address[:2], family=family, backlog=BACKLOG))

    def serve(self, listener: socket.socket) -> tuple[str, int]:
        """Accepts on a listening socket, which is ours from now on. Its address."""
        listener.setblocking(False)
        self._listener = listener
        self._listen(listener)
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep_for_ever())
        bound: tuple[str, int] = listener.getsockname()[:2]
        log.info("agent_endpoint.listening", host=bound[0], port=bound[1])
        return bound

    async def stop(self) -> None:
        """Accepts nothing more, answers what was accepted, closes. Safe to call twice."""
        listener, self._listener = self._listener, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        for accepted in self._admission.give_up():
            accepted.sock.close()
        await _cancel([*self._greetings, *([] if self._sweeper is None else [self._sweeper])])
        for peer in self._peers:
            peer.stop_reading()
        await self._drained()
        for peer in list(self._peers):
            peer.finish()
        await self._closed()
        try:
            await self.agents.flush()
        except StoreUnavailable as error:
            log.warning("agent_endpoint.not_written", problem=str(error))

    async def _drained(self) -> None:
        """Until nothing is being worked off, or the time is up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.limits.drain_s
        while work := [peer.task for peer in self._peers if peer.task is not None]:
            if not (await asyncio.wait(work, timeout=max(until - loop.time(), 0)))[0]:
                log.warning("agent_endpoint.drain_incomplete", connections=len(work))
                return

    async def _closed(self) -> None:
        """Until every connection is gone; those that do not close in time are cut."""
        if self._peers:
            self._all_gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._all_gone], timeout=self.limits.drain_s)
        for peer in list(self._peers):
            peer.abort()

    @property
    def peers(self) -> frozenset[AgentPeer]:
        """Every connection whose socket is open, welcomed or not."""
        return frozenset(self._peers)

    # -- what peers call

    def now(self) -> Moment:
        return Moment(self._clock(), self._steady())

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def arrived(self, peer: AgentPeer) -> None:
        self._peers.add(peer)

    def over(self, peer: AgentPeer) -> None:
        """Its conversation has ended; safe to call twice."""
        if peer.identity_or_none is not None:
            self.agents.gone(peer, self._steady(), peer.silent_ms)
            self.agents.collectors.gone(peer)

    def lost(self, peer: AgentPeer) -> None:
        """Its socket is closed."""
        self._peers.discard(peer)
        if not self._peers and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)

    # -- loops

    def _listen(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        """Takes what waits. Not by `sock_accept`: cancelled at the wrong moment that loses a socket."""
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("agent_endpoint.accept_failed", problem=str(error))
                loop = asyncio.get_running_loop()
                loop.remove_reader(listener)
                loop.call_later(ACCEPT_PAUSE_S, self._listen, listener)
                return
            self._admit(sock, Address(plain_ip(str(address[0])), int(address[1]), _shown(sock.getsockname())))

    def _admit(self, sock: socket.socket, address: Address) -> None:
        is_unwelcome = not self.agents.limits.admits(address.ip, self._steady())
        held = len(self._peers) + len(self._greetings) + len(self._admission)
        if is_unwelcome or held >= self.limits.most_connections:
            self.count("turned_away")
            if is_unwelcome:
                self.agents.turned_away()
            sock.close()
            return
        self.count("accepted")
        sock.setblocking(False)
        self._admission.come(Accepted(sock, address, self._steady()))
        self._take_turns()

    def _take_turns(self) -> None:
        turns = self._admission.turns(self._steady())
        for accepted in turns.close:
            self.count("too_late")
            accepted.sock.close()
        for accepted in turns.greet:
            self._begin_greeting(accepted.sock, accepted.address)

    def _begin_greeting(self, sock: socket.socket, address: Address) -> None:
        loop = asyncio.get_running_loop()
        greeting = loop.create_task(self._greet(sock, address))
        self._greetings.add(greeting)
        self._turns.add(greeting)
        slow = loop.call_later(self.limits.handshake_turn_s, self._end_turn, greeting)
        greeting.add_done_callback(lambda task: self._greeted(task, sock, slow))

    def _greeted(self, greeting: asyncio.Task[None], sock: socket.socket, slow: asyncio.TimerHandle) -> None:
        self._greetings.discard(greeting)
        if greeting.cancelled():
            sock.close()
        slow.cancel()
        self._end_turn(greeting)

    def _end_turn(self, greeting: asyncio.Task[None]) -> None:
        """It is over, or so slow that others need not wait for it; safe to call twice."""
        if greeting in self._turns:
            self._turns.discard(greeting)
            self._admission.ended()
            self._take_turns()

    async def _greet(self, sock: socket.socket, address: Address) -> None:
        """The TLS handshake; half-open ones end by its time limit."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: AgentPeer(self, address),
                sock,
                ssl=self._tls,
                ssl_handshake_timeout=self.limits.tls_handshake_s,
                ssl_shutdown_timeout=self.limits.tls_shutdown_s,
            )
        except OSError as error:
            self.count("tls_failed")
            log.info("agent_endpoint.tls_failed", ip=address.ip, problem=type(error).__name__)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """Ends what has run out of time; once a second."""
        now_ms = self._steady()
        for peer in list(self._peers):
            deadline_ms = peer.deadline_ms
            if deadline_ms is not None and deadline_ms <= now_ms:
                peer.tick()
        self._take_turns()
        self.agents.sweep(self._clock(), now_ms)


def plain_ip(text: str) -> str:
    """An IPv4 address that came over an IPv6 socket without its clothes; the rest as it is, without a scope."""
    address = ip_address(text.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def _shown(bound: tuple[Any, ...]) -> str:
    host = plain_ip(str(bound[0]))
    return f"[{host}]:{bound[1]}" if ":" in host else f"{host}:{bound[1]}"


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
