"""Our own collector's side of a two-phase delivery of checks (wire protocol, 8.2): what it answers, and what it runs.

A preparation is one version's manifest and the definitions that have come for it. The newest replaces one that is open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from vedette.wire.envelope import Request
from vedette.wire.messages import read_params
from vedette.wire.poller import BLOCK, COMMIT, END, PREPARE, Action, Directive, PolledCheck, Status

BLOCK_LIMIT_MS = 60_000
"""From the preparation, and from each block, to the next block or the end."""


class _Entry(msgspec.Struct, frozen=True):
    action: str
    check_id: str


class _Prepare(msgspec.Struct, frozen=True):
    version: int
    manifest: tuple[_Entry, ...]
    zone_id: str = ""


class _Block(msgspec.Struct, frozen=True):
    version: int
    block: tuple[PolledCheck, ...]


class _End(msgspec.Struct, frozen=True):
    version: int
    directive: str
    zone_id: str = ""


class _Commit(msgspec.Struct, frozen=True):
    version: int
    zone_id: str = ""


_prepare = msgspec.json.Decoder(_Prepare)
_block = msgspec.json.Decoder(_Block)
_end = msgspec.json.Decoder(_End)
_commit = msgspec.json.Decoder(_Commit)


class Reply(msgspec.Struct, frozen=True):
    """What is to be answered to which request."""

    request: Request
    result: Mapping[str, Any]


class _Open(msgspec.Struct, frozen=True, kw_only=True):
    request: Request  # answered at the end
    zone_id: str
    version: int
    actions: Mapping[str, str]  # check id -> action
    defined: Mapping[str, PolledCheck] = {}
    until_ms: int | None  # None once it is prepared: then it waits for the commit as long as need be


class Preparing:
    """Of one connection. `running` is what was committed last, over all connections; its owner keeps it up to date."""

    def __init__(self, running: Mapping[str, PolledCheck]) -> None:
        self.running = running
        self._open: _Open | None = None

    def takes(self, method: str) -> bool:
        return method in _ON

    def take(self, request: Request, now_ms: int) -> list[Reply]:
        """What to answer now; `running` is another mapping after a commit. Raises `MalformedMessage`."""
        return _ON[request.method](self, request, now_ms)

    @property
    def deadline_ms(self) -> int | None:
        return None if self._open is None else self._open.until_ms

    def tick(self, now_ms: int) -> list[Reply]:
        """Gives up what has waited too long for its end."""
        found = self._open
        if found is None or found.until_ms is None or found.until_ms > now_ms:
            return []
        self._open = None
        return [_failed(found, "timer expired")]

    def _on_prepare(self, request: Request, now_ms: int) -> list[Reply]:
        asked = read_params(_prepare, request.params)
        if asked.version <= 0:
            return [_reply(request, asked, Status.IGNORED, "version older than newest committed")]
        before = self._open
        if before is not None and asked.version < before.version:
            return [_reply(request, asked, Status.IGNORED, "version older than active preparation")]
        superseded = before is not None and asked.version > before.version
        replies = [_reply(before.request, before, Status.IGNORED, "superseded")] if before and superseded else []
        self._open = None
        problem = next(filter(None, map(self._wrong, asked.manifest)), None)
        if problem is not None:
            return [*replies, _reply(request, asked, Status.FAILED, problem)]
        self._open = _Open(
            request=request,
            zone_id=asked.zone_id,
            version=asked.version,
            actions={entry.check_id: entry.action for entry in asked.manifest},
            until_ms=now_ms + BLOCK_LIMIT_MS,
        )
        return replies

    def _wrong(self, entry: _Entry) -> str | None:
        if entry.action not in set(Action):
            return f"{entry.check_id}: unknown action {entry.action[:32]}"
        if entry.action != Action.START and entry.check_id not in self.running:
            return f"{entry.check_id}: not running"
        return None

    def _on_block(self, request: Request, now_ms: int) -> list[Reply]:
        asked, found = read_params(_block, request.params), self._open
        if found is not None and found.version == asked.version and found.until_ms is not None:
            defined = {**found.defined, **{check.id: check for check in asked.block}}
            self._open = msgspec.structs.replace(found, defined=defined, until_ms=now_ms + BLOCK_LIMIT_MS)
        return []

    def _on_end(self, request: Request, now_ms: int) -> list[Reply]:
        asked, found = read_params(_end, request.params), self._open
        if found is None:
            return [_reply(request, asked, Status.FAILED, "no active preparation")]
        if found.version != asked.version:
            return [_failed(found, "wrong version")]
        if asked.directive == Directive.ABORT:
            self._open = None
            return [_reply(found.request, found, Status.ABORTED, "")]
        problem = _incomplete(found, asked.directive)
        if problem is not None:
            return [_failed(found, problem)]
        self._open = msgspec.structs.replace(found, until_ms=None)
        return [_reply(found.request, found, Status.PREPARED, "")]

    def _on_commit(self, request: Request, now_ms: int) -> list[Reply]:
        asked, found = read_params(_commit, request.params), self._open
        if found is None or found.version != asked.version or found.until_ms is not None:
            return [_reply(request, asked, Status.IGNORED, "non-applicable version")]
        self.running = {key: found.defined.get(key) or self.running[key] for key in found.actions}
        self._open = None
        return [_reply(request, asked, Status.COMMITTED, "")]


def _incomplete(found: _Open, directive: str) -> str | None:
    if directive != Directive.PREPARE:
        return f"unknown directive {directive[:32]}"
    needed = {key for key, action in found.actions.items() if action != Action.CONTINUE}
    undeclared, undefined = found.defined.keys() - found.actions.keys(), needed - found.defined.keys()
    if undeclared:
        return f"{min(undeclared)}: defined but not declared"
    return f"{min(undefined)}: declared but not defined" if undefined else None


def _failed(found: _Open, details: str) -> Reply:
    return _reply(found.request, found, Status.FAILED, details)


def _reply(request: Request, about: _Prepare | _End | _Commit | _Open, status: Status, details: str) -> Reply:
    result = {"zone_id": about.zone_id, "version": about.version, "status": str(status), "details": details}
    return Reply(request, result)


_ON: Mapping[str, Callable[[Preparing, Request, int], list[Reply]]] = MappingProxyType(
    {
        PREPARE: Preparing._on_prepare,  # noqa: SLF001 - the table belongs to the class
        BLOCK: Preparing._on_block,  # noqa: SLF001
        END: Preparing._on_end,  # noqa: SLF001
        COMMIT: Preparing._on_commit,  # noqa: SLF001
    }
)
