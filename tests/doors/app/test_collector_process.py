"""What a collector process keeps its probes from."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from vedette.app.collector_process import ServersOutOfReach
from vedette.config import HostPort
from vedette.domain.egress import EgressPolicy

ALLOWED = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_no_probe_reaches_the_server_by_whatever_name_the_collector_knows_it(name: str) -> None:
    policy = EgressPolicy(allowed=ALLOWED)
    servers = ServersOutOfReach(policy, [HostPort("no.such.host.invalid", 50041), HostPort(name, 50041)])
    assert policy.permits(ip_address("127.0.0.1"), 50041)

    await servers.look()

    assert not policy.permits(ip_address("127.0.0.1"), 50041)
    assert policy.permits(ip_address("127.0.0.1"), 80)
