"""The poller half of the protocol: what a server hands to collectors, and what these report (wire protocol, 8).

A collector does not ask for its checks; the complete list is pushed to it in two phases: `poller.prepare` with the ids,
`poller.prepare.block`s with the definitions, `poller.prepare.end`, and once it is prepared `poller.commit`.
`deliveries` decides what is sent when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from vedette.domain.metrics import Metric
from vedette.wire.envelope import DECODE_ERRORS, MalformedMessage, Request
from vedette.wire.messages import LONGEST_STATUS, Hello, Post, Revision, read_params
from vedette.wire.metrics import Pair, metrics_of, timestamp_ms, wire_metric

POLLER = "poller"
"""Feature: what collectors of every make declare."""
SIGHT = "vedette.sight"
"""Feature: heartbeats say by `blind` whether the collector sees its canaries."""
PROBES = "vedette.probe."
"""Features that begin so name a check type that the collector runs: `vedette.probe.remote.http`."""
STOCK_TYPES = frozenset({"remote.http", "remote.tcp", "remote.ping"})
"""What a collector runs that declares no type."""

CONFIRM = "vedette.confirm"
"""Feature and method: the collector probes a check once more when it is asked to, beside its schedule."""
POST_MULTI = "check_metrics.post_multi"
PREPARE = "poller.prepare"
BLOCK = "poller.prepare.block"
END = "poller.prepare.end"
COMMIT = "poller.commit"
METHODS = frozenset({PREPARE, BLOCK, END, COMMIT})
LONGEST_TARGET = 255
LONGEST_ROUND = 64
LONGEST_TOOK_MS = 3_600_000


class Action(StrEnum):
    """What a manifest says of a check."""

    START = "start"  # new; where it runs already it begins anew
    RESTART = "restart"  # runs, under another definition
    CONTINUE = "continue"  # runs and stays as it is: needs no definition


class Directive(StrEnum):
    """How a preparation ends."""

    PREPARE = "prepare"
    ABORT = "abort"


class Status(StrEnum):
    """What a collector answers to `poller.prepare` and `poller.commit`."""

    PREPARED = "prepared"
    ABORTED = "aborted"
    FAILED = "failed"
    IGNORED = "ignored"
    COMMITTED = "committed"


class PolledCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A check as handed to a collector. Every member but the last is always there: stock pollers need them."""

    id: str
    check_id: str  # the same: captured blocks have both
    type: str
    entity_id: str
    zone_id: str
    period: int  # seconds
    timeout: int  # seconds, never 0
    disabled: bool
    ip_addresses: Mapping[str, str]  # alias -> address
    target_alias: str | None  # a key of `ip_addresses`; wins over the next
    target_hostname: str | None
    target_resolver: str | None
    details: Mapping[str, Any]  # never null, defaults filled in
    revision: int | None = None  # only for collectors that give it back


class CollectorPost(msgspec.Struct, frozen=True, kw_only=True):
    """One result of one check, as a collector reports it. What only ours say has a default."""

    post: Post
    took_ms: int | None = None  # how long its probe took
    round_id: str = ""  # of the confirm round that it was made for
    is_blind: bool = False
    target: str | None = None  # the address that was asked


class ManifestEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One check of a manifest; `id` is what the published document calls `check_id`."""

    action: Action
    id: str
    check_id: str
    type: str
    entity_id: str
    zone_id: str


class Verdict(msgspec.Struct, frozen=True):
    """The answer to a preparation or a commit."""

    status: str | None = None
    version: int | None = None
    details: str | None = None


class ConfirmParams(msgspec.Struct, frozen=True):
    """`vedette.confirm`: probe this check once, in so many milliseconds at the soonest."""

    check_id: str
    round_id: str
    in_ms: int = 0


class _MultiParams(msgspec.Struct, frozen=True):
    check_id: str
    check_type: str | None = None
    state: str | None = None
    status: str | None = None
    metrics: list[Pair] | None = None
    timestamp: int | float | str | None = None
    check_revision: Revision = 0
    took: int | None = None
    round: str = ""
    blind: bool = False
    target: str | None = None


class _HeartbeatParams(msgspec.Struct, frozen=True):
    timestamp: int | float | str | None = None
    blind: bool | None = None


class _TestParams(msgspec.Struct, frozen=True):
    checkParams: str  # noqa: N815 - the protocol's name


_check = msgspec.json.Decoder(PolledCheck)
_test = msgspec.json.Decoder(_TestParams)
_heartbeat = msgspec.json.Decoder(_HeartbeatParams)
_multi = msgspec.json.Decoder(_MultiParams)
_verdict = msgspec.json.Decoder(Verdict)


def is_poller(hello: Hello) -> bool:
    """Whether the peer is a collector; its `agent_name` says nothing."""
    return bool(hello.zone_ids) or POLLER in hello.features


def runs(features: Iterable[str]) -> frozenset[str]:
    """The check types that a collector with these features runs."""
    declared = frozenset(name.removeprefix(PROBES) for name in features if name.startswith(PROBES))
    return declared or STOCK_TYPES


def heartbeat_of(request: Request) -> tuple[int | None, bool]:
    """The peer's clock in milliseconds, None when it did not say, and whether it is blind."""
    params = read_params(_heartbeat, request.params)
    return timestamp_ms(params.timestamp), bool(params.blind)


def collector_post_of(request: Request) -> CollectorPost:
    """The params of `check_metrics.post_multi`: one result, for all its name. Raises `MalformedMessage`."""
    params = read_params(_multi, request.params)
    post = Post(
        check_id=params.check_id,
        check_type=params.check_type or "",
        available=(params.state or "available") == "available",
        status=(params.status or "")[:LONGEST_STATUS],
        timestamp_ms=timestamp_ms(params.timestamp),
        metrics=metrics_of(params.metrics or []),
        check_revision=params.check_revision,
    )
    target = params.target[:LONGEST_TARGET] if params.target else None
    return CollectorPost(
        post=post,
        took_ms=None if params.took is None else min(max(params.took, 0), LONGEST_TOOK_MS),
        round_id=params.round[:LONGEST_ROUND],
        is_blind=params.blind,
        target=target,
    )


def verdict_of(result: bytes | None) -> Verdict:
    """Raises `MalformedMessage`."""
    try:
        return _verdict.decode(result or b"null")
    except DECODE_ERRORS as error:
        raise MalformedMessage(f"result: {error}"[:300]) from None


def check_of_test(request: Request) -> PolledCheck:
    """The check of a `check.test`: a text that holds JSON. Raises `MalformedMessage`."""
    return read_params(_check, read_params(_test, request.params).checkParams.encode())


def trial_result(metrics: Mapping[str, Metric], status: str, *, is_available: bool) -> dict[str, Any]:
    """What a `check.test` is answered with."""
    return {
        "state": "available" if is_available else "unavailable",
        "status": status[:LONGEST_STATUS],
        "metrics": [[None, {name: wire_metric(metric) for name, metric in metrics.items()}]],
    }


def reported(observed: CollectorPost) -> dict[str, Any]:
    """The params of a `check_metrics.post_multi` of ours."""
    post = observed.post
    return {
        "check_id": post.check_id,
        "check_type": post.check_type,
        "state": "available" if post.available else "unavailable",
        "status": post.status[:LONGEST_STATUS],
        "timestamp": post.timestamp_ms,
        "metrics": [[None, {name: wire_metric(metric) for name, metric in post.metrics.items()}]],
        "check_revision": post.check_revision,
        "took": observed.took_ms,
        "round": observed.round_id,
        "blind": observed.is_blind,
        "target": observed.target,
    }


def prepare_params(zone_id: str, version: int, manifest: Sequence[tuple[Action, PolledCheck]]) -> dict[str, Any]:
    """`poller.prepare`: every check of the list, with what is to become of it."""
    entries = [
        ManifestEntry(
            action=action, id=check.id, check_id=check.id, type=check.type, entity_id=check.entity_id,
            zone_id=check.zone_id,
        )
        for action, check in manifest
    ]  # fmt: skip
    return {"zone_id": zone_id, "version": version, "manifest": entries}


def block_params(zone_id: str, version: int, block: Sequence[PolledCheck]) -> dict[str, Any]:
    """`poller.prepare.block`: some of the definitions that the manifest calls for."""
    return {"zone_id": zone_id, "version": version, "block": block}


def end_params(zone_id: str, version: int) -> dict[str, Any]:
    """`poller.prepare.end`; never an abort, which kills a poller that prepares nothing."""
    return {"zone_id": zone_id, "version": version, "directive": Directive.PREPARE}


def commit_params(zone_id: str, version: int) -> dict[str, Any]:
    """`poller.commit`; only after `prepared`."""
    return {"zone_id": zone_id, "version": version}
