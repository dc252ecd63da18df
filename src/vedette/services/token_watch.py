"""The tokens of live connections, and what becomes of these when a token changes or goes.

A token's change reaches every process by the changes feed; that it has expired is known in memory. So with the database
gone, live connections stay, and expiry still ends them.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog

from vedette.domain.history import Change
from vedette.domain.tokens import AgentToken, Reason, why_refused
from vedette.ports.tokens import AgentTokens
from vedette.services.agent_connections import AgentConnections
from vedette.services.crowds import Crowds
from vedette.services.cutting import Cutter

CHANGE_KIND = "agent_token"
_JUDGED_AT_ONCE = 200
_log = structlog.get_logger(__name__)


class TokenWatch:
    """One a process; not shared between threads."""

    def __init__(self, tokens: AgentTokens, connections: AgentConnections, crowds: Crowds, cut: Cutter) -> None:
        self._tokens = tokens
        self._connections = connections
        self._crowds = crowds
        self._cut = cut
        self._known: dict[str, AgentToken] = {}
        self.changes = 0
        """Grows with each change of a token: a handshake that began before must be judged again."""

    def saw(self, token: AgentToken) -> None:
        """As it was read just now; its connection is added without awaiting in between."""
        known = self._known.get(token.public_id)
        if known is None or known.revision <= token.revision:
            self._known[token.public_id] = token

    def find(self, public_id: str) -> AgentToken | None:
        """As it is known here; only of tokens with live connections."""
        return self._known.get(public_id)

    async def follow(self, change: Change, now_ms: int) -> AgentToken | None:
        """A change of the feed: ends what the token no longer allows. The token, if it has connections here.

        Raises `StoreUnavailable`: then it must be told again.
        """
        if change.kind != CHANGE_KIND:
            return None
        self.changes += 1
        known = self._known.get(change.id)
        if known is None:
            return None
        token = await self._tokens.find(known.tenant_id, known.public_id)
        if token is None:
            grave = await self._tokens.find_grave(known.index)
            self.cut_all(known.public_id, Reason.REVOKED if grave is None else grave.reason)
            return None
        self.saw(token)
        await self._judge_all(token, now_ms)
        await self._cut_surplus(token, now_ms)
        return token

    def expire(self, now_ms: int) -> None:
        """Ends the connections of tokens whose time is over, and forgets tokens without connections."""
        for token in list(self._known.values()):
            if not self._connections.agents_of_token(token.public_id):
                del self._known[token.public_id]
            elif token.policy.expires_at is not None and token.policy.expires_at <= now_ms:
                self.cut_all(token.public_id, Reason.EXPIRED)

    async def judge_crowds(self, now_ms: int) -> None:
        """Ends what is too many, over all processes. Raises `StoreUnavailable`."""
        for token in await self._crowds.overfull(list(self._known.values()), now_ms):
            await self._cut_surplus(token, now_ms)

    def cut_all(self, public_id: str, reason: Reason) -> int:
        """Ends every connection of a token here; how many there are."""
        lives = self._connections.of_token(public_id)
        for live in lives:
            self._cut(live, reason)
        _tell(public_id, Counter({reason: len(lives)}))
        return len(lives)

    async def _judge_all(self, token: AgentToken, now_ms: int) -> None:
        reasons: Counter[Reason] = Counter()
        for number, live in enumerate(self._connections.of_token(token.public_id), 1):
            reason = why_refused(token.policy, live.identity.agent_id, live.identity.ip, now_ms)
            if reason is not None:
                self._cut(live, reason)
                reasons[reason] += 1
            if number % _JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        _tell(token.public_id, reasons)

    async def _cut_surplus(self, token: AgentToken, now_ms: int) -> None:
        surplus = await self._crowds.surplus(token, now_ms)
        for live in surplus:
            self._cut(live, Reason.TOO_MANY_AGENTS)
        _tell(token.public_id, Counter({Reason.TOO_MANY_AGENTS: len(surplus)}))


def _tell(public_id: str, reasons: Counter[Reason]) -> None:
    for reason, connections in reasons.items():
        if connections:
            _log.info("agent_token.cuts", token_id=public_id, reason=str(reason), connections=connections)
