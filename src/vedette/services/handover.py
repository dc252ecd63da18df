"""Handing the new token of a rotation to the connected agents that can store it, over the connection they have."""

from __future__ import annotations

from itertools import islice

import structlog

from vedette.domain.tokens import AgentToken
from vedette.ports.secrets import Keyring
from vedette.ports.tokens import AgentTokens
from vedette.services.agent_connections import AgentConnections, Live
from vedette.services.sealing import agent_token_context
from vedette.services.token_watch import TokenWatch
from vedette.wire.messages import TOKEN_ROTATION

HANDED_AT_ONCE = 200
"""In one second: each of these agents comes back with a TLS handshake."""
RETRY_MS = 60_000
_LONGEST_CHAIN = 16
_log = structlog.get_logger(__name__)


class Handover:
    """Who is owed a new token, and since when. Times are steady milliseconds."""

    def __init__(self, tokens: AgentTokens, keyring: Keyring, connections: AgentConnections, watch: TokenWatch) -> None:
        self._tokens = tokens
        self._keyring = keyring
        self._connections = connections
        self._watch = watch
        self._due: dict[Live, int] = {}

    def rotated(self, token: AgentToken, steady_ms: int) -> None:
        """All connections of a token are owed its successor."""
        if token.rotated_to is not None:
            for live in self._connections.of_token(token.public_id):
                self.owe(live, steady_ms)

    def owe(self, live: Live, steady_ms: int) -> None:
        """If it can store it, and if its token has a successor."""
        token = self._watch.find(live.identity.token_public_id)
        if token is not None and token.rotated_to is not None and TOKEN_ROTATION in live.identity.features:
            self._due.setdefault(live, steady_ms)

    def settle(self, live: Live) -> None:
        """It has stored the token, or is gone."""
        self._due.pop(live, None)

    async def step(self, steady_ms: int) -> None:
        """Hands out what is due; whoever does not confirm is handed it again later. Raises `StoreUnavailable`."""
        secrets: dict[str, str | None] = {}
        due = (live for live, due_ms in self._due.items() if due_ms <= steady_ms)
        for live in list(islice(due, HANDED_AT_ONCE)):
            public_id = live.identity.token_public_id
            if public_id not in secrets:
                secrets[public_id] = await self._successor(public_id)
            secret = secrets[public_id]
            if secret is None:
                self.settle(live)
            elif live in self._due:
                live.hand_token(secret)
                self._due[live] = steady_ms + RETRY_MS

    async def _successor(self, public_id: str) -> str | None:
        """The token at the end of the chain; None where that one is gone."""
        token = self._watch.find(public_id)
        for _ in range(_LONGEST_CHAIN):
            if token is None or token.rotated_to is None:
                break
            token = await self._tokens.find(token.tenant_id, token.rotated_to)
        if token is None or token.public_id == public_id:
            return None
        try:
            return self._keyring.open(token.sealed, agent_token_context(token.public_id)).decode()
        except ValueError as error:
            _log.error("agent_token.not_opened", token_id=token.public_id, problem=str(error))
            return None
