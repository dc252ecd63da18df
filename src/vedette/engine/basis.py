"""What votes and runs were made under, and whether they still hold.

Changing the criteria, or the check's details, target or period, or the entity's agent, or enabling check or alarm,
clears votes and runs. The first ones show in a digest. Enabling does not: a disabled alarm is not evaluated, so nobody
notes in its state that it was disabled. Revisions tell it: they grow by one at each change, so a single step between
two enabled revisions was no enabling, while a longer one may hide a disabled revision and counts as an enabling.
"""

from __future__ import annotations

import hashlib

import msgspec


class Basis(msgspec.Struct, frozen=True):
    """What votes and runs would be made under now; see `basis`."""

    digest: str
    text: str  # as kept in `AlarmState.basis`
    check_since: int  # the lowest revision since which the check is known to have been enabled without a break
    alarm_since: int  # the same of the alarm
    also: tuple[str, ...] = ()  # other digests of the same, where the check has secrets and there are several keys


class Revision(msgspec.Struct, frozen=True):
    """An enabled object's revision, and the lowest one since which it is known to have been enabled without a break."""

    number: int
    since: int


def basis(digest: str, check: Revision, alarm: Revision, also: tuple[str, ...] = ()) -> Basis:
    """The basis of an alarm; `digest` is over its criteria and the check's details, target, period and agent."""
    return Basis(digest, f"{digest}.{check.number}.{alarm.number}", check.since, alarm.since, also)


def digest(*parts: object) -> str:
    """A short digest of plain values (text, numbers, lists, objects), the same for equal ones."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]


def still_holds(kept: str, now: Basis) -> bool:
    """Whether votes and runs made under the text `kept` may go on under `now`."""
    if kept == now.text:
        return True
    found, check_revision, alarm_revision = _parse(kept)
    is_same = found == now.digest or found in now.also
    return is_same and check_revision >= now.check_since - 1 and alarm_revision >= now.alarm_since - 1


def enabled_revision(known: Revision | None, number: int) -> Revision:
    """The revision of an enabled object; `known` is the one last seen enabled, None when there is none."""
    if known is not None and number - known.number <= 1:
        return Revision(number, known.since)
    return Revision(number, number)


def _parse(text: str) -> tuple[str, int, int]:
    found, _, revisions = text.partition(".")
    check_revision, _, alarm_revision = revisions.partition(".")
    return found, int(check_revision or 0), int(alarm_revision or 0)
