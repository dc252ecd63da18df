"""A storm of connections: first come first served, and nobody is served too late."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.doors.agent.conftest import World, until
from vedette.agent_endpoint import Limits
from vedette.agent_endpoint.admission import Accepted, Admission
from vedette.services.agent_connections import Address

PATIENCE_MS = 4_500


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    opened = [socket.socket() for _ in range(5)]
    yield opened
    for one in opened:
        one.close()


@pytest.fixture
def line(sockets: list[socket.socket]) -> list[Accepted]:
    """Five that came a second apart."""
    return [Accepted(one, Address("192.0.2.1", number, ""), number * 1000) for number, one in enumerate(sockets)]


def test_no_more_are_greeted_at_once_than_may_be(line: list[Accepted]) -> None:
    admission = Admission(2, PATIENCE_MS)
    for accepted in line:
        admission.come(accepted)

    assert admission.turns(4_000) == (line[:2], [])
    assert admission.turns(4_000) == ([], [])
    admission.ended()
    assert admission.turns(4_000) == ([line[2]], [])
    assert len(admission) == 2


def test_who_waited_too_long_is_closed_and_takes_no_turn(line: list[Accepted]) -> None:
    admission = Admission(2, PATIENCE_MS)
    for accepted in line:
        admission.come(accepted)

    assert admission.turns(PATIENCE_MS + 1_000) == (line[2:4], line[:2])
    assert admission.turns(4_000 + PATIENCE_MS) == ([], [line[4]])


def test_an_address_that_comes_time_and_again_keeps_only_itself_waiting(line: list[Accepted]) -> None:
    crowd = line[:3]
    others = [
        one._replace(address=Address(ip, 1, ""))
        for one, ip in zip(line[3:], ("192.0.2.2", "192.0.2.3"), strict=True)
    ]  # fmt: skip
    admission = Admission(1, PATIENCE_MS)
    for accepted in [*crowd, *others]:
        admission.come(accepted)

    greeted = []
    while turn := admission.turns(4_000).greet:
        greeted += turn
        admission.ended()

    assert greeted == [crowd[0], *others, crowd[1], crowd[2]]


def test_who_was_greeted_is_not_closed_later_and_who_was_closed_is_not_greeted(line: list[Accepted]) -> None:
    admission = Admission(1, PATIENCE_MS)
    for accepted in line[:3]:
        admission.come(accepted)

    assert admission.turns(2_000) == (line[:1], [])
    assert admission.turns(1_000 + PATIENCE_MS) == ([], line[1:2])
    admission.ended()
    assert admission.turns(1_000 + PATIENCE_MS) == (line[2:3], [])
    assert len(admission) == 0


def test_at_the_end_everybody_who_waits_is_given_back(line: list[Accepted]) -> None:
    admission = Admission(0, PATIENCE_MS)
    for accepted in line:
        admission.come(accepted)

    assert admission.give_up() == line
    assert len(admission) == 0


class TestOneAtATime:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(handshakes_at_once=1, handshake_turn_s=30.0, tls_handshake_s=30.0)

    async def test_who_waits_is_greeted_when_the_handshake_before_is_over(self, world: World) -> None:
        first = await world.client(with_tls=False)
        await until(lambda: world.endpoint.counts["accepted"] == 1)
        second = await world.client(with_tls=False)
        await until(lambda: world.endpoint.counts["accepted"] == 2)
        first.close()

        await second.send(b"GET / HTTP/1.1\r\n\r\n")  # a TLS server that listens says that this is no TLS
        await second.rest()

        await until(lambda: world.endpoint.counts["tls_failed"] == 2)

    async def test_who_waits_too_long_is_closed_without_a_word(self, world: World) -> None:
        await world.client(with_tls=False)
        await until(lambda: world.endpoint.counts["accepted"] == 1)
        second = await world.client(with_tls=False)
        await until(lambda: world.endpoint.counts["accepted"] == 2)

        await world.pass_time(PATIENCE_MS)

        assert await second.rest() == b""
        assert world.endpoint.counts["too_late"] == 1


class TestASlowOne:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(handshakes_at_once=1, handshake_turn_s=0.05, tls_handshake_s=30.0)

    async def test_a_peer_that_stalls_in_its_handshake_keeps_nobody_waiting(self, world: World) -> None:
        await world.client(with_tls=False)
        await until(lambda: world.endpoint.counts["accepted"] == 1)

        await world.live()
