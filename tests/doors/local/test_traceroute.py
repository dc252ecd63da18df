"""Traceroutes without privilege, on the loopback addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from vedette.adapters.local import traceroute

pytestmark = pytest.mark.skipif(not traceroute.can_trace(), reason="Linux tells a socket of ICMP errors")


@pytest.fixture(params=["127.0.0.1", "127.0.0.9", "::1"])
def address(request: pytest.FixtureRequest) -> str:
    if request.param == "::1" and not _has_ipv6():
        pytest.skip("no IPv6 here")
    return str(request.param)


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_this_machine_is_one_hop_away(address: str) -> None:
    [hop] = await traceroute.trace(ip_address(address))

    assert (hop.number, hop.ip, hop.hostname) == (1, address, None)
    assert len(hop.rtts) == traceroute.TRIES
    assert all(0 <= rtt < 1000 * traceroute.PATIENCE_S for rtt in hop.rtts)


@pytest.fixture
def _somebody_listens() -> Iterator[None]:
    """At the first port of a traceroute."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.3", traceroute.FIRST_PORT))
        yield


@pytest.mark.usefixtures("_somebody_listens")
async def test_a_port_that_swallows_a_packet_costs_one_try() -> None:
    """Its second and third try go to other ports."""
    [hop] = await traceroute.trace(ip_address("127.0.0.3"))

    assert hop.ip == "127.0.0.3"
    assert 2 <= len(hop.rtts) <= traceroute.TRIES
