"""Our own collector's side of a connection to an endpoint: an agent's, but its checks are pushed to it.

What is committed is kept over connections by its owner, who hands it to the next one: a collector goes on probing while
the server is away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vedette.wire.answers import TEST
from vedette.wire.client import ClientConnection, Introduction, Phase
from vedette.wire.envelope import Request, answered
from vedette.wire.events import ChecksCommitted, ClientEvent, ConfirmAsked, Send
from vedette.wire.messages import CLOSING, ROTATE, read_params
from vedette.wire.moment import Moment
from vedette.wire.poller import CONFIRM, POST_MULTI, ConfirmParams, PolledCheck
from vedette.wire.preparing import Preparing

LONGEST_LINE_BYTES = 64 * 1024 * 1024
"""A manifest is one line: some 200 bytes a check."""
_FROM_AGENTS = frozenset({CLOSING, ROTATE, TEST})
_confirm = msgspec.json.Decoder(ConfirmParams)


class CollectorClient(ClientConnection):
    """`is_blind` goes with every heartbeat; say `beat` when it changes, so that the server need not wait for one."""

    def __init__(
        self, introduction: Introduction, running: Mapping[str, PolledCheck], is_blind: Callable[[], bool], now: Moment
    ) -> None:
        super().__init__(introduction, now)
        self._lines.limit = LONGEST_LINE_BYTES
        self._preparing = Preparing(running)
        self._is_blind = is_blind

    def report(self, params: Mapping[str, Any], now: Moment) -> tuple[int, bytes]:
        """A `check_metrics.post_multi`: its number and its line."""
        return self._ask_by_our_clock(POST_MULTI, params, now)

    def beat(self, now: Moment) -> list[ClientEvent]:
        """A heartbeat now; nothing while we are not welcomed."""
        return self._beat(now) if self.phase is Phase.LIVE else []

    @property
    def deadline_ms(self) -> int:
        own, more = super().deadline_ms, self._preparing.deadline_ms
        return own if more is None else min(own, more)

    def tick(self, now: Moment) -> list[ClientEvent]:
        events = super().tick(now)
        if self.phase is not Phase.LIVE:
            return events
        return events + [Send(self._line(reply.request, reply.result)) for reply in self._preparing.tick(now.steady_ms)]

    def _beat_params(self, now: Moment) -> dict[str, Any]:
        return super()._beat_params(now) | {"blind": self._is_blind()}

    def _handler(self, method: str) -> Callable[[Request, Moment], list[ClientEvent]] | None:
        if self._preparing.takes(method):
            return self._on_delivery
        if method == CONFIRM:
            return self._on_confirm
        return super()._handler(method) if method in _FROM_AGENTS else None

    def _on_delivery(self, request: Request, now: Moment) -> list[ClientEvent]:
        before = self._preparing.running
        replies = self._preparing.take(request, now.steady_ms)
        events: list[ClientEvent] = [Send(self._line(reply.request, reply.result)) for reply in replies]
        if self._preparing.running is not before:
            events.append(ChecksCommitted(self._preparing.running))
        return events

    def _on_confirm(self, request: Request, now: Moment) -> list[ClientEvent]:
        params = read_params(_confirm, request.params)
        return [Send(self._acknowledged(request)), ConfirmAsked(params)]

    def _line(self, request: Request, result: Mapping[str, Any]) -> bytes:
        return answered(request, result, self._introduction.guid)
