import pytest

from vedette.domain.faults import Fault
from vedette.services import log_in_limits
from vedette.services.log_in_limits import ADDRESS_LIMIT, PAIR_LIMIT, WINDOW_MS, LogInLimits

NOW = 1_900_000_000_000


def is_admitted(limits: LogInLimits, user: str, address: str, now_ms: int = NOW) -> bool:
    try:
        limits.admit(user, address, now_ms)
    except Fault as fault:
        return fault.code != 429
    return True


def fail(limits: LogInLimits, times: int, user: str, address: str) -> None:
    for _ in range(times):
        limits.failed(user, address, NOW)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_addresses_of_one_host_count_together(one: str, other: str, is_same: bool) -> None:
    limits = LogInLimits()

    fail(limits, PAIR_LIMIT, "alice", one)

    assert is_admitted(limits, "alice", other) is not is_same


def test_delays_grow_with_the_failures_to_a_most() -> None:
    limits = LogInLimits()
    delays = []
    for number in range(20):
        delays.append(limits.admit("alice", f"192.0.2.{number}", NOW))
        limits.failed("alice", f"192.0.2.{number}", NOW)

    assert delays[:7] == [0, 0, 0, 0, 0, 0, 0.25]
    assert delays == sorted(delays)
    assert delays[-1] == 2.0


def test_a_success_of_ones_own_does_not_forgive_an_address() -> None:
    limits = LogInLimits()
    for number in range(ADDRESS_LIMIT):
        fail(limits, 1, f"user{number}", "192.0.2.1")
        limits.succeeded("mallory", "192.0.2.1")

    assert not is_admitted(limits, "mallory", "192.0.2.1")


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer() -> None:
    limits = LogInLimits()
    fail(limits, PAIR_LIMIT, "alice", "192.0.2.1")

    assert is_admitted(limits, "alice", "192.0.2.1", NOW - 10 * WINDOW_MS)


def test_what_an_attacker_sends_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_in_limits, "_MAX_COUNTS", 100)
    limits = LogInLimits()

    for number in range(1000):
        limits.failed(f"user{number}" + "x" * 10_000, f"10.0.{number // 250}.{number % 250}", NOW)

    counts = (limits._pairs, limits._addresses, limits._users)  # noqa: SLF001 - the memory is the point
    assert [len(count) for count in counts] == [100, 100, 100]
    assert all(len(key) < 200 for count in counts for key in count._counts)  # noqa: SLF001


def test_an_address_that_is_none_is_counted_like_any_other() -> None:
    limits = LogInLimits()

    fail(limits, PAIR_LIMIT, "alice", "unix:")

    assert not is_admitted(limits, "alice", "unix:")
