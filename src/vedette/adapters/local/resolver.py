"""Names to addresses by the machine's own resolver, under an egress policy (`ports.probing.Resolve`)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from vedette.domain.egress import EgressPolicy
from vedette.ports.probing import Address, EgressDenied

LOOKUPS_AT_ONCE = 64
REMEMBERED = 8192
FOUND_S = 3.0  # less than the 5 s after which a confirm round looks again
MISSED_S = 1.0

GetAddrInfo = Callable[..., Sequence[tuple[Any, ...]]]
_FAMILY = {None: socket.AF_UNSPEC, "IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
_VERSION = {"IPv4": 4, "IPv6": 6}

_Key = tuple[str, str | None]
_Answer = tuple[Address, ...] | OSError


class Resolver:
    """One a policy. The lookups that are under way and a few seconds of answers are shared by all callers.

    Threads of its own: the event loop's few would all hang in the first tenants' dead name servers. A lookup cannot be
    stopped; who no longer waits for it leaves it to end by itself, and it counts until then.
    """

    def __init__(
        self, policy: EgressPolicy, monotonic: Callable[[], float], getaddrinfo: GetAddrInfo = socket.getaddrinfo
    ) -> None:
        self._policy = policy
        self._monotonic = monotonic
        self._getaddrinfo = getaddrinfo
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="lookup")
        self._literals: dict[str, Address | None] = {}
        self._answers: dict[_Key, tuple[float, _Answer]] = {}
        self._under_way: dict[_Key, asyncio.Future[_Answer]] = {}

    async def __call__(self, host: str, port: int, resolver: str | None) -> Sequence[Address]:
        """See `ports.probing.Resolve`. `resolver` is `IPv4`, `IPv6` or None for either; literals need no lookup."""
        literal = self._literal(host)
        if literal is None:
            addresses = await self._lookup((host, resolver))
        elif resolver is None or literal.version == _VERSION[resolver]:
            addresses = (literal,)
        else:
            raise OSError(f"no {resolver} address for {host}")
        permitted = [address for address in addresses if self._policy.permits(address, port)]
        if not permitted:
            raise EgressDenied(host)
        return permitted

    def close(self) -> None:
        """Waits for no lookup."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _literal(self, host: str) -> Address | None:
        if host not in self._literals:
            _make_room(self._literals)
            self._literals[host] = _address(host)
        return self._literals[host]

    async def _lookup(self, key: _Key) -> tuple[Address, ...]:
        until, answer = self._answers.get(key, (0.0, ()))
        if self._monotonic() >= until:
            # Shielded: others may be waiting for the same lookup.
            answer = await asyncio.shield(self._under_way.get(key) or self._begin(key))
        if isinstance(answer, OSError):
            raise OSError(*answer.args)
        return answer

    def _begin(self, key: _Key) -> asyncio.Future[_Answer]:
        lookup = asyncio.get_running_loop().run_in_executor(self._threads, _ask, self._getaddrinfo, *key)
        self._under_way[key] = lookup
        lookup.add_done_callback(lambda done: self._ended(key, done))
        return lookup

    def _ended(self, key: _Key, lookup: asyncio.Future[_Answer]) -> None:
        del self._under_way[key]
        if lookup.cancelled():
            return
        answer = lookup.result()
        _make_room(self._answers)
        kept_s = MISSED_S if isinstance(answer, OSError) else FOUND_S
        self._answers[key] = (self._monotonic() + kept_s, answer)


def _ask(getaddrinfo: GetAddrInfo, host: str, resolver: str | None) -> _Answer:
    """In a thread: the distinct addresses in the resolver's order, or why there are none."""
    try:
        found = getaddrinfo(host, None, family=_FAMILY[resolver], type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except ValueError:  # a label too long for IDNA, or a zero byte
        return OSError(f"no valid host name: {host!r}")
    addresses = (_address(entry[4][0]) for entry in found)
    return tuple(dict.fromkeys(address for address in addresses if address)) or OSError(f"no address for {host}")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _make_room(remembered: dict[Any, Any]) -> None:
    if len(remembered) >= REMEMBERED:
        remembered.clear()
