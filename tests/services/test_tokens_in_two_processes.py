"""Whatever happens to tokens and connections: once each process has swept, none is alive that policy forbids."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from tests.fakes.agents import ALICE, Account
from vedette.domain.tokens import AgentToken, Grave, Policy, Reason, why_refused
from vedette.ports.unit import StoreUnavailable
from vedette.services.agent_connections import Address, Identity
from vedette.services.agent_replies import Reply
from vedette.services.following import Follower
from vedette.services.handshakes import Refusal
from vedette.services.presence import Presence
from vedette.wire.messages import Hello

START = 1_700_000_000_000
AGENTS = ("web-1", "web-2", "web-3", "db-1")
IPS = ("192.0.2.7", "198.51.100.9", "2001:db8::7")

policies = st.sampled_from([None, "expires_at", "allowed_agents", "allowed_networks", "max_agents"]).flatmap(
    lambda limited: st.builds(
        Policy,
        expires_at=st.integers(START, START + 60_000) if limited == "expires_at" else st.none(),
        allowed_agents=st.sampled_from([("web-*",), ("db-1", "web-1"), ()])
        if limited == "allowed_agents"
        else st.none(),
        allowed_networks=(
            st.sampled_from([("192.0.2.0/24",), ("198.51.100.9/32", "2001:db8::/32")])
            if limited == "allowed_networks"
            else st.none()
        ),
        max_agents=st.integers(1, 3) if limited == "max_agents" else st.none(),
    )
)


class Connection:
    """A live connection in one process; being cut, it is gone."""

    def __init__(self, world: TwoProcesses, process: int, identity: Identity) -> None:
        self.world, self.process, self.identity = world, process, identity

    def tell_schedule_changed(self) -> bool:
        return True

    def hand_token(self, token: str) -> bool:
        return True

    def close(self, reason: str) -> None:
        raise NotImplementedError

    async def ask(self, method: str, params: dict[str, Any], limit_ms: int) -> Reply:
        raise NotImplementedError

    def cut(self, reason: Reason, *, with_notice: bool) -> bool:
        if self not in self.world.alive:
            return False
        if reason is not Reason.TOO_MANY_AGENTS:
            assert self.world.forbids(self) is reason
        self.world.end(self)
        return True


class TwoProcesses(RuleBasedStateMachine):
    """Two server processes over one store, and a clock that the test moves."""

    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = START
        self.account = Account()
        self.alive: list[Connection] = []
        self.secrets: dict[str, str] = {}
        self.gone: dict[str, Reason] = {}
        self.processes = [self.account.process("prA"), self.account.process("prB")]
        self.followers = [Follower(self.account.documents) for _ in self.processes]
        self.presences = []
        for number, agents in enumerate(self.processes):
            process_id = ("prA", "prB")[number]
            commit = self.account.database.commit
            presence = Presence(self.account.roll, commit, process_id, lambda: 1, lambda: self.now)
            presence.on_return = agents.write_again
            self.followers[number].tell(self.follow_of(number))
            self.presences.append(presence)

    def follow_of(self, number: int) -> Any:
        async def follow(changes: Any) -> None:
            for change in changes:
                await self.processes[number].follow_token(change, self.now, self.now)

        return follow

    def run(self, work: Any) -> Any:
        """And what it has set going; the store may be away."""

        async def all_of_it() -> Any:
            try:
                return await work
            except StoreUnavailable:
                assert not self.account.database.is_available
                return None
            finally:
                await asyncio.sleep(0)
                await asyncio.sleep(0)

        return self.loop.run_until_complete(all_of_it())

    def stored(self, public_id: str) -> AgentToken | None:
        token: AgentToken | None = self.account.database.tables["agent_tokens"].get(public_id)
        return token

    def forbids(self, connection: Connection) -> Reason | None:
        identity = connection.identity
        token = self.stored(identity.token_public_id)
        if token is None:
            return self.gone[identity.token_public_id]
        return why_refused(token.policy, identity.agent_id, identity.ip, self.now)

    def end(self, connection: Connection) -> None:
        self.alive.remove(connection)
        self.processes[connection.process].gone(connection, self.now)

    def commit(self, *writes: Any) -> None:
        if self.account.database.is_available:
            self.account.database.commit_now(*writes)

    @initialize(target=tokens, first=policies, second=policies)
    def begin(self, first: Policy, second: Policy) -> Any:
        for presence in self.presences:
            self.run(presence.step())
        return multiple(self.create(first), self.create(second))

    def create(self, policy: Policy) -> str:
        number = len(self.secrets)
        public_id, secret = f"atMade{number:04}", f"{number:064x}.{ALICE}"
        token = self.account.token(ALICE, secret, public_id)
        self.commit(self.account.tokens.add(msgspec.structs.replace(token, policy=policy)))
        self.secrets[public_id] = secret
        return public_id

    @rule(target=tokens, policy=policies)
    def create_one(self, policy: Policy) -> str:
        return self.create(policy)

    @rule(public_id=tokens, how=st.sampled_from(["update", "update", "finish", "delete"]), policy=policies)
    def change(self, public_id: str, how: str, policy: Policy) -> None:
        if how == "update":
            self.update(public_id, policy)
        elif how == "finish":
            self.finish(public_id)
        else:
            self.delete(public_id)

    @rule(which=st.integers(0, 10), policy=policies)
    def update_one_in_use(self, which: int, policy: Policy) -> None:
        if self.alive:
            self.update(self.alive[which % len(self.alive)].identity.token_public_id, policy)

    def update(self, public_id: str, policy: Policy) -> None:
        token = self.stored(public_id)
        if token is not None:
            self.commit(self.account.tokens.update(msgspec.structs.replace(token, policy=policy), token.revision))

    @rule(target=tokens, public_id=tokens, overlap_ms=st.integers(0, 60_000))
    def rotate(self, public_id: str, overlap_ms: int) -> Any:
        token = self.stored(public_id)
        if token is None or not self.account.database.is_available:
            return multiple()
        new = self.create(token.policy)
        old = msgspec.structs.replace(
            token, rotated_to=new, policy=msgspec.structs.replace(token.policy, expires_at=self.now + overlap_ms)
        )
        self.commit(self.account.tokens.update(old, token.revision))
        return new

    def finish(self, public_id: str) -> None:
        token = self.stored(public_id)
        if token is not None and token.rotated_to is not None:
            self.remove(token, Reason.EXPIRED)

    def delete(self, public_id: str) -> None:
        token = self.stored(public_id)
        if token is not None:
            self.remove(token, Reason.REVOKED)

    def remove(self, token: AgentToken, reason: Reason) -> None:
        if self.account.database.is_available:
            self.commit(self.account.tokens.remove(token, Grave(index=token.index, reason=reason, at_ms=self.now)))
            self.gone[token.public_id] = reason

    @rule(
        by_ms=st.sampled_from([1, 500, 1_000, 1_000, 7_000, 40_000, 400_000]), is_available=st.sampled_from([1, 1, 0])
    )
    def pass_time(self, by_ms: int, is_available: int) -> None:
        """And the store comes and goes."""
        self.now += by_ms
        self.account.database.is_available = bool(is_available)

    @rule(public_id=tokens, who=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(AGENTS)), min_size=1, max_size=6),
          ip=st.sampled_from(IPS))  # fmt: skip
    def connect(self, public_id: str, who: list[tuple[int, str]], ip: str) -> None:
        for process, agent_id in who:
            self.run(self.shake_hands(process, public_id, agent_id, ip))

    async def shake_hands(self, process: int, public_id: str, agent_id: str, ip: str) -> None:
        agents = self.processes[process]
        said = Hello(token=self.secrets[public_id], agent_id=agent_id, guid="g", features=frozenset())
        verdict = await agents.authenticate(said, Address(ip, 4711, "192.0.2.1:50041"), self.now)
        if isinstance(verdict, Identity):
            connection = Connection(self, process, verdict)
            self.alive.append(connection)
            agents.connected(connection, self.now)
            assert self.account.database.is_available
            assert self.forbids(connection) is None
        else:
            self.assert_deserved(verdict, public_id, agent_id, ip)

    def assert_deserved(self, refused: Refusal, public_id: str, agent_id: str, ip: str) -> None:
        token = self.stored(public_id)
        if not self.account.database.is_available:
            assert refused.reason is Reason.UNAVAILABLE
        elif token is None:
            assert refused.reason is self.gone.get(public_id, Reason.UNKNOWN_TOKEN)
        elif refused.reason is Reason.TOO_MANY_AGENTS:
            assert token.policy.max_agents is not None
        else:
            assert refused.reason is why_refused(token.policy, agent_id, ip, self.now)

    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        if self.alive:
            self.end(data.draw(st.sampled_from(self.alive)))

    @rule(process=st.integers(0, 1), does_follow=st.booleans(), does_sweep=st.booleans())
    def work(self, process: int, does_follow: bool, does_sweep: bool) -> None:
        if does_follow:
            self.run(self.followers[process].step())
        if does_sweep:
            self.sweep(process)

    def sweep(self, process: int) -> None:
        self.run(self.keep(process))

    async def keep(self, process: int) -> None:
        self.processes[process].sweep(self.now, self.now)
        await self.presences[process].step()
        await self.processes[process].step(self.now, self.now)

    @rule()
    def settle(self) -> None:
        """Two rounds: what one process writes in its first, the other reads in its second."""
        self.account.database.is_available = True
        for _ in range(2):
            for process, follower in enumerate(self.followers):
                while self.run(follower.step()):
                    pass
                self.sweep(process)
        self.assert_nothing_forbidden_is_alive()
        for agents in self.processes:
            self.run(agents.flush())
        self.assert_what_is_written_is_what_is_alive()

    def assert_nothing_forbidden_is_alive(self) -> None:
        agents_of = defaultdict(set)
        for connection in self.alive:
            assert self.forbids(connection) is None
            agents_of[connection.identity.token_public_id].add(connection.identity.agent_id)
        for public_id, agents in agents_of.items():
            token = self.stored(public_id)
            assert token is not None
            assert token.policy.max_agents is None or len(agents) <= token.policy.max_agents

    def assert_what_is_written_is_what_is_alive(self) -> None:
        rows = self.account.database.table("connections")
        assert {key: row.process_id for key, row in rows.items()} == {
            one.identity.connection_id: ("prA", "prB")[one.process] for one in self.alive
        }

    def teardown(self) -> None:
        self.settle()
        self.loop.close()


TestTwoProcesses = TwoProcesses.TestCase
TestTwoProcesses.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
