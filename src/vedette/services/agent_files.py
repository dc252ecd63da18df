"""Checks and alarms that an agent's host defines in files (reference: agent configuration files; wire, section 15).

What a file says is made, changed and removed as through the API, with the same validation and audit. What people made
is never touched; what they changed of a file's objects is restored at the next upload.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault
from vedette.domain.ids import Entropy, TenantId
from vedette.domain.principals import Principal
from vedette.ports.documents import Documents, Filter
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Conflict
from vedette.services.definitions import Defined, Definition, DefinitionError, Place, read
from vedette.services.documents import DocumentService, origin_of
from vedette.services.requests import AuditDraft, Origin, Request

MOST_FILES = 256
_PAGE = 1000
_LONGEST_PROBLEM = 500
_HASH_DIGITS = 40
_KEY = re.compile(r"for key '([^']+)'")
_encode = msgspec.json.Encoder(order="deterministic").encode


class Uploader(msgspec.Struct, frozen=True, kw_only=True):
    """The agent whose files they are."""

    tenant_id: TenantId
    agent_id: str
    entity_id: str  # bound to it


class FileOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file, a check or an alarm, as the agent is told and logs it."""

    success: bool
    type: str  # file, check, alarm
    location: str  # what was done: `parsing`, `created`, `updated`, `unchanged`, `removed`
    handle: str  # the file's name, or the object's `confd_name`
    err: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class AgentFiles:
    """Applies what agents upload; one upload of an entity at a time."""

    def __init__(
        self, checks: DocumentService, alarms: DocumentService, documents: Documents, keyring: Keyring, entropy: Entropy
    ) -> None:
        self._checks = checks
        self._alarms = alarms
        self._documents = documents
        self._keyring = keyring
        self._entropy = entropy
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._reading = asyncio.Lock()

    async def apply(self, uploader: Uploader, files: Mapping[str, str | None], now_ms: int) -> list[FileOutcome]:
        """Makes the entity's checks and alarms what the files say; a text that is None could not be read on the host.

        What a file defined whose text is not there or not right stays as it is. Raises `StoreUnavailable`.
        """
        async with self._locks.setdefault(uploader.entity_id, asyncio.Lock()):
            upload = _Upload(self._checks, self._alarms, self._documents, self._keyring, uploader)
            upload.request, upload.read = self._request(uploader, now_ms), self._read
            return await upload.apply(files)

    async def _read(self, text: str) -> Defined:
        """Beside the event loop, and one at a time: many would take it away from the loop all the same."""
        async with self._reading:
            return await asyncio.to_thread(read, text)

    def _request(self, uploader: Uploader, now_ms: int) -> Request:
        return Request(
            principal=Principal(
                user_id=uploader.agent_id,
                user_name=f"agent {uploader.agent_id}",
                tenant_id=uploader.tenant_id,
                roles=("monitoring:creator",),
                expires_at=now_ms,
            ),
            tenant_id=uploader.tenant_id,
            now_ms=now_ms,
            transaction_id=self._entropy(12).hex(),
            draft=AuditDraft(
                app="config_file",
                method="POST",
                url=f"/agents/{uploader.agent_id}/config_file.post",
                query=None,
                headers={},
                payload=None,
                who=f"agent {uploader.agent_id}",
                why=None,
            ),
        )


class _Upload:
    """One upload: what is there, what shall be, and what was done."""

    request: Request
    read: Callable[[str], Awaitable[Defined]]

    def __init__(
        self,
        checks: DocumentService,
        alarms: DocumentService,
        documents: Documents,
        keyring: Keyring,
        uploader: Uploader,
    ) -> None:
        self._checks = checks
        self._alarms = alarms
        self._documents = documents
        self._keyring = keyring
        self._uploader = uploader
        self._outcomes: list[FileOutcome] = []
        self._done: set[str] = set()  # ids of objects that are as a file says, or that must stay
        self._of_file: dict[str, list[str]] = defaultdict(list)  # file -> ids of what it made
        self._by_name: dict[str, Document] = {}
        """Of two of one name the first: the other was made by an upload at the same time through another server."""

    async def apply(self, files: Mapping[str, str | None]) -> list[FileOutcome]:
        present = [*await self._made_from_files(Kind.ALARM), *await self._made_from_files(Kind.CHECK)]
        for document in present:
            name = _name_of(document)
            self._of_file[_file_of(name)].append(document.id)
            self._by_name.setdefault(name, document)
        for name in sorted(files)[:MOST_FILES]:
            defined = await self._parsed(name, files[name])
            if defined is None:
                self._keep(name)
            else:
                await self._apply_file(name, defined)
        for name in sorted(files)[MOST_FILES:]:
            self._keep(name)
            self._tell("file", "parsing", name, {"message": f"Expected at most {MOST_FILES} files: not taken"})
        for document in present:
            if document.id not in self._done:
                await self._remove(document)
        return self._outcomes

    async def _made_from_files(self, kind: Kind) -> list[Document]:
        where = Filter(entity_id=self._uploader.entity_id)
        found: list[Document] = []
        marker: str | None = None
        while True:
            page = await self._documents.list(self._uploader.tenant_id, kind, where, marker, _PAGE + 1)
            found += [one for one in page[:_PAGE] if origin_of(one) is not None]
            if len(page) <= _PAGE:
                return found
            marker = page[_PAGE].id

    def _keep(self, file: str) -> None:
        """What it made stays as it is."""
        self._done.update(self._of_file.get(file, ()))

    async def _parsed(self, name: str, text: str | None) -> Defined | None:
        if text is None:
            self._tell("file", "parsing", name, {"message": "The agent could not read the file"})
            return None
        try:
            defined = await self.read(text)
        except DefinitionError as error:
            self._tell("file", "parsing", name, _located(name, error.place, error.message))
            return None
        self._tell("file", "parsing", name)
        return defined

    async def _apply_file(self, name: str, defined: Defined) -> None:
        handle = _encode({"check": "default", "filename": name}).decode()
        before = self._by_name.get(handle)
        check_id = await self._apply_one(self._checks, name, handle, defined.check, before)
        if check_id is None:
            self._keep(name)
            return
        for key, definition in defined.alarms.items():
            handle = _encode({"alarm": key, "filename": name}).decode()
            members = {**definition.members, "check_id": check_id}
            before = self._by_name.get(handle)
            if before is not None and before.check_id != check_id:
                before = None  # it goes with the check that it was made for
            with_check = msgspec.structs.replace(definition, members=members)
            await self._apply_one(self._alarms, name, handle, with_check, before)

    async def _apply_one(
        self, service: DocumentService, file: str, handle: str, definition: Definition, before: Document | None
    ) -> str | None:
        """The object's id, None when it could not be made what the file says."""
        kind = "check" if service is self._checks else "alarm"
        if before is not None and _type_of(before) != definition.members.get("type", _type_of(before)):
            before = None  # another type is another check; the old one goes in the end
        if before is not None:
            self._done.add(before.id)
        hashes = [index.hex()[:_HASH_DIGITS] for index in self._keyring.indexes("confd", _text_of(definition))]
        origin = None if before is None else origin_of(before)
        if before is not None and origin is not None and origin.hash in hashes:
            self._tell(kind, "unchanged", handle)
            return before.id
        request = msgspec.structs.replace(self.request, origin=Origin(handle, hashes[0]))
        try:
            key, ignored = await self._put(service, request, definition, before)
        except (Fault, Conflict) as error:
            doing = "creating" if before is None else "updating"
            self._tell(kind, doing, handle, _problem(file, definition, error))
            return None
        self._tell(kind, "created" if before is None else "updated", handle)
        for member in ignored:
            place = definition.place_of(member)
            self._tell(
                "file", "parsing", file, _located(file, place, f"{member} is not a member of {kind}s: not taken")
            )
        return key

    async def _put(
        self, service: DocumentService, request: Request, definition: Definition, before: Document | None
    ) -> tuple[str, tuple[str, ...]]:
        entity_id = self._uploader.entity_id
        if before is None:
            created = await service.create(request, definition.members, entity_id)
            self._done.add(created.id)
            return created.id, created.ignored
        # The file is the whole definition: what it does not name is as if never set.
        absent = {one.name: None for one in service.resource.attributes}
        changed = await service.update(request, before.id, absent | definition.members, entity_id)
        return changed.id, changed.ignored

    async def _remove(self, document: Document) -> None:
        is_check = document.kind is Kind.CHECK
        kind, handle = ("check" if is_check else "alarm"), _name_of(document)
        service = self._checks if is_check else self._alarms
        try:
            await service.remove(self.request, document.id, self._uploader.entity_id)
        except (Fault, Conflict) as error:
            self._tell(kind, "removing", handle, {"message": _text(error)})
            return
        self._tell(kind, "removed", handle)

    def _tell(self, type: str, location: str, handle: str, err: dict[str, Any] | None = None) -> None:
        shown = msgspec.UNSET if err is None else err
        outcome = FileOutcome(success=err is None, type=type, location=location, handle=handle, err=shown)
        self._outcomes.append(outcome)


def _name_of(document: Document) -> str:
    origin = origin_of(document)
    return "" if origin is None else origin.name


class _Name(msgspec.Struct, frozen=True):
    filename: str = ""


def _file_of(name: str) -> str:
    return msgspec.json.decode(name, type=_Name).filename


class _Type(msgspec.Struct, frozen=True):
    type: str | None = None


def _type_of(document: Document) -> str | None:
    return msgspec.json.decode(document.public, type=_Type).type


def _text_of(definition: Definition) -> str:
    """What the hash is of. It is a keyed one, for a check's details may hold a password and the hash is shown."""
    return _encode(definition.members).decode()


def _problem(file: str, definition: Definition, error: Fault | Conflict) -> dict[str, Any]:
    if isinstance(error, Conflict):
        return {"message": f"{file}: it was changed by others meanwhile"}
    if error.kind == "alarmParseError" and isinstance(error.details, Mapping):
        details = error.details
        place = definition.place_in("criteria", details["error_line"], details["error_column"])
        return _located(file, place, f"criteria: {details['message']}")
    return _located(file, definition.place_of(_member_of(error)), _text(error))


def _member_of(fault: Fault) -> str:
    """What of a definition a fault is about; the empty text where it does not say."""
    if fault.kind == "requiredNotFoundError" and isinstance(fault.details, str):
        return next((member for noun, member in _REFERRING.items() if f'"{noun}"' in fault.details), "")
    named = _KEY.search(fault.message)
    return named[1] if named else ""


_REFERRING = {"NotificationPlan": "notification_plan_id", "MonitoringZone": "monitoring_zones_poll"}


def _text(error: Fault | Conflict) -> str:
    if isinstance(error, Conflict):
        return "It was changed by others meanwhile"
    return ": ".join(_parts(error))


def _parts(fault: Fault) -> Iterator[str]:
    yield fault.message
    if isinstance(fault.details, str):
        yield fault.details


def _located(file: str, place: Place, message: str) -> dict[str, Any]:
    text = f"{file}, line {place.line}, column {place.column}: {message}"
    return {"message": text[:_LONGEST_PROBLEM], "line": place.line, "column": place.column}
