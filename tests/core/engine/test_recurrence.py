from __future__ import annotations

import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from vedette.engine.recurrence import MOST_OCCURRENCES, Recurrence, RecurrenceError, zone


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]  # plain numbers


def beginnings(recurrence: Recurrence, after_ms: int, count: int) -> list[str]:
    """The next beginnings after a moment."""
    found = []
    for _ in range(count):
        begins = recurrence.next_ms(after_ms)
        if begins is None:
            break
        found.append(f"{datetime.fromtimestamp(begins / 1000, UTC):%Y-%m-%d %H:%M}")
        after_ms = begins
    return found


SATURDAY = ms(2026, 3, 21, 2)


def test_the_first_window_counts_whether_or_not_the_rule_names_it() -> None:
    recurrence = Recurrence("FREQ=WEEKLY;BYDAY=MO", None, SATURDAY)
    assert recurrence.last_ms(SATURDAY - 1) is None
    assert recurrence.next_ms(SATURDAY - 1) == SATURDAY
    assert recurrence.last_ms(SATURDAY) == SATURDAY
    assert beginnings(recurrence, SATURDAY, 2) == ["2026-03-23 02:00", "2026-03-30 02:00"]


def test_it_keeps_the_hour_of_its_time_zone_when_clocks_are_put_forward() -> None:
    recurrence = Recurrence("FREQ=WEEKLY", "Europe/London", SATURDAY)
    assert beginnings(recurrence, SATURDAY, 3) == ["2026-03-28 02:00", "2026-04-04 01:00", "2026-04-11 01:00"]


def test_it_keeps_the_hour_of_its_time_zone_when_clocks_are_put_back() -> None:
    first = ms(2026, 10, 23, 0, 30)  # half past one in London
    recurrence = Recurrence("FREQ=DAILY", "Europe/London", first)
    assert beginnings(recurrence, first, 3) == ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]
    assert recurrence.last_ms(ms(2026, 10, 25, 0, 45)) == ms(2026, 10, 25, 0, 30)
    assert recurrence.last_ms(ms(2026, 10, 25, 1, 45)) == ms(2026, 10, 25, 0, 30)


@pytest.mark.parametrize("first", [ms(2026, 3, 1, 7, 30), ms(2026, 10, 25, 5, 30)])
def test_the_last_and_the_next_beginning_agree_around_a_change_of_clocks(first: int) -> None:
    recurrence = Recurrence("FREQ=DAILY;BYDAY=MO,WE,SU", "America/New_York", first)
    hours = [first + hour * 3_600_000 for hour in range(14 * 24)]
    for before, after in pairwise(hours):
        begins = recurrence.next_ms(before)
        assert begins is not None
        assert recurrence.last_ms(after) == (begins if begins <= after else recurrence.last_ms(before))


def test_milliseconds_are_kept() -> None:
    recurrence = Recurrence("FREQ=DAILY", None, SATURDAY + 123)
    assert recurrence.next_ms(SATURDAY + 123) == SATURDAY + 123 + 86_400_000
    assert recurrence.last_ms(SATURDAY + 86_400_000) == SATURDAY + 123


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", ["2026-03-22 02:00", "2026-03-23 02:00"]),
        ("FREQ=DAILY;UNTIL=20260323", ["2026-03-22 02:00", "2026-03-23 02:00"]),
        ("FREQ=DAILY;UNTIL=20260323T015959Z", ["2026-03-22 02:00"]),
        ("FREQ=DAILY;UNTIL=20260323T020000", ["2026-03-22 02:00", "2026-03-23 02:00"]),
        ("FREQ=MONTHLY;BYDAY=1SA;COUNT=2", ["2026-04-04 02:00", "2026-05-02 02:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", ["2026-03-31 02:00", "2026-04-30 02:00"]),
        ("FREQ=YEARLY;BYMONTH=6;BYDAY=-1SU;COUNT=1", ["2026-06-28 02:00"]),
        ("freq=weekly;interval=2;byday=sa,su;count=3", ["2026-03-22 02:00", "2026-04-04 02:00"]),
    ],
)
def test_a_rule_ends_when_it_says_so(rule: str, expected: list[str]) -> None:
    assert beginnings(Recurrence(rule, None, SATURDAY), SATURDAY, 10) == expected


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "each of these once at most: BYDAY, BYMONTH"),
        ("WEEKLY", "each of these once at most"),
        ("FREQ=WEEKLY;FREQ=DAILY", "each of these once at most"),
        ("FREQ=DAILY\nDTSTART=19700101", "FREQ to be one of"),
        ("FREQ=SECONDLY", "FREQ to be one of DAILY, MONTHLY, WEEKLY, YEARLY"),
        ("FREQ=DAILY;BYHOUR=3", "each of these once at most"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL between 1 and 1000"),
        ("FREQ=DAILY;INTERVAL=x", "INTERVAL to be made of numbers"),
        ("FREQ=DAILY;INTERVAL=1,2", "one INTERVAL"),
        ("FREQ=DAILY;COUNT=1001", f"COUNT between 1 and {MOST_OCCURRENCES}"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT or UNTIL, not both"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL to be a date or a time"),
        ("FREQ=DAILY;UNTIL=20261301", "UNTIL to be a date or a time"),
        ("FREQ=WEEKLY;WKST=XX", "a recurrence rule of RFC 5545"),
        ("FREQ=WEEKLY;BYDAY=MONDAY", "BYDAY to hold weekdays"),
        ("FREQ=MONTHLY;BYDAY=5MO", "BYDAY to hold weekdays"),
        ("FREQ=WEEKLY;BYDAY=1MO", "numbered weekdays with FREQ=MONTHLY or YEARLY only"),
        ("FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=20", "numbered weekdays with FREQ=MONTHLY or YEARLY only"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "no BYMONTHDAY with FREQ=WEEKLY"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "an INTERVAL above 1"),
        ("FREQ=MONTHLY;INTERVAL=2;BYMONTH=2", "an INTERVAL above 1"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "a BYMONTHDAY that each year has"),
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29", "a BYMONTHDAY that each year has"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY between -31 and 31"),
        ("FREQ=DAILY;BYMONTH=13", "BYMONTH between 1 and 12"),
    ],
)
def test_a_rule_that_cannot_be_followed_says_what_was_expected(rule: str, message: str) -> None:
    with pytest.raises(RecurrenceError, match=message):
        Recurrence(rule, None, SATURDAY)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31",
        "FREQ=DAILY;BYDAY=MO;BYMONTH=2;BYMONTHDAY=28",
        "FREQ=YEARLY;INTERVAL=28;BYDAY=FR;BYMONTH=1;BYMONTHDAY=13",
        "FREQ=MONTHLY;INTERVAL=24;BYDAY=FR;BYMONTHDAY=13",
        "FREQ=WEEKLY;INTERVAL=1000;BYMONTH=2;BYDAY=MO",
        "FREQ=MONTHLY;BYMONTH=2;BYDAY=4MO",
        "FREQ=YEARLY;INTERVAL=1000",
    ],
)
def test_the_next_beginning_of_the_rarest_rules_is_found_soon(rule: str) -> None:
    recurrence = Recurrence(rule, None, SATURDAY)
    begun = time.process_time()
    recurrence.next_ms(SATURDAY)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "a\0b"])
def test_a_time_zone_is_one_of_the_database(name: str) -> None:
    with pytest.raises(RecurrenceError, match="IANA time zone database"):
        zone(name)
