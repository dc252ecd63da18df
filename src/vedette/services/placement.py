"""Which collector of a zone probes a check.

Every process works it out for itself and comes to the same: of the collectors that may, the one whose name, hashed with
the check's id, comes highest. So the checks are spread evenly, and when a collector goes or comes only those move that
it had or gets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec


class Member(msgspec.Struct, frozen=True, order=True):
    """A collector of a zone, as it stands."""

    key: str  # its name: the same in every process of ours
    types: frozenset[str]  # the check types it runs
    is_blind: bool = False


class Placement:
    """Of one zone, with the members it was made with."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.members = tuple(sorted(members, key=lambda member: member.key))
        self._seeds = {member.key: hashlib.blake2b(member.key.encode(), digest_size=8) for member in self.members}
        self._by_type: dict[str, Sequence[str]] = {}

    def owner(self, check_id: str, check_type: str) -> str | None:
        """The key of the member that probes the check; None when none can."""
        keys = self._able(check_type)
        if len(keys) < 2:
            return keys[0] if keys else None
        name = check_id.encode()
        return max(keys, key=lambda key: self._rank(key, name))

    def _able(self, check_type: str) -> Sequence[str]:
        """Those that see; where all are blind, all: what they report says so."""
        found = self._by_type.get(check_type)
        if found is None:
            able = [member for member in self.members if check_type in member.types]
            seeing = [member for member in able if not member.is_blind]
            found = self._by_type[check_type] = [member.key for member in seeing or able]
        return found

    def _rank(self, key: str, name: bytes) -> bytes:
        ranked = self._seeds[key].copy()
        ranked.update(name)
        return ranked.digest()
