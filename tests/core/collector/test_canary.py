import pytest

from tests.core.collector.cast import observed
from vedette.collector.asking import gateway_in
from vedette.collector.canary import Canary, Held, Sight

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\tFE01A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
tun0\t00000000\t0500000A\t0003\t0\t0\t0\t00000080\t0\t0\t0
"""


def test_a_round_without_answer_makes_blind_and_the_next_answer_ends_it() -> None:
    sight = Sight(counts_from_first_answer=False)

    rounds = [(sight.ended(answered=answered), sight.is_blind) for answered in (False, True)]

    assert rounds == [(True, True), (False, False)]


def test_a_gateway_counts_only_once_it_has_answered() -> None:
    sight = Sight(counts_from_first_answer=True)

    rounds = [(sight.ended(answered=answered), sight.counts) for answered in (False, True, False)]

    assert rounds == [(False, False), (False, True), (True, True)]


def test_an_observation_waits_for_a_round_that_began_after_its_probe_ended() -> None:
    held = Held()
    held.hold(observed(1), 10.0, was_blind=False)
    held.hold(observed(2), 12.0, was_blind=False)

    assert held.release(9.0, failed=False) == []
    assert held.release(11.0, failed=False) == [observed(1)]
    assert held.release(11.5, failed=False) == []
    assert held.release(12.0, failed=False) == [observed(2)]
    assert len(held) == 0


@pytest.mark.parametrize(
    ("was_blind", "failed", "is_blind"),
    [(False, False, False), (False, True, True), (True, False, True), (True, True, True)],
)
def test_an_observation_is_blind_if_the_round_before_or_after_it_failed(
    was_blind: bool, failed: bool, is_blind: bool
) -> None:
    held = Held()
    held.hold(observed(), 10.0, was_blind=was_blind)
    (released,) = held.release(11.0, failed=failed)

    assert released.is_blind is is_blind


def test_what_no_round_has_judged_is_given_up_as_blind() -> None:
    held = Held()
    held.hold(observed(), 10.0, was_blind=False)

    assert [observation.is_blind for observation in held.give_up()] == [True]


def test_the_gateway_is_that_of_the_default_route_with_the_lowest_metric() -> None:
    assert gateway_in(ROUTES) == Canary("10.0.0.1")


@pytest.mark.parametrize("routes", ["", ROUTES.splitlines()[0] + "\n", "\n".join(ROUTES.splitlines()[::3])])
def test_without_default_route_there_is_no_gateway(routes: str) -> None:
    assert gateway_in(routes) is None
