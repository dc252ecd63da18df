import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from vedette.adapters.local.resolver import FOUND_S, LOOKUPS_AT_ONCE, MISSED_S, REMEMBERED, Resolver
from vedette.domain.egress import EgressPolicy
from vedette.ports.probing import EgressDenied


class Names:
    """A `getaddrinfo` with names of its own, counting what it was asked; names in `slow` wait for `go`."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names
        self.asked: Counter[tuple[str, int]] = Counter()
        self.slow: set[str] = set()
        self.go = threading.Event()
        self.under_way = 0
        self.full = threading.Event()

    def __call__(self, host: str, port: int | None, *, family: int, type: int) -> Sequence[tuple[Any, ...]]:
        self.asked[host, family] += 1
        if host in self.slow:
            self.under_way += 1
            if self.under_way == LOOKUPS_AT_ONCE:
                self.full.set()
            self.go.wait(10)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, type, 6, "", (address, port)) for address in self.names[host]]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def resolver(names: Names, clock: Clock | None = None, policy: EgressPolicy | None = None) -> Resolver:
    return Resolver(policy or EgressPolicy(), clock or Clock(), names)


async def test_a_literal_needs_no_lookup() -> None:
    resolve = resolver(names := Names())

    assert await resolve("8.8.8.8", 80, None) == [ip_address("8.8.8.8")]
    assert await resolve("2606:4700::1", 80, "IPv6") == [ip_address("2606:4700::1")]
    assert not names.asked


async def test_a_literal_of_the_other_family_is_no_address() -> None:
    with pytest.raises(OSError, match="no IPv6 address"):
        await resolver(Names())("8.8.8.8", 80, "IPv6")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1"])
async def test_a_literal_that_is_forbidden_is_denied(host: str) -> None:
    with pytest.raises(EgressDenied):
        await resolver(Names())(host, 80, None)


async def test_forbidden_answers_are_left_out_and_the_order_is_kept() -> None:
    names = Names(mixed=["10.0.0.1", "9.9.9.9", "::1", "8.8.8.8", "9.9.9.9"])

    assert await resolver(names)("mixed", 80, None) == [ip_address("9.9.9.9"), ip_address("8.8.8.8")]


async def test_a_name_with_forbidden_addresses_only_is_denied() -> None:
    with pytest.raises(EgressDenied):
        await resolver(Names(inner=["10.0.0.1", "127.0.0.1"]))("inner", 80, None)


async def test_other_ways_to_write_an_address_are_judged_by_what_they_mean() -> None:
    resolve = Resolver(EgressPolicy(), Clock())
    for host in ("127.1", "2130706433", "0x7f.0.0.1", "017700000001"):
        with pytest.raises(EgressDenied):
            await resolve(host, 80, None)
    resolve.close()


async def test_the_policy_sees_the_port() -> None:
    policy = EgressPolicy(allowed=[ip_network("127.0.0.0/8")], listeners=[(ip_address("127.0.0.1"), 8080)])
    resolve = resolver(Names(local=["127.0.0.1"]), policy=policy)

    assert await resolve("local", 80, None)
    with pytest.raises(EgressDenied):
        await resolve("local", 8080, None)


@pytest.mark.parametrize(
    ("wanted", "family"), [(None, socket.AF_UNSPEC), ("IPv4", socket.AF_INET), ("IPv6", socket.AF_INET6)]
)
async def test_the_family_asked_for_is_the_resolver_wanted(wanted: str | None, family: int) -> None:
    await resolver(names := Names(one=["8.8.8.8"]))("one", 80, wanted)

    assert names.asked == Counter({("one", family): 1})


async def test_an_answer_is_kept_for_a_moment() -> None:
    resolve = resolver(names := Names(one=["8.8.8.8"]), clock := Clock())
    await resolve("one", 80, None)
    names.names["one"] = ["9.9.9.9"]
    clock.now += FOUND_S - 0.1
    kept = await resolve("one", 443, None)
    clock.now += 0.2

    assert kept == [ip_address("8.8.8.8")]
    assert await resolve("one", 80, None) == [ip_address("9.9.9.9")]


async def test_a_miss_is_kept_for_less() -> None:
    resolve = resolver(names := Names(), clock := Clock())
    for _ in range(3):
        with pytest.raises(OSError, match="not known"):
            await resolve("one", 80, None)
    missed = names.asked.total()
    names.names["one"] = ["8.8.8.8"]
    clock.now += MISSED_S

    assert missed == 1
    assert await resolve("one", 80, None)


@pytest.mark.parametrize("host", ["x" * 300, "a..b", "nul\0", "ü" * 100, ""])
async def test_what_is_no_host_name_is_no_address(host: str) -> None:
    def refusing(host: str, *_args: Any, **_options: Any) -> Sequence[tuple[Any, ...]]:
        host.encode("idna")
        if "\0" in host:
            raise ValueError("embedded null character")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(OSError):  # noqa: PT011 - any: the probe says which host
        await Resolver(EgressPolicy(), Clock(), refusing)(host, 80, None)


async def test_many_askers_of_one_name_share_a_lookup_and_one_may_leave() -> None:
    resolve = resolver(names := Names(slow=["8.8.8.8"]))
    names.slow.add("slow")
    asking = [asyncio.create_task(resolve("slow", 80, None)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    names.go.set()
    answers = await asyncio.gather(*asking[1:])

    assert answers == [[ip_address("8.8.8.8")]] * 4
    assert names.asked.total() == 1


async def test_no_more_lookups_run_at_once_than_may() -> None:
    hosts = [f"slow{number}" for number in range(2 * LOOKUPS_AT_ONCE)]
    resolve = resolver(names := Names(**{host: ["8.8.8.8"] for host in hosts}))
    names.slow.update(hosts)
    asking = asyncio.gather(*(resolve(host, 80, None) for host in hosts))
    await asyncio.to_thread(names.full.wait, 10)
    under_way = names.under_way
    names.go.set()
    await asking

    assert under_way == LOOKUPS_AT_ONCE
    assert names.asked.total() == len(hosts)


async def test_what_is_remembered_is_bounded() -> None:
    resolve = resolver(Names())
    for number in range(REMEMBERED + 10):
        await resolve(str(ip_address((8 << 24) + number)), 80, None)

    assert len(resolve._literals) <= REMEMBERED  # noqa: SLF001 - what must not grow
