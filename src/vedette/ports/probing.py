"""Remote checks: what a collector runs and what comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Protocol

import msgspec

from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation

Address = IPv4Address | IPv6Address


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A remote check as one zone's collector gets it: complete, targets already looked up by alias."""

    tenant_id: TenantId
    entity_id: EntityId
    check_id: CheckId
    check_type: str
    revision: int
    period_s: int
    timeout_s: int
    target: str | None  # host name or address; None when the details name it (`url`)
    resolver: str | None  # `IPv4`, `IPv6` or None for either
    details: Mapping[str, Any]  # validated, defaults filled in, secrets opened
    alias: str | None = None  # what the entity calls the target, where the check does


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one probe saw."""

    available: bool
    status: str  # at most 256 characters
    metrics: dict[str, Metric] = {}
    target: str | None = None  # the address that was asked


class EgressDenied(Exception):
    """The zone's egress policy forbids the address; told as `prevented by ACL 'global'`."""


class Resolve(Protocol):
    """Host name or literal -> the addresses that may be connected to, under the zone's egress policy.

    Raises `EgressDenied` when there are addresses and every one is forbidden, `OSError` when there is none.
    """

    async def __call__(self, host: str, port: int, resolver: str | None) -> Sequence[Address]: ...


Probe = Callable[[Assignment], Awaitable[ProbeResult]]
"""One execution of a remote check; never raises for what the target does. Keeps `timeout_s` itself."""

ProbeFrom = Callable[[str, Assignment], Awaitable[ProbeResult]]
"""One execution of a remote check from a zone, beside its schedule.

Raises `notImplementedError` where nobody can run it, `systemFailureError` when this process has run out of files,
memory or ports."""


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A probe beside the schedule, for a confirm round; its observation carries the round's id."""

    check_id: CheckId
    round_id: str
    in_ms: int  # from now: it may begin no sooner


AskToConfirm = Callable[[ZoneId, Confirmation], None]
"""Asks the collector that runs the check in a zone. Best effort: a zone that does not hear of it does not answer, and
the round has an end. The same may be asked again; it is probed once."""

Report = Callable[[Sequence[Observation]], Awaitable[None]]
"""Hands observations to the server; returns when they are durable. Raises when they are not: report them again."""


class Collector(Protocol):
    """Runs the remote checks of one zone."""

    zone_id: ZoneId

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """The complete list; what did not change keeps its rhythm."""
        ...

    def put(self, assignment: Assignment) -> None: ...

    def drop(self, check_id: CheckId) -> None: ...

    def confirm(self, asked: Confirmation) -> None:
        """Probes once beside the schedule; nothing happens for a check that is not run here."""
        ...
