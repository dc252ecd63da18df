"""Agent installers: an address from which a host fetches what sets its agent up (an address that only clients know).

The address is the key: what it says is sealed in it, so that nothing is kept, and it ends after a day.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from vedette.domain.attributes import Attribute, Reference, Text, parse_new
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, invalid, not_found, required_not_found
from vedette.domain.ids import TenantId
from vedette.domain.resources import ENTITY
from vedette.domain.tokens import AgentToken, Policy
from vedette.ports.documents import Documents
from vedette.ports.unit import Conflict, Write
from vedette.services.installer_script import Settings, script
from vedette.services.once import gone
from vedette.services.redaction import redacted_object
from vedette.services.requests import Body, Created, Request
from vedette.services.token_store import TRIES, TokenStore, busy

NOUN = "AgentInstaller"
LIFE_MS = 24 * 3600 * 1000
ATTRIBUTES = (
    Attribute("entity_id", Reference(("en",), "an entity"), "The entity of the host", optional=False),
    Attribute("agent_token", Text(1, 255), "The token to use; a new one by default", secret=True),
)
_CONTEXT = "agent_installer"
_REMEMBERED = "agent_installer remembered"
_MOST_KEY = 1024


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What the address says."""

    tenant_id: TenantId
    entity_id: str
    agent_id: str
    token_public_id: str
    expires_at: int


class Source(msgspec.Struct, frozen=True):
    """Where agents find this server."""

    endpoint: str  # host:port
    authority: str  # PEM


class Installers:
    """Makes installers, and gives them to whoever has their address."""

    def __init__(self, tokens: TokenStore, documents: Documents, source: Source) -> None:
        self._tokens = tokens
        self._documents = documents
        self._source = source

    async def create(self, request: Request, body: Body) -> Created:
        """Binds the entity to an agent where it is bound to none: the agent's id is the entity's then.

        A new token is for that agent only.
        """
        parsed = parse_new(ATTRIBUTES, body)
        if request.earlier is not None:
            return Created(self._remembered(request.earlier), parsed.ignored)
        for _ in range(TRIES):
            entity = await self._entity(request.tenant_id, parsed.values["entity_id"])
            bound = entity if entity.agent_id is not None else _bound(entity, request.now_ms)
            token, added = await self._token(request, parsed.values["agent_token"], bound)
            changed = () if bound is entity else (self._documents.update(bound, entity.revision),)
            before = [] if bound is entity else [redacted_object(entity.public)]
            key = self._key(request, bound, token)
            remembering = request.remembering(self._to_remember(key))
            audit = self._tokens.auditor.entry(request, 201, before)
            try:
                await self._tokens.commit(*changed, *added, *remembering, audit)
            except Conflict:
                continue
            return Created(key, parsed.ignored)
        raise busy()

    async def show(self, key: str, tenant: str | None, now_ms: int) -> dict[str, Any]:
        """What an installer is for; without its secret."""
        sealed = self._opened(key, tenant, now_ms)
        await self._living(key, sealed)
        return {
            "id": key,
            "entity_id": sealed.entity_id,
            "agent_id": sealed.agent_id,
            "endpoint": self._source.endpoint,
            "expires_at": sealed.expires_at,
        }

    async def script(self, key: str, tenant: str | None, now_ms: int) -> str:
        """Raises `notFoundError` when it has ended, or its token is no more."""
        sealed = self._opened(key, tenant, now_ms)
        token = await self._living(key, sealed)
        return script(
            Settings(
                token=self._tokens.secret(token),
                agent_id=sealed.agent_id,
                endpoint=self._source.endpoint,
                authority=self._source.authority,
            )
        )

    async def _entity(self, tenant_id: TenantId, key: str) -> Document:
        entity = await self._documents.find(tenant_id, Kind.ENTITY, key)
        if entity is None:
            raise required_not_found(ENTITY.noun, key)
        return entity

    async def _token(self, request: Request, key: str | None, entity: Document) -> tuple[AgentToken, tuple[Write, ...]]:
        if key is None:
            _, new = self._tokens.new(request.tenant_id, request.now_ms)
            policy = Policy(allowed_agents=(entity.agent_id or entity.id,))
            token = msgspec.structs.replace(new, label=f"Installer of {entity.label}"[:255], policy=policy)
            return token, (self._tokens.tokens.add(token),)
        if not self._tokens.reveals(request):
            raise invalid("agent_token", "Expected none: on this server tokens are not shown again, so make a new one")
        try:
            return await self._tokens.find(request.tenant_id, key), ()
        except Fault as fault:
            raise Fault("requiredNotFoundError", "Required object does not exist", fault.details) from fault

    def _key(self, request: Request, entity: Document, token: AgentToken) -> str:
        sealed = _Sealed(
            request.tenant_id, entity.id, entity.agent_id or entity.id, token.public_id, request.now_ms + LIFE_MS
        )
        key = self._tokens.keyring.seal(msgspec.msgpack.encode(sealed), _CONTEXT)
        return base64.urlsafe_b64encode(key).decode().rstrip("=")

    def _to_remember(self, key: str) -> str:
        """An installer by which its creation is remembered: its key opens it, so that is sealed."""
        return base64.b64encode(self._tokens.keyring.seal(key.encode(), _REMEMBERED)).decode()

    def _remembered(self, sealed: str) -> str:
        try:
            return self._tokens.keyring.open(base64.b64decode(sealed), _REMEMBERED).decode()
        except ValueError:
            raise gone() from None

    def _opened(self, key: str, tenant: str | None, now_ms: int) -> _Sealed:
        try:
            raw = base64.b64decode(key[:_MOST_KEY] + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
            sealed = msgspec.msgpack.decode(self._tokens.keyring.open(raw, _CONTEXT), type=_Sealed)
        except (ValueError, binascii.Error):
            raise _gone() from None
        is_theirs = tenant is None or tenant.lower() == sealed.tenant_id.lower()
        if not is_theirs or sealed.expires_at <= now_ms:
            raise _gone()
        return sealed

    async def _living(self, key: str, sealed: _Sealed) -> AgentToken:
        token = await self._tokens.tokens.find(sealed.tenant_id, sealed.token_public_id)
        entity = await self._documents.find(sealed.tenant_id, Kind.ENTITY, sealed.entity_id)
        if token is None or entity is None or entity.agent_id != sealed.agent_id:
            raise _gone()
        return token


def _bound(entity: Document, now_ms: int) -> Document:
    public: dict[str, Any] = msgspec.json.decode(entity.public)
    stamp = max(now_ms, entity.updated_at)
    return msgspec.structs.replace(
        entity,
        agent_id=entity.id,
        revision=entity.revision + 1,
        updated_at=stamp,
        public=msgspec.json.encode(public | {"agent_id": entity.id, "updated_at": stamp}),
    )


def _gone() -> Fault:
    """Says nothing of the address: it is a key."""
    return not_found(NOUN, "...")
