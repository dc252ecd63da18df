"""Retention: what is too old is forgotten, in small bites, so that nobody waits for it."""

from __future__ import annotations

from typing import Protocol

from vedette.domain.timeline import key_at
from vedette.ports.accounts import Accounts
from vedette.ports.agents import Agents
from vedette.ports.audit_chain import AuditChain
from vedette.ports.clock import Clock
from vedette.ports.history import Changelogs, Outbox, SuppressionLogs
from vedette.ports.observations import Observations
from vedette.ports.past import Revisions
from vedette.ports.repeatable import Repeatables
from vedette.ports.secrets import Keyring
from vedette.ports.silence import EvaluationMemory
from vedette.ports.tokens import AgentTokens
from vedette.ports.unit import Commit
from vedette.services.audit_expiry import AuditExpiry
from vedette.services.once import REPEATABLE_MS

_DAY_MS = 24 * 3600 * 1000
HISTORY_MS = 30 * _DAY_MS
CHANGELOG_MS = 90 * _DAY_MS
AGENTS_MS = 30 * _DAY_MS
GRAVES_MS = 90 * _DAY_MS  # so long an agent with a token that is gone is told why
_BITE = 20_000


class Stores(Protocol):
    """What is tidied."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def agents(self) -> Agents: ...
    @property
    def audit_chain(self) -> AuditChain: ...
    @property
    def changelogs(self) -> Changelogs: ...
    @property
    def memory(self) -> EvaluationMemory: ...
    @property
    def observations(self) -> Observations: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def repeatables(self) -> Repeatables: ...
    @property
    def revisions(self) -> Revisions: ...
    @property
    def suppression_logs(self) -> SuppressionLogs: ...
    @property
    def tokens(self) -> AgentTokens: ...
    @property
    def commit(self) -> Commit: ...


class Retention:
    """Changelogs are kept 90 days, audits and all other history 30; of points see `point_expiry`."""

    def __init__(self, stores: Stores, keyring: Keyring, clock: Clock) -> None:
        self._stores = stores
        self._audits = AuditExpiry(stores.audit_chain, stores.commit, keyring)
        self._clock = clock

    async def step(self) -> bool:
        """One bite of everything; always done, for the next bite comes soon."""
        now = self._clock()
        stores = self._stores
        await stores.commit(stores.observations.forget_before(now - HISTORY_MS, _BITE))
        await stores.commit(
            stores.changelogs.forget_before(key_at(now - CHANGELOG_MS), _BITE),
            stores.outbox.forget_before(key_at(now - HISTORY_MS), _BITE),
            stores.suppression_logs.forget_before(key_at(now - HISTORY_MS), _BITE),
            stores.revisions.forget_before(now - HISTORY_MS, _BITE),
        )
        await self._audits.step(key_at(now - HISTORY_MS), _BITE)
        await stores.commit(
            stores.agents.forget_before(now - AGENTS_MS),
            stores.memory.forget_presences(now - AGENTS_MS),
            stores.tokens.forget_graves(now - GRAVES_MS),
            stores.accounts.forget_expired(now),
            stores.repeatables.forget_before(now - REPEATABLE_MS),
        )
        return False
