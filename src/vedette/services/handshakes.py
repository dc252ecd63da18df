"""Who may connect: a handshake is judged by its token, by what that allows, and by who is connected already."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.ids import Entropy, object_id
from vedette.domain.redaction import without_tokens
from vedette.domain.tokens import AgentToken, Reason, why_refused
from vedette.ports.documents import Documents
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.services.agent_connections import Address, Identity
from vedette.services.crowds import Crowds
from vedette.services.token_watch import TokenWatch
from vedette.wire.messages import LONGEST_TOKEN, UNAVAILABLE, Hello
from vedette.wire.poller import is_poller

_AGENT_ID = re.compile(r"[-.A-Za-z0-9_]{1,255}")
_PRIVATE_ZONE = "pz"
LONGEST_ZONE = 32
CollectorsOf = Callable[[str], AbstractSet[str]]


class _Zone(msgspec.Struct, frozen=True):
    maximum_agents: int | None = None


_zone = msgspec.json.Decoder(_Zone)


class Refusal(msgspec.Struct, frozen=True):
    """The answer to a handshake that is not taken: `code` and `type` as on the wire."""

    reason: Reason
    code: int
    type: str
    message: str


TEXTS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.UNKNOWN_TOKEN: "The agent token is unknown",
        Reason.REVOKED: "The agent token was revoked",
        Reason.EXPIRED: "The agent token has expired",
        Reason.AGENT_NOT_ALLOWED: "agent_id: the agent token does not allow this agent id",
        Reason.NETWORK_NOT_ALLOWED: "The agent token may not be used from this address",
        Reason.TOO_MANY_AGENTS: "As many agents are connected as the agent token allows",
        Reason.TOO_MANY_COLLECTORS: "This server process has as many collectors of the zone as it takes: "
        "expected more server processes, or fewer collectors",
        Reason.ZONE_NOT_ALLOWED: "zone_ids: this token may not collect for these zones",
        Reason.BAD_AGENT_ID: "agent_id: expected 1 to 255 of letters, digits, '-', '.', '_'",
        Reason.TOO_MANY_FAILURES: "Too many failed handshakes from this address",
        Reason.UNAVAILABLE: "The server cannot look up agent tokens now",
    }
)
_KINDS: Mapping[Reason, tuple[int, str]] = MappingProxyType(
    {
        Reason.UNKNOWN_TOKEN: (401, "unauthorized"),
        Reason.REVOKED: (401, "unauthorized"),
        Reason.EXPIRED: (401, "unauthorized"),
        Reason.BAD_AGENT_ID: (400, "badRequest"),
        Reason.UNAVAILABLE: (503, UNAVAILABLE),
    }
)


def refusal(reason: Reason, message: str | None = None) -> Refusal:
    """Each reason with its own text, or a more exact one."""
    code, kind = _KINDS.get(reason, (403, "forbidden"))
    return Refusal(reason, code, kind, message or TEXTS[reason])


class Handshakes:
    """Judges; holds nothing itself."""

    def __init__(
        self,
        tokens: AgentTokens,
        documents: Documents,
        keyring: Keyring,
        watch: TokenWatch,
        crowds: Crowds,
        entropy: Entropy,
    ) -> None:
        self._tokens = tokens
        self._documents = documents
        self._keyring = keyring
        self._watch = watch
        self._crowds = crowds
        self._entropy = entropy
        self.collectors_of: CollectorsOf = lambda _zone_id: frozenset()
        """The agent ids of a zone's connected collectors."""

    async def judge(self, hello: Hello, address: Address, now_ms: int) -> Identity | Refusal:
        """Good until the next await: the token was not changed while it was judged. Raises `StoreUnavailable`."""
        if not _AGENT_ID.fullmatch(hello.agent_id):
            return refusal(Reason.BAD_AGENT_ID)
        if without_tokens(hello.agent_id) != hello.agent_id:  # ids are stored and shown, tokens must not be
            return refusal(Reason.BAD_AGENT_ID, "agent_id: expected an agent id, not an agent token")
        while True:
            changes = self._watch.changes
            token = await self._find(hello.token)
            if token is None:
                return refusal(await self._why_not_found(hello.token))
            refused = _refused(token, hello, address, now_ms)
            if refused is not None:
                return refused
            is_limited = token.policy.max_agents is not None
            elsewhere = await self._crowds.elsewhere(token.public_id, now_ms) if is_limited else frozenset()
            entity = await self._entity(token, hello)
            refused = await self._private_refused(token, hello)
            if refused is not None:
                return refused
            if self._watch.changes == changes:
                break
        if not self._crowds.has_room(token, hello.agent_id, elsewhere):
            return refusal(Reason.TOO_MANY_AGENTS)
        self._watch.saw(token)
        return self._identity(hello, token, entity, address, now_ms)

    async def _find(self, secret: str) -> AgentToken | None:
        if not 0 < len(secret) <= LONGEST_TOKEN:
            return None
        for index in self._keyring.indexes("agent_token", secret):
            token = await self._tokens.find_by_index(index)
            if token is not None:
                return token
        return None

    async def _why_not_found(self, secret: str) -> Reason:
        for index in self._keyring.indexes("agent_token", secret) if len(secret) <= LONGEST_TOKEN else ():
            grave = await self._tokens.find_grave(index)
            if grave is not None:
                return grave.reason
        return Reason.UNKNOWN_TOKEN

    async def _entity(self, token: AgentToken, hello: Hello) -> Document | None:
        if is_poller(hello):
            return None
        return await self._documents.entity_of_agent(token.tenant_id, hello.agent_id)

    async def _private_refused(self, token: AgentToken, hello: Hello) -> Refusal | None:
        """Another tenant's zone is answered as one that is not there."""
        for zone_id in hello.zone_ids if token.zone_id is None else ():
            zone = await self._documents.find(token.tenant_id, Kind.PRIVATE_ZONE, zone_id)
            if zone is None:
                return refusal(
                    Reason.ZONE_NOT_ALLOWED,
                    f"zone_ids: this token's account has no private monitoring zone {zone_id[:LONGEST_ZONE]}",
                )
            most = _zone.decode(zone.public).maximum_agents
            others = self.collectors_of(zone_id) - {hello.agent_id}
            if most is not None and len(others) >= most:
                return refusal(
                    Reason.TOO_MANY_AGENTS, f"As many collectors are connected as {zone_id} may have (maximum_agents)"
                )
        return None

    def _identity(
        self, hello: Hello, token: AgentToken, entity: Document | None, address: Address, now_ms: int
    ) -> Identity:
        return Identity(
            connection_id=object_id("cn", self._entropy),
            since_ms=now_ms,
            tenant_id=token.tenant_id,
            token_public_id=token.public_id,
            agent_id=hello.agent_id,
            entity_id=None if entity is None else entity.id,
            guid=hello.guid,
            zone_ids=tuple(dict.fromkeys(hello.zone_ids)),
            ip=address.ip,
            port=address.port,
            endpoint=address.endpoint,
            process_version=hello.process_version,
            bundle_version=hello.bundle_version,
            features=hello.features,
        )


def _refused(token: AgentToken, hello: Hello, address: Address, now_ms: int) -> Refusal | None:
    reason = why_refused(token.policy, hello.agent_id, address.ip, now_ms)
    return refusal(reason) if reason is not None else _zone_refused(token, hello)


def _zone_refused(token: AgentToken, hello: Hello) -> Refusal | None:
    """A built-in zone has collector tokens of its own, and such a token is good for nothing else."""
    zones = set(hello.zone_ids)
    if token.zone_id is not None:
        good, expected = zones == {token.zone_id}, "a collector token is good for its own monitoring zone only"
    elif not zones:
        good, expected = not is_poller(hello), "expected the monitoring zones that this collector is for"
    else:
        good = all(zone.startswith(_PRIVATE_ZONE) for zone in zones)
        expected = "a built-in monitoring zone takes its own collector tokens only"
    return None if good else refusal(Reason.ZONE_NOT_ALLOWED, f"zone_ids: {expected}")
