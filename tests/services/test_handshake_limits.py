"""Failed handshakes are limited by address; good tokens are not kept waiting."""

from __future__ import annotations

import pytest

from vedette.services import handshake_limits
from vedette.services.handshake_limits import FREE_FAILURES, MOST_GUESSES, SLOWEST_S, WINDOW_MS, HandshakeLimits

HERE = "192.0.2.7"


def guess(limits: HandshakeLimits, times: int, ip: str = HERE, now_ms: int = 0) -> None:
    for number in range(times):
        limits.failed(ip, f"guess {number}", now_ms)


def test_each_further_failure_is_told_later_but_never_too_late_for_a_stock_agent() -> None:
    limits = HandshakeLimits()
    delays = [limits.failed(HERE, None, 0) for _ in range(40)]
    assert delays[:FREE_FAILURES] == [0.0] * FREE_FAILURES
    assert delays == sorted(delays)
    assert len(set(delays)) > 10
    assert delays[-1] == SLOWEST_S < 6


def test_who_guesses_on_is_not_let_in_until_the_window_ends() -> None:
    limits = HandshakeLimits()
    guess(limits, MOST_GUESSES - 1)
    assert limits.admits(HERE, 0)
    limits.failed(HERE, "one more", 0)
    assert not limits.admits(HERE, WINDOW_MS - 1)
    assert limits.admits(HERE, WINDOW_MS)
    assert limits.failed(HERE, None, WINDOW_MS) == 0.0


def test_agents_that_go_on_trying_a_dead_token_close_no_address() -> None:
    limits = HandshakeLimits()
    for _ in range(MOST_GUESSES * 3):
        limits.failed(HERE, None, 0)
        limits.failed(HERE, "the same unknown token", 0)
    assert limits.admits(HERE, 0)


@pytest.mark.parametrize(
    ("other", "is_admitted"),
    [("192.0.2.8", True), ("::ffff:192.0.2.7", False), ("2001:db8::1", True)],
)
def test_other_addresses_are_not_concerned(other: str, is_admitted: bool) -> None:
    limits = HandshakeLimits()
    guess(limits, MOST_GUESSES)
    assert limits.admits(other, 0) is is_admitted


def test_an_ipv6_host_has_its_whole_64() -> None:
    limits = HandshakeLimits()
    for number in range(MOST_GUESSES):
        limits.failed(f"2001:db8::{number:x}", f"guess {number}", 0)
    assert not limits.admits("2001:db8::ffff:1", 0)
    assert limits.admits("2001:db8:0:1::1", 0)


def test_what_an_attacker_sends_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake_limits, "_MAX_COUNTS", 100)
    limits = HandshakeLimits()
    for number in range(1_000):
        limits.failed(f"10.0.{number // 250}.{number % 250}", f"guess {number}", 0)
    kept = [limits._failures, limits._guesses, limits._tokens]  # noqa: SLF001 - the bound is what is tested
    assert [len(counts) for counts in kept] == [100, 100, 100]
