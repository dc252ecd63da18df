"""What an agent token's policy is made of: networks, globs over agent ids, lists that are not empty."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network
from typing import Any

import msgspec

from vedette.domain.attributes import Array, Attribute, Integer, Text, Type
from vedette.domain.faults import invalid

MOST_AGENTS = 1_000_000
_DAY_S = 24 * 3600
DEFAULT_OVERLAP_S = 3600
MOST_OVERLAP_S = 30 * _DAY_S
_MAPPED_BITS = 96  # of an IPv4-mapped address (RFC 4291, 2.5.5.2)


class Network(msgspec.Struct, frozen=True):
    """A network in CIDR notation, or one address. Kept in its canonical form.

    Host bits are refused: who writes `10.1.2.3/8` may mean one host or sixteen million.
    """

    @property
    def expected(self) -> str:
        return "Expected a network in CIDR notation without host bits, such as 10.0.0.0/8 or 2001:db8::/32"

    def parse(self, value: Any, key: str) -> str:
        if not isinstance(value, str) or len(value) > 64 or "%" in value:
            raise invalid(key, self.expected)
        _, slash, bits = value.partition("/")
        if slash and not (bits.isascii() and bits.isdigit()):
            raise invalid(key, self.expected)
        try:
            return _canonical(value)
        except ValueError:
            raise invalid(key, self.expected) from None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 2, "maxLength": 64}


def _canonical(text: str) -> str:
    """Peers are judged by the IPv4 address inside an IPv4-mapped one, so networks of those are IPv4 networks."""
    network = ip_network(text)
    if isinstance(network, IPv6Network):
        inner = network.network_address.ipv4_mapped
        if inner is not None and network.prefixlen >= _MAPPED_BITS:
            return str(ip_network((inner, network.prefixlen - _MAPPED_BITS)))
    return str(network)


class Some(msgspec.Struct, frozen=True):
    """A list of at least one item; null is for none. Nobody has to guess what an empty list would allow."""

    item: Type
    most: int

    @property
    def expected(self) -> str:
        return f"Expected an array of 1 to {self.most} different items, or null to allow all"

    def parse(self, value: Any, key: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= self.most:
            raise invalid(key, self.expected)
        return tuple(Array(self.item, self.most).parse(value, key))

    def schema(self) -> dict[str, Any]:
        return Array(self.item, self.most).schema() | {"minItems": 1}


_GLOB = Text(1, 255, "[-.A-Za-z0-9_*?]{1,255}", "an agent id, in which * is any text and ? one character")

POLICY_ATTRIBUTES = (
    Attribute("expires_at", Integer(1), "When the token expires, in milliseconds since the epoch"),
    Attribute("allowed_agents", Some(_GLOB, 64), "Globs over the agent ids that may use the token"),
    Attribute("allowed_networks", Some(Network(), 64), "Networks (CIDR) from which the token may be used"),
    Attribute("max_agents", Integer(1, MOST_AGENTS), "How many different agents may be connected at once"),
)

ROTATION_ATTRIBUTES = (
    Attribute(
        "overlap",
        Integer(0, MOST_OVERLAP_S),
        "For how many seconds the old token still works",
        default=DEFAULT_OVERLAP_S,
    ),
)
