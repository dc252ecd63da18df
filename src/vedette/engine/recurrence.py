"""Recurring windows: RFC 5545 recurrence rules, as far as they can be followed in bounded time.

A rule is a tenant's text, and a rule that never occurs (the 30th of February) would be searched for until the end of
the calendar. So only rules are taken of which it is plain that they go on occurring: days, weeks, months and years,
filtered by month, day of the month and weekday.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

MOST_OCCURRENCES = 1000
"""The highest COUNT."""

_parts = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY"})
_frequencies = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_days_of_month = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # that every year has
_weekday = re.compile(r"[+-]?[1-4]?(?:MO|TU|WE|TH|FR|SA|SU)")
_until = re.compile(r"(\d{8})(?:T(\d{6})Z?)?", re.ASCII)


class RecurrenceError(Exception):
    """A rule or a time zone that is not taken; says what was expected."""


class Recurrence:
    """The moments at which a window begins, the first one included."""

    def __init__(self, rule: str, timezone: str | None, first_ms: int) -> None:
        """`rule` without `RRULE:`, `timezone` an IANA name (UTC without one). Raises `RecurrenceError`."""
        self._zone = zone(timezone)
        self._first = datetime.fromtimestamp(first_ms // 1000, self._zone).replace(tzinfo=None)
        self._rest_ms = first_ms % 1000
        self._first_ms = first_ms
        self._rule = self._made(_read(rule))

    def last_ms(self, at_ms: int) -> int | None:
        """The latest beginning that is not after a moment, None before the first one."""
        if at_ms < self._first_ms:
            return None
        found = self._rule.before(self._local(at_ms), inc=True)
        while found is not None and (began := self._ms(found)) > at_ms:  # where the clock was put back
            found = self._rule.before(found)
        return self._first_ms if found is None else max(began, self._first_ms)

    def next_ms(self, at_ms: int) -> int | None:
        """The earliest beginning after a moment, None after the last one."""
        if at_ms < self._first_ms:
            return self._first_ms
        found = self._rule.after(self._local(at_ms) - timedelta(hours=3), inc=True)
        while found is not None and (begins := self._ms(found)) <= at_ms:
            found = self._rule.after(found)
        return None if found is None else begins

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms // 1000, self._zone).replace(tzinfo=None)

    def _ms(self, local: datetime) -> int:
        return int(local.replace(tzinfo=self._zone).timestamp()) * 1000 + self._rest_ms

    def _made(self, parts: Mapping[str, str]) -> rrule:
        _check_values(parts, self._first)
        text = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
        try:
            made = rrulestr(text, dtstart=self._first, cache=True)
        except (ValueError, KeyError, IndexError) as error:
            raise RecurrenceError("Expected a recurrence rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=SA") from error
        if not isinstance(made, rrule):
            raise RecurrenceError("Expected one recurrence rule")
        return made.replace(until=self._read_until(parts["UNTIL"])) if "UNTIL" in parts else made

    def _read_until(self, text: str) -> datetime:
        """A date ends with its day; a time that ends in `Z` is UTC."""
        found = _until.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            moment = datetime.strptime(found[1] + (found[2] or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - local time
            if text.endswith("Z"):
                moment = moment.replace(tzinfo=UTC).astimezone(self._zone).replace(tzinfo=None)
        except (ValueError, OverflowError):
            raise RecurrenceError("Expected UNTIL to be a date or a time such as 20301231T235959Z") from None
        return moment


def zone(name: str | None) -> ZoneInfo:
    """Raises `RecurrenceError` when there is no such time zone."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RecurrenceError("Expected a name of the IANA time zone database, such as Europe/London") from None


def _read(rule: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in rule.upper().split(";"):
        name, _, value = part.partition("=")
        if name not in _parts or name in parts or not value:
            raise RecurrenceError(f"Expected each of these once at most: {', '.join(sorted(_parts))}")
        parts[name] = value
    return parts


def _check_values(parts: Mapping[str, str], first: datetime) -> None:
    if parts.get("FREQ") not in _frequencies:
        raise RecurrenceError(f"Expected FREQ to be one of {', '.join(sorted(_frequencies))}")
    interval, _ = _number(parts, "INTERVAL", 1, 1000), _number(parts, "COUNT", 1, MOST_OCCURRENCES)
    if "COUNT" in parts and "UNTIL" in parts:
        raise RecurrenceError("Expected COUNT or UNTIL, not both")
    weekdays = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    if not all(_weekday.fullmatch(weekday) for weekday in weekdays):
        raise RecurrenceError("Expected BYDAY to hold weekdays such as MO, with 1 to 4 or -1 to -4 before them")
    _check_that_it_occurs(parts, interval, any(len(weekday) > 2 for weekday in weekdays), first)


def _check_that_it_occurs(parts: Mapping[str, str], interval: int, has_ordinals: bool, first: datetime) -> None:  # noqa: FBT001
    frequency = parts["FREQ"]
    months = _numbers(parts, "BYMONTH", 1, 12)
    days = [abs(day) for day in _numbers(parts, "BYMONTHDAY", -31, 31)]
    if frequency == "DAILY" and interval > 1 and (months or days or "BYDAY" in parts):
        raise RecurrenceError("Expected no BYMONTH, BYMONTHDAY or BYDAY with FREQ=DAILY and an INTERVAL above 1")
    if frequency == "MONTHLY" and interval > 1 and months:
        raise RecurrenceError("Expected no BYMONTH with FREQ=MONTHLY and an INTERVAL above 1")
    if has_ordinals and (frequency in {"DAILY", "WEEKLY"} or days):
        raise RecurrenceError("Expected numbered weekdays with FREQ=MONTHLY or YEARLY only, and without BYMONTHDAY")
    if days and frequency == "WEEKLY":
        raise RecurrenceError("Expected no BYMONTHDAY with FREQ=WEEKLY")
    in_step = [first.month] if frequency == "MONTHLY" and interval > 1 else range(1, 13)
    if days and not any(0 < day <= _days_of_month[month] for day in days for month in months or in_step):
        raise RecurrenceError("Expected a BYMONTHDAY that each year has in one of the months")


def _number(parts: Mapping[str, str], name: str, low: int, high: int) -> int:
    found = _numbers(parts, name, low, high)
    if len(found) > 1:
        raise RecurrenceError(f"Expected one {name}")
    return found[0] if found else 1


def _numbers(parts: Mapping[str, str], name: str, low: int, high: int) -> list[int]:
    if name not in parts:
        return []
    texts = parts[name].split(",")
    if not all(re.fullmatch(r"[+-]?\d{1,4}", text, re.ASCII) for text in texts):
        raise RecurrenceError(f"Expected {name} to be made of numbers")
    found = [int(text) for text in texts]
    if not all(low <= number <= high and number for number in found):
        raise RecurrenceError(f"Expected {name} between {low} and {high}")
    return found
