"""Agents: who may connect, what each is to run, and whose data is taken (agent tokens; wire protocol)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from vedette.domain.documents import Document, Kind
from vedette.domain.history import Change
from vedette.domain.ids import AgentId, CheckId, EntityId, Entropy
from vedette.domain.observations import Observation
from vedette.domain.tokens import Reason
from vedette.ports.agents import Agents as AgentRoll
from vedette.ports.documents import Documents
from vedette.ports.probing import Report
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit, StoreUnavailable
from vedette.services.agent_clocks import AgentClocks
from vedette.services.agent_connections import Address, AgentConnections, AgentProcess, Identity, Live
from vedette.services.agent_files import FileOutcome, Uploader
from vedette.services.agent_log import AgentLog
from vedette.services.agent_schedule import AgentSchedules, body_of, is_run
from vedette.services.collectors import Collectors
from vedette.services.crowds import Crowds
from vedette.services.cutting import Cutter
from vedette.services.handover import Handover
from vedette.services.handshake_limits import HandshakeLimits
from vedette.services.handshakes import Handshakes, Refusal, refusal
from vedette.services.not_taken import NotTaken
from vedette.services.roster import Roster
from vedette.services.token_watch import TokenWatch
from vedette.wire.messages import Hello, Post, ScheduledCheck
from vedette.wire.moment import Moment

JUDGE_LIMIT_S = 4.0
"""Stock agents wait 6 s for an answer."""
TIMED_OUT = "Timeout in Run Check"
"""The status of a stock agent whose check ran into its time limit: it calls that available."""


class Stores(Protocol):
    """What is known of agents, their tokens and their checks."""

    @property
    def agents(self) -> AgentRoll: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def tokens(self) -> AgentTokens: ...
    @property
    def commit(self) -> Commit: ...


ApplyFiles = Callable[[Uploader, Mapping[str, str | None], int], Awaitable[list[FileOutcome]]]
"""See `AgentFiles.apply`."""


class Agents:
    """What the agent endpoint asks of the system; one instance a process."""

    def __init__(
        self, stores: Stores, keyring: Keyring, report: Report, entropy: Entropy, process_id: str, files: ApplyFiles
    ) -> None:
        self._files = files
        self._documents = stores.documents
        self._report = report
        self._schedules = AgentSchedules(stores.documents, keyring)
        self._clocks = AgentClocks()
        self.connections = AgentConnections()
        self.limits = HandshakeLimits()
        self._roster = Roster(stores.agents, stores.tokens, stores.commit, process_id)
        self._cut = Cutter()
        crowds = Crowds(stores.agents, self.connections, process_id)
        self._watch = TokenWatch(stores.tokens, self.connections, crowds, self._cut)
        self._handover = Handover(stores.tokens, keyring, self.connections, self._watch)
        self.collectors = Collectors(stores.documents, keyring, report)
        self._handshakes = Handshakes(stores.tokens, stores.documents, keyring, self._watch, crowds, entropy)
        self._handshakes.collectors_of = self.collectors.agents_of
        self.log: AgentLog | None = None  # None: nobody reads it
        self.counts: Counter[str] = Counter()
        """Since the start: `welcomed`, `refused.<reason>`, `posts`, `posts_not_taken`, `files`, `tokens_stored`."""

    # -- who may connect

    async def authenticate(self, hello: Hello, address: Address, now_ms: int) -> Identity | Refusal:
        """Judges a handshake. Call `connected` right after, without awaiting: no token is revoked in between."""
        try:
            async with asyncio.timeout(JUDGE_LIMIT_S):
                verdict = await self._handshakes.judge(hello, address, now_ms)
        except (StoreUnavailable, TimeoutError):
            verdict = refusal(Reason.UNAVAILABLE)
        self.counts[f"refused.{verdict.reason}" if isinstance(verdict, Refusal) else "welcomed"] += 1
        return verdict

    def failed(self, refused: Refusal, hello: Hello, ip: str, steady_ms: int) -> float:
        """The seconds after which a refused peer is told."""
        if refused.reason is Reason.UNAVAILABLE:
            return 0.0
        return self.limits.failed(ip, hello.token if refused.reason is Reason.UNKNOWN_TOKEN else None, steady_ms)

    def turned_away(self) -> None:
        """A connection was closed unheard, for what came from its address before."""
        self.counts[f"refused.{Reason.TOO_MANY_FAILURES}"] += 1

    def connected(self, live: Live, steady_ms: int) -> None:
        """A welcomed agent's connection is live."""
        self.connections.add(live, steady_ms)
        self._roster.came(live.identity)
        if self.log is not None:
            self.log.opened(live.identity)
        self._handover.owe(live, steady_ms)

    def gone(self, live: Live, steady_ms: int, silent_ms: int = 0) -> None:
        """A live connection has ended; safe to call twice.

        `silent_ms` is for how long nothing had come of one that was closed for that.
        """
        if self.connections.drop(live, steady_ms):
            self._roster.left(live.identity)
            if self.log is not None:
                self.log.closed(live.identity, silent_ms)
            self._handover.settle(live)

    def heard(self, identity: Identity, sent_ms: int | None, now_ms: int) -> None:
        """A heartbeat, and its timestamp."""
        self._roster.used(identity, now_ms)
        if sent_ms is not None:
            self._clocks.heard(identity.tenant_id, identity.agent_id, sent_ms, now_ms)

    def pass_time(self, now: Moment) -> None:
        """Before times of agents are looked at: our clock may have been set."""
        self._clocks.passed(now.wall_ms, now.steady_ms)
        self.collectors.pass_time(now)

    # -- what becomes of its connection

    async def follow_token(self, change: Change, now_ms: int, steady_ms: int) -> None:
        """A change of the feed: what a token no longer allows is cut, who can store its successor is handed it."""
        token = await self._watch.follow(change, now_ms)
        if token is not None and token.rotated_to is not None:
            self._handover.rotated(token, steady_ms)
            await self._handover.step(steady_ms)

    def close_token(self, public_id: str, reason: Reason = Reason.REVOKED) -> int:
        """Cuts the live connections of a token, after the store no longer has it; how many."""
        return self._watch.cut_all(public_id, reason)

    def stored_token(self, live: Live) -> None:
        """An agent has confirmed that it stored the token it was handed."""
        self.counts["tokens_stored"] += 1
        self._handover.settle(live)

    @property
    def handshakes(self) -> Mapping[str, int]:
        """How many there were since the start: `welcomed`, or by the reason of their refusal."""
        return {
            name.removeprefix("refused."): count
            for name, count in self.counts.items()
            if name == "welcomed" or name.startswith("refused.")
        }

    @property
    def cuts(self) -> Mapping[str, int]:
        """Connections cut since the start, by reason."""
        return {str(reason): count for reason, count in self._cut.counts.items()}

    def sweep(self, now_ms: int, steady_ms: int) -> None:
        """Once a second, and without the store: due notices of changed schedules, tokens whose time is over."""
        self.connections.sweep(steady_ms)
        self._watch.expire(now_ms)

    async def step(self, now_ms: int, steady_ms: int) -> None:
        """Once a second, with the store: who came and went, who is too many, who is owed a token.

        Raises `StoreUnavailable`; nothing is lost by it.
        """
        await self.flush()
        await self._watch.judge_crowds(now_ms)
        await self._handover.step(steady_ms)

    async def flush(self) -> bool:
        """Writes down who came and went; whether there was anything. Raises `StoreUnavailable`."""
        did_write = await self._roster.flush()
        if self.log is not None:
            await self.log.flush()
        return did_write

    def write_again(self) -> None:
        """Others may have forgotten the connections of this process."""
        self._roster.write_again(live.identity for live in self.connections.all())

    # -- what each is to run

    async def schedule(self, live: Live) -> list[ScheduledCheck]:
        """The complete list for this agent; empty while no entity is bound to it.

        Raises `StoreUnavailable`: then call `not_handed`.
        """
        identity, process = live.identity, self.connections.process_of(live)
        changes = process.changes
        entity = await self._documents.entity_of_agent(identity.tenant_id, identity.agent_id)
        checks = [] if entity is None else await self._schedules.of_entity(identity.tenant_id, entity.id)
        handed = {check.id: self._fingerprint(check, process) for check in checks}
        self.connections.fetched(process, None if entity is None else entity.id, handed, changes)
        if self.log is not None:
            self.log.fetched(identity)
        return [self._schedules.scheduled(check, with_revision=identity.is_ours) for check in checks]

    def not_handed(self, live: Live, steady_ms: int) -> None:
        """It was refused its schedule, for that could not be read."""
        self.connections.asked_in_vain(self.connections.process_of(live), steady_ms)

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

    async def take_files(
        self, identity: Identity, files: Mapping[str, str | None], now_ms: int
    ) -> list[FileOutcome] | NotTaken:
        """Makes what the agent's files define, name -> text. Raises `StoreUnavailable`."""
        entity = await self._documents.entity_of_agent(identity.tenant_id, identity.agent_id)
        if entity is None:
            return NotTaken("config_file.post: no entity is bound to this agent")
        uploader = Uploader(tenant_id=identity.tenant_id, agent_id=identity.agent_id, entity_id=entity.id)
        outcomes = await self._files(uploader, files, now_ms)
        self.counts["files"] += len(files)
        return outcomes

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
