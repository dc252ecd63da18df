from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.domain import egress
from vedette.domain.egress import EgressPolicy
from vedette.domain.special_networks import METADATA, MULTICAST, SPECIAL

ANY4 = "0.0.0.0"  # noqa: S104 - judged, not bound to
EVERYTHING = [ip_network("0.0.0.0/0"), ip_network("::/0")]
PUBLIC4 = IPv4Address("8.8.8.8")


def permits(policy: EgressPolicy, address: str, port: int = 80) -> bool:
    return policy.permits(ip_address(address), port)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1"])
def test_ordinary_public_addresses_are_permitted(address: str) -> None:
    assert permits(EgressPolicy(), address)


@pytest.mark.parametrize("network", [*SPECIAL, *MULTICAST, *METADATA], ids=str)
def test_both_ends_of_every_special_network_are_denied(network: IPv4Network) -> None:
    policy = EgressPolicy()

    assert not policy.permits(network[0], 80)
    assert not policy.permits(network[-1], 80)


@pytest.mark.parametrize(
    "address",
    [
        "100.64.0.1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "64:ff9b:1:a00:0:100::",  # 10.0.0.1 where the prefix is a /48
        "64:ff9b:1:7f:0:1::",  # 127.0.0.1 where it is a /56
        "64:ff9b:1:0:7f:0:100:0",  # 127.0.0.1 where it is a /64
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:a00:1::f7f7:f7f7",  # Teredo with a private server
        "2001:0:808:808::80ff:fffe",  # Teredo with the client 127.0.0.1
        "fec0::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "224.0.0.1",
        "ff02::1",
        "ff0e::1",
        ANY4,
        "::",
        "::1",
        "255.255.255.255",
        "240.0.0.1",
        "4000::1",
        "5f00::1",
        "3fff::1",
        "100::1",
        "192.88.99.1",
    ],
)
def test_what_slips_through_is_private_and_is_global_is_denied(address: str) -> None:
    assert not permits(EgressPolicy(), address)


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:8.8.8.8",
        "::8.8.8.8",
        "64:ff9b::808:808",
        "64:ff9b:1::808:808",
        "2002:808:808::1",
        "2001:0:808:808::f7f7:f7f7",
    ],
)
def test_an_address_inside_another_is_what_is_judged(address: str) -> None:
    assert permits(EgressPolicy(), address)
    assert not permits(EgressPolicy(denied=[ip_network("8.8.8.0/24")]), address)


def test_the_operator_adds_networks() -> None:
    policy = EgressPolicy(allowed=[ip_network("127.0.0.0/8"), ip_network("fd12::/16")])

    assert permits(policy, "127.0.0.1")
    assert permits(policy, "::ffff:127.0.0.1")
    assert permits(policy, "fd12::1")
    assert not permits(policy, "10.0.0.1")
    assert not permits(policy, "::1")


def test_adding_a_wrapping_network_does_not_allow_what_is_wrapped() -> None:
    policy = EgressPolicy(allowed=[ip_network("::/0")])

    assert not permits(policy, "::ffff:10.0.0.1")
    assert not permits(policy, "64:ff9b::a00:1")
    assert permits(policy, "fe80::1")


@pytest.mark.parametrize("network", METADATA, ids=str)
def test_metadata_addresses_stay_denied_whatever_is_added(network: IPv4Network) -> None:
    policy = EgressPolicy(allowed=[*EVERYTHING, network])

    assert not policy.permits(network[0], 80)
    assert not policy.permits(network[-1], 80)


@pytest.mark.parametrize("wrapped", ["::ffff:a9fe:a9fe", "::a9fe:a9fe", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"])
def test_metadata_addresses_stay_denied_when_wrapped(wrapped: str) -> None:
    assert not permits(EgressPolicy(allowed=EVERYTHING), wrapped)


def test_the_services_own_listener_stays_denied_at_its_port_only() -> None:
    policy = EgressPolicy(allowed=EVERYTHING, listeners=[(IPv4Address("127.0.0.1"), 8080)])

    assert not permits(policy, "127.0.0.1", 8080)
    assert not permits(policy, "::ffff:127.0.0.1", 8080)
    assert not permits(policy, ANY4, 8080)
    assert permits(policy, "127.0.0.1", 8081)
    assert permits(policy, "127.0.0.2", 8080)


def test_a_listener_named_by_a_mapped_address_is_the_same_listener() -> None:
    policy = EgressPolicy(allowed=EVERYTHING, listeners=[(IPv6Address("::ffff:127.0.0.1"), 8080)])

    assert not permits(policy, "127.0.0.1", 8080)


@pytest.mark.parametrize("wildcard", [ANY4, "::"])
@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "::1", ANY4, "::", "::ffff:127.0.0.1", "203.0.113.7", "8.8.8.8", "fd00::7"],
)
def test_a_listener_on_every_address_takes_every_local_address(wildcard: str, address: str) -> None:
    local = [ip_address(text) for text in ("203.0.113.7", "8.8.8.8", "fd00::7")]
    policy = EgressPolicy(allowed=EVERYTHING, listeners=[(ip_address(wildcard), 8080)], local_addresses=local)

    assert not permits(policy, address, 8080)
    assert permits(policy, address, 8081)
    assert permits(policy, "8.8.4.4", 8080)


def test_a_remembered_verdict_is_the_same_verdict() -> None:
    policy = EgressPolicy(listeners=[(PUBLIC4, 5432)])

    assert [permits(policy, "8.8.8.8", port) for port in (80, 5432, 80, 5432)] == [True, False, True, False]


def test_the_same_number_in_both_families_is_judged_apart() -> None:
    policy = EgressPolicy()

    assert permits(policy, "8.8.8.8")
    assert policy.permits(IPv6Address((0x2606 << 112) + int(PUBLIC4)), 80)
    assert not policy.permits(IPv6Address((0xFE80 << 112) + int(PUBLIC4)), 80)
    assert not EgressPolicy(denied=[ip_network("8.8.8.8/32")]).permits(IPv6Address(int(PUBLIC4)), 80)


def test_what_a_policy_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "REMEMBERED", 100)
    policy = EgressPolicy()
    for number in range(1000):
        policy.permits(IPv4Address((8 << 24) + number), 80)

    assert len(policy._judged) <= 100  # noqa: SLF001 - what must not grow


@given(st.integers(0, 2**32 - 1))
def test_every_wrapping_gives_the_verdict_of_what_it_wraps(number: int) -> None:
    policy = EgressPolicy()
    plain = policy.permits(IPv4Address(number), 80)
    teredo = (0x20010000 << 96) | (int(PUBLIC4) << 64) | (~number & 0xFFFFFFFF)
    wrapped = [(0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80), teredo]
    compatible = [number] if number > 1 else []  # `::` and `::1` are addresses of their own

    assert {policy.permits(IPv6Address(one), 80) for one in wrapped + compatible} == {plain}


def test_a_listener_that_is_known_later_is_kept_out_from_then_on() -> None:
    policy = EgressPolicy(allowed=EVERYTHING)
    assert permits(policy, "8.8.8.8", 5432)

    policy.keep_out((ip_address("::ffff:8.8.8.8"), 5432))

    assert not permits(policy, "8.8.8.8", 5432)
    assert permits(policy, "8.8.8.8", 80)
