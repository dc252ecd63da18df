"""What was: entries of the observation log as they lie in the past, and configuration as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.ids import TenantId
from vedette.domain.observations import Logged
from vedette.ports.unit import Write


class PastObservations(Protocol):
    """The log, read for one check at a time."""

    async def between(self, check_id: str, from_ms: int, to_ms: int, after: int, limit: int) -> Sequence[Logged]:
        """The check's observations and the turns of zones with `from_ms <= arrival < to_ms`, in the order of the log.

        No check (the empty text): turns of zones alone. `after` is the `seq` of the last entry of the page before, 0
        for the first page. Fewer than `limit` entries are the last ones.
        """
        ...

    async def of_agents(self, from_ms: int, to_ms: int) -> Sequence[Logged]:
        """Ticks, and all agents' connects, closings and fetches, of a short stretch, in the order of the log."""
        ...


class Revision(msgspec.Struct, frozen=True):
    """A configuration object as it was from its `updated_at` up to, but not including, `until_ms`."""

    document: Document  # without secrets
    until_ms: int


class Revisions(Protocol):
    """Entities, checks, alarms, plans and suppressions as they were before they were changed or removed.

    Written by `Documents.update` and `Documents.remove`, in the transaction of the change.
    """

    async def of(self, tenant_id: TenantId, ids: Sequence[str], from_ms: int, limit: int) -> Sequence[Revision]:
        """Those of the objects that held at or after `from_ms`, the newest first."""
        ...

    async def of_kind(self, tenant_id: TenantId, kind: Kind, from_ms: int, limit: int) -> Sequence[Revision]:
        """The same of all objects of a kind, those that are no more included."""
        ...

    def forget_before(self, until_ms: int, limit: int) -> Write:
        """Those that were superseded before a moment."""
        ...
