"""A creation that its caller gave a key (`Idempotency-Key`) happens once, however often it is asked for in a day."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from vedette.domain.faults import Fault, bad_request
from vedette.ports.repeatable import Repeatable, Repeatables
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict, Write
from vedette.services.audits import Auditor
from vedette.services.requests import Created, Request

REPEATABLE_MS = 24 * 3600 * 1000
_PURPOSE = "repeatable"
_encode = msgspec.json.Encoder(order="deterministic").encode

Create = Callable[[Request], Awaitable[Created]]
"""Creates what a request asks for; answers anew where the request says that it was created before."""


class Keyed(msgspec.Struct, frozen=True):
    """What a caller means by "the same": one key of one user at one address."""

    key: str
    address: str  # the path without the tenant
    body: Mapping[str, Any]


class Once:
    """The record of a creation commits with it: after a crash there are both or neither."""

    def __init__(self, repeatables: Repeatables, commit: Commit, auditor: Auditor, keyring: Keyring) -> None:
        self._repeatables = repeatables
        self._commit = commit
        self._auditor = auditor
        self._keyring = keyring
        self._running: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def run(self, request: Request, keyed: Keyed, create: Create) -> Created:
        """The first answer, made again where this was done before; waits for one that is under way.

        Raises `badRequest` when the key was used for something else. What was refused may be tried again.
        """
        name = _name(request, keyed)
        async with self._running.setdefault(name, asyncio.Lock()):
            found = await self._find(name, request)
            if found is None:
                first = msgspec.structs.replace(request, remember=self._remember(request, name, keyed))
                try:
                    return await create(first)
                except (Conflict, Fault):
                    found = await self._find(name, request)
                    if found is None:
                        raise  # else another process was first
        return await self._again(request, keyed, found, create)

    async def _find(self, name: bytes, request: Request) -> Repeatable | None:
        found = await self._repeatables.find(name)
        return found if found is not None and found.at_ms > request.now_ms - REPEATABLE_MS else None

    def _remember(self, request: Request, name: bytes, keyed: Keyed) -> Callable[[str], Write]:
        def remember(object_id: str) -> Write:
            done = Repeatable(
                name=name,
                tenant_id=request.tenant_id,
                request_index=self._keyring.index(_PURPOSE, _encode(keyed.body).decode()),
                object_id=object_id,
                at_ms=request.now_ms,
            )
            return self._repeatables.add(done, request.now_ms - REPEATABLE_MS)

        return remember

    async def _again(self, request: Request, keyed: Keyed, found: Repeatable, create: Create) -> Created:
        if found.request_index not in self._keyring.indexes(_PURPOSE, _encode(keyed.body).decode()):
            raise bad_request(
                "The Idempotency-Key was used for another request",
                "Expected the same body as then, or a key of its own",
            )
        done = await create(msgspec.structs.replace(request, earlier=found.object_id))
        await self._commit(self._auditor.entry(request, 201))
        return done


def _name(request: Request, keyed: Keyed) -> bytes:
    """Not keyed: it must be the same while the server's keys change, and an address may hold 256 bits of secret."""
    parts = (request.principal.user_id, keyed.address, keyed.key)
    return hashlib.sha256(_encode(parts)).digest()


def gone() -> Fault:
    """What was created cannot be shown again."""
    return bad_request(
        "What this Idempotency-Key has created is gone", "Expected another key for what is to be created anew"
    )
