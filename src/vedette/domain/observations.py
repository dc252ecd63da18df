"""Observations: what one zone or agent reported for a check at a time."""

from __future__ import annotations

import msgspec

from vedette.domain.happenings import Happening
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One result of one check from one place.

    `at_ms` is the sender's own timestamp (corrected for its clock), taken when the probe ended; `arrival_ms` is our
    clock and stays with the observation in the log, so that a replay decides the same.
    """

    tenant_id: TenantId
    entity_id: EntityId
    check_id: CheckId
    check_type: str
    zone_id: ZoneId | None  # None for an agent's
    agent_id: AgentId | None  # None for a collector's
    sender: str  # the process that sent it: part of what makes a duplicate
    check_revision: int  # the revision of the check it was made under; 0 when the sender cannot say
    at_ms: int
    arrival_ms: int
    available: bool
    status: str  # at most 256 characters
    metrics: dict[str, Metric]
    target: str | None = None  # the address that was asked
    is_blind: bool = False  # the collector could not see its canaries
    buffers: bool = False  # the sender stores and forwards (feature `vedette.buffer`): `at_ms` counts as its time
    took_ms: int | None = None  # how long the probe took: it began so long before `at_ms`; None: the sender cannot say
    round_id: str = ""  # of the confirm round that asked for the probe; empty where the schedule did

    @property
    def place(self) -> str:
        """The zone, or for an agent's observation the empty text: the key of votes and runs."""
        return self.zone_id or ""


Entry = Observation | Happening
"""What the observation log holds."""


class Logged(msgspec.Struct, frozen=True):
    """An entry of the durable log, with its place there: evaluation reads by this cursor."""

    seq: int
    entry: Entry
