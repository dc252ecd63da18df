"""Agents: who may connect, what each is to run, and whose data is taken (agent tokens; wire protocol)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import AgentId, CheckId, EntityId, TenantId
from vedette.domain.observations import Observation
from vedette.domain.tokens import AgentToken
from vedette.ports.agents import Agents as AgentRoll
from vedette.ports.agents import AgentSeen
from vedette.ports.documents import Documents
from vedette.ports.probing import Report
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit, StoreUnavailable
from vedette.services.agent_clocks import AgentClocks
from vedette.services.agent_connections import AgentConnections, AgentProcess, Identity, Live
from vedette.services.agent_schedule import AgentSchedules, body_of, is_run
from vedette.wire.messages import UNAVAILABLE, Hello, Post, ScheduledCheck

_AGENT_ID = re.compile(r"[-.\w]{1,255}")
_LONGEST_TOKEN = 512
TIMED_OUT = "Timeout in Run Check"
"""The status of a stock agent whose check ran into its time limit: it calls that available."""


class Reason(StrEnum):
    """Why a handshake was refused; each has its own text for the agent's log."""

    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - a reason
    BAD_AGENT_ID = "bad_agent_id"
    ZONE_NOT_ALLOWED = "zone_not_allowed"
    UNAVAILABLE = "unavailable"


class Refusal(msgspec.Struct, frozen=True):
    """The answer to a handshake that is not taken: `code` and `type` as on the wire."""

    reason: Reason
    code: int
    type: str
    message: str


_REFUSALS = {
    refusal.reason: refusal
    for refusal in (
        Refusal(Reason.UNKNOWN_TOKEN, 401, "unauthorized", "The agent token is unknown"),
        Refusal(
            Reason.BAD_AGENT_ID, 400, "badRequest", "agent_id: expected 1 to 255 of letters, digits, '-', '.', '_'"
        ),
        Refusal(Reason.ZONE_NOT_ALLOWED, 403, "forbidden", "zone_ids: this token may not collect for these zones"),
        Refusal(Reason.UNAVAILABLE, 503, UNAVAILABLE, "The server cannot look up agent tokens now"),
    )
}


class NotTaken(msgspec.Struct, frozen=True):
    """Why a post was not taken; nothing of it is stored."""

    message: str


class Agents:
    """What the agent endpoint asks of the system; one instance a process."""

    def __init__(
        self,
        tokens: AgentTokens,
        documents: Documents,
        roll: AgentRoll,
        commit: Commit,
        keyring: Keyring,
        report: Report,
    ) -> None:
        self._tokens = tokens
        self._documents = documents
        self._roll = roll
        self._commit = commit
        self._keyring = keyring
        self._report = report
        self._schedules = AgentSchedules(documents, keyring)
        self._clocks = AgentClocks()
        self._unwritten: dict[tuple[TenantId, str], AgentSeen] = {}
        self.connections = AgentConnections()
        self.counts: Counter[str] = Counter()
        """Since the start: `welcomed`, `refused.<reason>`, `posts`, `posts_not_taken`."""

    # -- who may connect

    async def authenticate(self, hello: Hello, ip: str) -> Identity | Refusal:
        """Judges a handshake. Call `connected` right after, without awaiting: no token is revoked in between."""
        verdict = await self._judge(hello, ip)
        self.counts[f"refused.{verdict.reason}" if isinstance(verdict, Refusal) else "welcomed"] += 1
        return verdict

    async def _judge(self, hello: Hello, ip: str) -> Identity | Refusal:
        if not _AGENT_ID.fullmatch(hello.agent_id):
            return _REFUSALS[Reason.BAD_AGENT_ID]
        try:
            while True:
                closings = self.connections.closings
                token = await self._find_token(hello.token)
                if token is None:
                    return _REFUSALS[Reason.UNKNOWN_TOKEN]
                if hello.zone_ids:
                    return _REFUSALS[Reason.ZONE_NOT_ALLOWED]
                entity = await self._documents.entity_of_agent(token.tenant_id, hello.agent_id)
                if self.connections.closings == closings:
                    return _identity(hello, token, entity, ip)
        except StoreUnavailable:
            return _REFUSALS[Reason.UNAVAILABLE]

    async def _find_token(self, secret: str) -> AgentToken | None:
        if not 0 < len(secret) <= _LONGEST_TOKEN:
            return None
        for index in self._keyring.indexes("agent_token", secret):
            token = await self._tokens.find_by_index(index)
            if token is not None:
                return token
        return None

    def connected(self, live: Live, now_ms: int, steady_ms: int) -> None:
        """A welcomed agent's connection is live."""
        identity = live.identity
        self.connections.add(live, steady_ms)
        self._unwritten[identity.tenant_id, identity.agent_id] = AgentSeen(
            tenant_id=identity.tenant_id,
            id=identity.agent_id,
            last_connected_ms=now_ms,
            token_public_id=identity.token_public_id,
            ip=identity.ip,
            version=identity.bundle_version,
        )

    def gone(self, live: Live, steady_ms: int) -> None:
        """A live connection has ended; safe to call twice."""
        self.connections.drop(live, steady_ms)

    def close_token(self, public_id: str, reason: str) -> int:
        """Cuts the live connections of a token, after the store no longer has it; how many."""
        return self.connections.close_token(public_id, reason)

    def heard(self, identity: Identity, sent_ms: int, now_ms: int) -> None:
        """A heartbeat's timestamp."""
        self._clocks.heard(identity.tenant_id, identity.agent_id, sent_ms, now_ms)

    async def sweep(self, steady_ms: int) -> bool:
        """Once a second: due notices of changed schedules, and who connected, in one write. Whether there was work."""
        self.connections.sweep(steady_ms)
        batch, self._unwritten = self._unwritten, {}
        if not batch:
            return False
        try:
            await self._commit(self._roll.seen(list(batch.values())))
        except StoreUnavailable:
            self._unwritten = batch | self._unwritten
            return False
        return True

    # -- what each is to run

    async def schedule(self, live: Live) -> list[ScheduledCheck]:
        """The complete list for this agent; empty while no entity is bound to it. Raises `StoreUnavailable`."""
        identity, process = live.identity, self.connections.process_of(live)
        changes = process.changes
        entity = await self._documents.entity_of_agent(identity.tenant_id, identity.agent_id)
        checks = [] if entity is None else await self._schedules.of_entity(identity.tenant_id, entity.id)
        handed = {check.id: self._fingerprint(check, process) for check in checks}
        self.connections.fetched(process, None if entity is None else entity.id, handed, changes)
        return [self._schedules.scheduled(check, with_revision=identity.is_ours) for check in checks]

    def _fingerprint(self, check: Document, process: AgentProcess) -> int:
        return self._schedules.fingerprint(check, with_revision=process.is_ours)

    async def follow(self, change: Change, steady_ms: int) -> None:
        """A change of configuration, in the order of the feed: tells the agents whose schedule it touches."""
        if change.kind == Kind.CHECK:
            await self._follow_check(change, steady_ms)
        elif change.kind == Kind.ENTITY:
            await self._follow_entity(change, steady_ms)

    async def _follow_check(self, change: Change, steady_ms: int) -> None:
        check = await self._documents.find(change.tenant_id, Kind.CHECK, change.id)
        if check is None:
            for process in self.connections.processes(change.tenant_id):
                if process.handed is not None and change.id in process.handed:
                    self.connections.changed(process, steady_ms)
            return
        if not body_of(check).is_agents or check.entity_id is None:
            return
        entity = await self._documents.find(change.tenant_id, Kind.ENTITY, check.entity_id)
        if entity is None or entity.agent_id is None:
            return
        for process in self.connections.processes(change.tenant_id, entity.agent_id):
            wanted = self._fingerprint(check, process) if is_run(check) else None
            if (process.handed or {}).get(check.id) != wanted:
                self.connections.changed(process, steady_ms)

    async def _follow_entity(self, change: Change, steady_ms: int) -> None:
        entity = await self._documents.find(change.tenant_id, Kind.ENTITY, change.id)
        agent_id = None if entity is None else entity.agent_id
        for process in self.connections.processes(change.tenant_id):
            if (process.entity_id == change.id) != (process.agent_id == agent_id):
                self.connections.changed(process, steady_ms)

    # -- whose data is taken

    async def post(self, identity: Identity, posts: Sequence[Post], now_ms: int) -> list[NotTaken | None]:
        """Takes what may be taken and returns when it is durable: for each post None, or why not.

        Taken is what a check reports whose entity is bound to this agent id in the token's tenant. Raises
        `StoreUnavailable`: then nothing was taken, and the agent may send it all again.
        """
        entity = await self._documents.entity_of_agent(identity.tenant_id, identity.agent_id)
        judged = [await self._observe(identity, entity, post, now_ms) for post in posts]
        observations = [item for item in judged if isinstance(item, Observation)]
        if observations:
            await self._report(observations)
        self.counts["posts"] += len(observations)
        self.counts["posts_not_taken"] += len(judged) - len(observations)
        return [item if isinstance(item, NotTaken) else None for item in judged]

    async def _observe(
        self, identity: Identity, entity: Document | None, post: Post, now_ms: int
    ) -> Observation | NotTaken:
        check = await self._documents.find(identity.tenant_id, Kind.CHECK, post.check_id)
        if entity is None or check is None or check.entity_id != entity.id:
            return NotTaken("check_id: no check of an entity that is bound to this agent")
        check_type = body_of(check).type
        if not check_type.startswith("agent."):
            return NotTaken(f"check_id: a {check_type} check is not run by agents")
        return Observation(
            tenant_id=identity.tenant_id,
            entity_id=EntityId(entity.id),
            check_id=CheckId(check.id),
            check_type=check_type,
            zone_id=None,
            agent_id=AgentId(identity.agent_id),
            sender=identity.sender,
            check_revision=post.check_revision if identity.is_ours else 0,
            at_ms=self._clocks.corrected(identity.tenant_id, identity.agent_id, post.timestamp_ms, now_ms),
            arrival_ms=now_ms,
            available=_is_available(check_type, post),
            status=post.status,
            metrics=post.metrics,
            buffers=identity.is_ours,
        )


def _is_available(check_type: str, post: Post) -> bool:
    """Stock agents call a check available that threw or ran out of time (alarm language, rule 8)."""
    says_nothing = not post.metrics and check_type != "agent.plugin"
    return post.available and not says_nothing and post.status != TIMED_OUT


def _identity(hello: Hello, token: AgentToken, entity: Document | None, ip: str) -> Identity:
    return Identity(
        tenant_id=token.tenant_id,
        token_public_id=token.public_id,
        agent_id=hello.agent_id,
        entity_id=None if entity is None else entity.id,
        guid=hello.guid,
        ip=ip,
        process_version=hello.process_version,
        bundle_version=hello.bundle_version,
        features=hello.features,
    )
