"""The egress policy: which addresses probes, webhooks and traceroutes may connect to.

Judged is the address actually connected to, after DNS and at every redirect. Allowed is global unicast less the IANA
special-purpose registries (`special_networks`), plus what the operator adds. Addresses that carry an IPv4 address
inside (IPv4-mapped, IPv4-compatible, Teredo, 6to4, NAT64) are judged by that one alone. Metadata addresses and the
service's own listeners stay denied whatever is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from vedette.domain.special_networks import METADATA, MULTICAST, NOT_GLOBAL_UNICAST, SPECIAL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Endpoint = tuple[Address, int]

REMEMBERED = 8192
"""Judged (address, port) pairs a policy keeps; all are forgotten when there are more."""

_LOOPBACK4, _LOOPBACK6 = IPv4Address("127.0.0.1"), IPv6Address("::1")
_ALWAYS_DENIED = tuple(METADATA)
_DENIED_BY_DEFAULT = (*SPECIAL, *MULTICAST, *NOT_GLOBAL_UNICAST)

_COMPATIBLE_OR_MAPPED = (0, 0xFFFF)  # the upper 96 bits of ::a.b.c.d and ::ffff:a.b.c.d
_NAT64_WELL_KNOWN = 0x0064FF9B << 64
_NAT64_LOCAL = 0x0064FF9B0001  # the upper 48 bits
_TEREDO = 0x20010000
_6TO4 = 0x2002
_THIS_NETWORK = 0xFFFFFF  # 0.0.0.0/8 as numbers: what an unused layout reads


class EgressPolicy:
    """What one zone, or the notifier, may reach.

    `allowed` are the operator's networks beyond the default, `denied` networks denied whatever is allowed, `listeners`
    the service's own (address, port) pairs. A listener on `0.0.0.0` or `::` takes every local address: the whole of
    loopback and `local_addresses`.
    """

    def __init__(
        self,
        allowed: Iterable[Network] = (),
        denied: Iterable[Network] = (),
        listeners: Iterable[Endpoint] = (),
        local_addresses: Iterable[Address] = (),
    ) -> None:
        self._allowed = _Networks(allowed)
        self._denied_always = _Networks((*_ALWAYS_DENIED, *denied))
        self._denied_by_default = _Networks(_DENIED_BY_DEFAULT)
        self._listeners, self._wildcard_ports = _split(listeners)
        self._local = frozenset(inner for address in local_addresses for inner in meant(address))
        self._judged: dict[tuple[int, int, int], bool] = {}

    def keep_out(self, listener: Endpoint) -> None:
        """One more of the service's own, known since now."""
        single, wildcard = _split([listener])
        if not (single <= self._listeners and wildcard <= self._wildcard_ports):
            self._listeners |= single
            self._wildcard_ports |= wildcard
            self._judged.clear()

    def permits(self, address: Address, port: int) -> bool:
        """Whether a connection to the address and port may be made."""
        key = (int(address), address.version, port)
        verdict = self._judged.get(key)
        if verdict is None:
            verdict = all(self._permits_meant(one, port) for one in meant(address))
            if len(self._judged) >= REMEMBERED:
                self._judged.clear()
            self._judged[key] = verdict
        return verdict

    def _permits_meant(self, address: Address, port: int) -> bool:
        if self._denied_always.hold(address) or self._is_own_listener(address, port):
            return False
        return self._allowed.hold(address) or not self._denied_by_default.hold(address)

    def _is_own_listener(self, address: Address, port: int) -> bool:
        if (address, port) in self._listeners:
            return True
        return port in self._wildcard_ports and (address.is_loopback or address in self._local)


class _Networks:
    """Membership by mask and compare: the networks as numbers, by family."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._masks: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in networks:
            self._masks[network.version].append((int(network.netmask), int(network.network_address)))

    def hold(self, address: Address) -> bool:
        number = int(address)
        return any(number & mask == base for mask, base in self._masks[address.version])


def _split(listeners: Iterable[Endpoint]) -> tuple[frozenset[Endpoint], frozenset[int]]:
    """Listeners with an address of their own, and the ports of those on every address."""
    single: set[Endpoint] = set()
    wildcard: set[int] = set()
    for address, port in listeners:
        if address.is_unspecified:
            wildcard.add(port)
        else:
            single.update((one, port) for one in meant(address))
    return frozenset(single), frozenset(wildcard)


def meant(address: Address) -> Sequence[Address]:
    """The addresses a connection to `address` may end at: itself, or those it carries inside.

    Connecting to `0.0.0.0` or `::` reaches this machine, so these mean loopback too.
    """
    if isinstance(address, IPv4Address):
        return (address,) if int(address) else (address, _LOOPBACK4)
    number = int(address)
    if number <= 1:  # `::` and `::1` are no IPv4-compatible addresses
        return (address,) if number else (address, _LOOPBACK6, _LOOPBACK4)
    inner = _embedded(number)
    if not inner:
        return (address,)
    return [one for number in inner for one in meant(IPv4Address(number))]


def _embedded(number: int) -> list[int]:
    """The IPv4 addresses (as numbers) inside an IPv6 address, none for an ordinary one."""
    if number >> 32 in _COMPATIBLE_OR_MAPPED or number >> 32 == _NAT64_WELL_KNOWN:
        return [number & 0xFFFFFFFF]
    if number >> 80 == _NAT64_LOCAL:
        return _nat64_local(number)
    if number >> 96 == _TEREDO:  # the server, and the client with its bits turned over (RFC 4380)
        return [number >> 64 & 0xFFFFFFFF, ~number & 0xFFFFFFFF]
    if number >> 112 == _6TO4:
        return [number >> 80 & 0xFFFFFFFF]
    return []


def _nat64_local(number: int) -> list[int]:
    """Within 64:ff9b:1::/48 the translator's prefix may have any length, so every layout of RFC 6052 is read.

    A layout that is not in use reads 0.x.x.x; the last 32 bits are judged whatever they are.
    """
    layouts = [
        (number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF,  # /48
        (number >> 64 & 0xFF) << 24 | number >> 32 & 0xFFFFFF,  # /56
        number >> 24 & 0xFFFFFFFF,  # /64
    ]
    return [number & 0xFFFFFFFF, *(inner for inner in layouts if inner > _THIS_NETWORK)]
