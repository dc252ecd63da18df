"""Create, read, update and delete of configuration objects: what every resource has in common.

A resource brings its `Rules`: the checks across attributes, and what it refers to. The rest is here once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from vedette.domain.attributes import parse_change, parse_new
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, not_found, parent_not_found
from vedette.domain.ids import Entropy, TenantId, object_id
from vedette.domain.resources import ENTITY, Resource
from vedette.ports.documents import Documents, Filter
from vedette.ports.secrets import Keyring
from vedette.ports.unit import Commit, Conflict, Write
from vedette.services import sealing, shown_suppressions, suppressed_removals
from vedette.services.account import ResourceLimits
from vedette.services.audits import Auditor
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.redaction import redacted_object
from vedette.services.requests import Body, Changed, Created, Origin, Request, Revisions, Shown, expect_revision
from vedette.services.shown_suppressions import Standing

_TRIES = 5
_PAGE = 1000
_LOOK_AGAIN = frozenset({"revision", "referenced", "required", "parent", "id", suppressed_removals.GUARD})


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An object's values after all checks."""

    values: dict[str, Any]  # as shown
    secrets: dict[str, Any] = {}  # details that are sealed
    refs: tuple[str, ...] = ()  # what it refers to, built-in things included
    check_id: str | None = None
    agent_id: str | None = None
    guards: tuple[Write, ...] = ()  # what must hold when it commits


class Rules(Protocol):
    """What is particular to one resource."""

    async def complete(self, request: Request, entity: Document | None, values: dict[str, Any]) -> Draft:
        """Checks across attributes, of a new object or of one as it will be after the change. Raises faults."""
        ...

    async def before_removal(self, request: Request, document: Document) -> tuple[Write, ...]:
        """Guards for a removal; raises when it must not be."""
        ...

    def explain(self, conflict: Conflict, draft: Draft) -> Fault | None:
        """The fault for a guard of its own that did not hold."""
        ...


Settle = Callable[[Request, Mapping[str, Any] | None, Mapping[str, Any]], dict[str, Any]]
"""The values as they are to be, from those before (None for a new object) and those asked for. Raises faults."""


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """What the services of configuration objects share."""

    documents: Documents
    suppressions: KnownSuppressions
    commit: Commit
    auditor: Auditor
    keyring: Keyring
    entropy: Entropy
    limits: ResourceLimits


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list: stored bytes, and the id the next one begins with."""

    items: list[bytes]
    next_marker: str | None


class DocumentService:
    """One resource of the configuration API."""

    def __init__(
        self,
        resource: Resource,
        rules: Rules,
        store: Store,
        built_in: Mapping[str, bytes] = MappingProxyType({}),
        settle: Settle = lambda _request, _before, values: dict(values),
    ) -> None:
        """`built_in`: objects that exist on every account and cannot be changed, as they are shown."""
        self.resource = resource
        self._rules = rules
        self._store = store
        self._built_in = dict(sorted(built_in.items()))
        self._settle = settle

    async def create(self, request: Request, body: Body, entity_id: str | None = None) -> Created:
        """Validates, checks what it refers to, and commits it with its audit entry."""
        attributes = self.resource.attributes_for(body.get("type"))
        if request.earlier is not None:
            return Created(request.earlier, parse_new(attributes, body).ignored)
        entity = await self._parent(request.tenant_id, entity_id)
        parsed = parse_new(attributes, body)
        values = self._settle(request, None, parsed.values)
        for _ in range(_TRIES):
            draft = await self._rules.complete(request, entity, dict(values))
            document = self._document(request, draft, entity_id)
            writes = (
                *await self._limit(request),
                self._store.documents.add(document),
                *request.remembering(document.id),
            )
            if await self._is_done(draft, *writes, self._store.auditor.entry(request, 201)):
                self._suppressions_changed(request)
                return Created(document.id, parsed.ignored)
            entity = await self._parent(request.tenant_id, entity_id)
        raise _busy()

    async def update(
        self, request: Request, key: str, body: Body, entity_id: str | None = None, wanted: Revisions = None
    ) -> Changed:
        """A partial update. One that changes no value is done without writing anything but its audit entry."""
        for _ in range(_TRIES):
            document = await self.find(request.tenant_id, key, entity_id)
            current: dict[str, Any] = msgspec.json.decode(sealing.revealed(self._store.keyring, document))
            attributes = self.resource.attributes_for(body.get("type") or current.get("type"))
            known = self._known(current)
            parsed = parse_change(attributes, body, known, self.resource.exclusive)
            expect_revision(wanted, document.revision)
            entity = await self._parent(request.tenant_id, document.entity_id)
            draft = await self._rules.complete(request, entity, self._settle(request, known, parsed.values))
            audit = self._store.auditor.entry(request, 204, [redacted_object(document.public)])
            after = self._changed(request, document, draft)
            writes = () if after is None else (self._store.documents.update(after, document.revision),)
            if await self._is_done(draft, *writes, audit):
                self._suppressions_changed(request)
                return Changed(document.id, parsed.ignored)
        raise _busy()

    def _known(self, current: Mapping[str, Any]) -> dict[str, Any]:
        return {attribute.name: current.get(attribute.name) for attribute in self.resource.attributes}

    async def remove(self, request: Request, key: str, entity_id: str | None = None, wanted: Revisions = None) -> None:
        """With all that belongs to it, in one transaction."""
        for _ in range(_TRIES):
            document = await self.find(request.tenant_id, key, entity_id)
            expect_revision(wanted, document.revision)
            guards = await self._rules.before_removal(request, document)
            gone = [document, *await self._belonging_to(document)]
            suppressed = await suppressed_removals.without(self._store.documents, request, gone)
            changed = [redacted_object(one.public) for one in (*gone, *suppressed.before)]
            audit = self._store.auditor.entry(request, 204, changed)
            draft = Draft(values={}, guards=(*guards, *suppressed.writes))
            if await self._is_done(draft, self._store.documents.remove(going(document, request)), audit):
                self._store.suppressions.forget(request.tenant_id)  # what it listed may have changed others
                return
        raise _busy()

    async def _belonging_to(self, document: Document) -> list[Document]:
        """What goes with it."""
        if document.kind is Kind.ENTITY:
            where = Filter(entity_id=document.id)
            return [*await self._every(document, Kind.CHECK, where), *await self._every(document, Kind.ALARM, where)]
        if document.kind is Kind.CHECK:
            where = Filter(entity_id=document.entity_id, check_id=document.id)
            return await self._every(document, Kind.ALARM, where)
        return []

    async def _every(self, document: Document, kind: Kind, where: Filter) -> list[Document]:
        found: list[Document] = []
        marker: str | None = None
        while True:
            page = await self._store.documents.list(document.tenant_id, kind, where, marker, _PAGE + 1)
            found += page[:_PAGE]
            if len(page) <= _PAGE:
                return found
            marker = page[_PAGE].id

    async def _is_done(self, draft: Draft, *writes: Write) -> bool:
        """Whether it committed; False when somebody else was first and all is to be looked at again."""
        try:
            await self._store.commit(*draft.guards, *writes)
        except Conflict as conflict:
            fault = self._rules.explain(conflict, draft) or self._limit_fault(conflict)
            if fault is not None:
                raise fault from conflict
            if conflict.guard not in _LOOK_AGAIN:
                raise
            return False
        return True

    def _suppressions_changed(self, request: Request) -> None:
        """So that the next answer of this process shows it; others follow the changes feed."""
        if self.resource.kind is Kind.SUPPRESSION:
            self._store.suppressions.forget(request.tenant_id)

    def _limit_fault(self, conflict: Conflict) -> Fault | None:
        if conflict.guard != "limit":
            return None
        return Fault("limitReached", "Limit has been reached", f"No more {self.resource.plural} can be created")

    async def find(self, tenant_id: TenantId, key: str, entity_id: str | None = None) -> Document:
        """The stored object. Raises `notFoundError`, or `parentNotFoundError` when its entity is none."""
        document = await self._store.documents.find(tenant_id, self.resource.kind, key)
        if document is not None and document.entity_id == entity_id:
            return document
        if key in self._built_in:
            raise Fault("forbiddenError", f"{self.resource.noun} {key} is built in and cannot be changed or removed")
        await self._parent(tenant_id, entity_id)
        raise not_found(self.resource.noun, f"{entity_id}:{key}" if entity_id else key)

    async def show(self, request: Request, key: str, entity_id: str | None = None) -> Shown:
        """What is built in never changes: its revision is 0."""
        if key in self._built_in:
            return Shown(self._built_in[key], 0)
        document = await self.find(request.tenant_id, key, entity_id)
        return Shown(self._shown(request, document, await self._standing(request)), document.revision)

    async def shown(self, request: Request, documents: Sequence[Document]) -> list[bytes]:
        """Stored objects of this resource as this caller may see them."""
        standing = await self._standing(request)
        return [self._shown(request, document, standing) for document in documents]

    async def page(self, request: Request, where: Filter, marker: str | None, limit: int) -> Page:
        await self._parent(request.tenant_id, where.entity_id)
        found = await self._store.documents.list(request.tenant_id, self.resource.kind, where, marker, limit + 1)
        standing = await self._standing(request)
        rows = [(document.id, self._shown(request, document, standing)) for document in found]
        if self._built_in:
            rows = sorted([*rows, *self._built_in_from(where, marker)])
        more = rows[limit][0] if len(rows) > limit else None
        return Page(items=[shown for _, shown in rows[:limit]], next_marker=more)

    def _built_in_from(self, where: Filter, marker: str | None) -> Iterable[tuple[str, bytes]]:
        if where.metadata:  # they have none
            return []
        return [
            (key, shown)
            for key, shown in self._built_in.items()
            if key >= (marker or "")
            and (not where.ids or key in where.ids)
            and (where.label is None or msgspec.json.decode(shown)["label"] == where.label)
        ]

    async def _standing(self, request: Request) -> Standing:
        if not self.resource.is_suppressible:
            return Standing()
        return shown_suppressions.standing(await self._store.suppressions.of(request.tenant_id), request.now_ms)

    def _shown(self, request: Request, document: Document, standing: Standing) -> bytes:
        public = document.public
        if document.secrets is not None and request.sees_secrets:
            public = sealing.revealed(self._store.keyring, document)
        return public[:-1] + shown_suppressions.tail(standing, document) if self.resource.is_suppressible else public

    async def _parent(self, tenant_id: TenantId, entity_id: str | None) -> Document | None:
        if entity_id is None:
            return None
        entity = await self._store.documents.find(tenant_id, Kind.ENTITY, entity_id)
        if entity is None:
            raise parent_not_found(ENTITY.noun, entity_id)
        return entity

    async def _limit(self, request: Request) -> Sequence[Write]:
        most = await self._store.limits.find(request.tenant_id, self.resource.plural)
        if most is None:
            return ()
        return (self._store.documents.below(request.tenant_id, self.resource.kind, most),)

    def _document(self, request: Request, draft: Draft, entity_id: str | None) -> Document:
        key = object_id(self.resource.kind.value, self._store.entropy)
        return Document(
            tenant_id=request.tenant_id,
            kind=self.resource.kind,
            id=key,
            entity_id=entity_id,
            check_id=draft.check_id,
            agent_id=draft.agent_id,
            label=draft.values.get("label") or "",
            refs=draft.refs,
            created_at=request.now_ms,
            updated_at=request.now_ms,
            public=_public(
                self.resource, _About(key, entity_id, request.origin, request.now_ms, request.now_ms), draft.values
            ),
            secrets=sealing.seal(self._store.keyring, key, draft.secrets),
        )

    def _changed(self, request: Request, document: Document, draft: Draft) -> Document | None:
        """The document after the change, None when no value is another one."""
        came_from = origin_of(document)
        about = _About(document.id, document.entity_id, came_from, document.created_at, document.updated_at)
        is_same = _is_same(document.public, _public(self.resource, about, draft.values)) and (
            draft.secrets == sealing.open_secrets(self._store.keyring, document)
        )
        if is_same and request.origin in {None, came_from}:
            return None
        now = max(request.now_ms, document.updated_at)
        # So that the next upload of the file restores what the file says.
        origin = request.origin or (came_from and msgspec.structs.replace(came_from, hash=CHANGED))
        return msgspec.structs.replace(
            document,
            agent_id=draft.agent_id,
            label=draft.values.get("label") or "",
            refs=draft.refs,
            revision=document.revision + 1,
            updated_at=now,
            public=_public(self.resource, msgspec.structs.replace(about, origin=origin, updated_at=now), draft.values),
            secrets=sealing.seal(self._store.keyring, document.id, draft.secrets),
        )


CHANGED = "0"
"""The hash of what was made from a file and changed through the API since."""


class _About(msgspec.Struct, frozen=True):
    """What an object shows beside its values."""

    id: str
    entity_id: str | None
    origin: Origin | None
    created_at: int
    updated_at: int


def _public(resource: Resource, about: _About, values: Mapping[str, Any]) -> bytes:
    parent = {"entity_id": about.entity_id} if resource.kind is Kind.ALARM else {}
    known = {attribute.name: values.get(attribute.name) for attribute in resource.attributes}
    stamps = {"created_at": about.created_at, "updated_at": about.updated_at}
    return msgspec.json.encode({"id": about.id} | parent | known | _confd(resource, about.origin) | stamps)


def _confd(resource: Resource, origin: Origin | None) -> dict[str, str | None]:
    if resource.kind not in {Kind.CHECK, Kind.ALARM}:
        return {}
    name, shown_hash = (None, None) if origin is None else (origin.name, origin.hash)
    return {"confd_name": name, "confd_hash": shown_hash}


class _Confd(msgspec.Struct, frozen=True):
    confd_name: str | None = None
    confd_hash: str | None = None


_decode_confd = msgspec.json.Decoder(_Confd).decode


def origin_of(document: Document) -> Origin | None:
    """The file's definition that a check or alarm was made from."""
    if document.kind not in {Kind.CHECK, Kind.ALARM}:
        return None
    confd = _decode_confd(document.public)
    return None if confd.confd_name is None else Origin(confd.confd_name, confd.confd_hash or CHANGED)


def going(document: Document, request: Request) -> Document:
    """As it is removed: at the moment of the request."""
    return msgspec.structs.replace(document, updated_at=max(request.now_ms, document.updated_at))


def _is_same(before: bytes, after: bytes) -> bool:
    """The same values, in whatever order a client sends the members of a map."""
    return before == after or _in_order(before) == _in_order(after)


def _in_order(public: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(public), order="deterministic")


def _busy() -> Fault:
    return Fault(
        "systemFailureError", "The object is being changed by others", "Try again", headers={"Retry-After": "1"}
    )
