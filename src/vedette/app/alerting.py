"""From observations to notifications: ingest, evaluation and dispatch, and the loops around them."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from vedette.adapters.local.clock import now_ms, steady_ms
from vedette.adapters.local.entropy import entropy
from vedette.adapters.sql.stores import Stores
from vedette.app.loops import Loop
from vedette.domain.ids import ZoneId
from vedette.notifiers.webhook import Webhook
from vedette.ports.notifying import Notify
from vedette.ports.probing import AskToConfirm, Confirmation, Resolve
from vedette.ports.secrets import Keyring
from vedette.services import dispatch, evaluate
from vedette.services.confirming import Means, Rounds
from vedette.services.dispatch import Dispatcher
from vedette.services.evaluate import Evaluator
from vedette.services.ingest import Ingest
from vedette.services.watched import WatchedChecks

_IDLE_S = 1.0
_DRAIN_S = 10.0


class Alerting:
    """`can_confirm` are the monitoring zones whose collectors `ask_to_confirm` reaches."""

    def __init__(self, opened: Stores, keys: Keyring, resolver: Resolve, confirm_after_ms: int) -> None:
        self.can_confirm: Callable[[], frozenset[str]] = frozenset
        self.ask_to_confirm: AskToConfirm = _reach_nobody
        self._opened = opened
        evaluator = Evaluator(
            evaluate.Stores(
                observations=opened.observations,
                past=opened.past,
                alarm_states=opened.alarm_states,
                memory=opened.memory,
                silence_timers=opened.silence_timers,
                changelogs=opened.changelogs,
                suppression_logs=opened.suppression_logs,
                outbox=opened.outbox,
                documents=opened.documents,
                commit=opened.commit,
            ),
            WatchedChecks(opened.documents, keys),
            entropy,
            self._wake_dispatch,
            now_ms,
        )
        means = Means(
            after_ms=confirm_after_ms,
            can=self._can_confirm,
            ask=self._ask_to_confirm,
            clock=now_ms,
            steady_ms=steady_ms,
        )
        evaluator.confirm(Rounds(opened.confirm_rounds, means))
        self.notifiers: dict[str, Notify] = {"webhook": Webhook(resolver, ssl.create_default_context())}
        self.dispatcher = Dispatcher(
            dispatch.Stores(
                outbox=opened.outbox,
                documents=opened.documents,
                accounts=opened.accounts,
                keyring=keys,
                commit=opened.commit,
            ),
            self.notifiers,
            now_ms,
            entropy,
            self._wake_dispatch,
        )
        self.operator = evaluator.operator
        self.evaluating = Loop("evaluate", evaluator.step, _IDLE_S)
        self.dispatching = Loop("dispatch", self.dispatcher.step, _IDLE_S)
        self.ingest = Ingest(opened.observations, opened.commit, self.evaluating.wake)

    def _can_confirm(self) -> frozenset[str]:
        return self.can_confirm()

    def _ask_to_confirm(self, zone_id: ZoneId, asked: Confirmation) -> None:
        self.ask_to_confirm(zone_id, asked)

    def _wake_dispatch(self) -> None:
        self.dispatching.wake()

    async def take_over(self) -> None:
        """Ends the leases of a process that died while it was sending; where no other process can hold one."""
        await self._opened.commit(self._opened.outbox.release(now_ms()))

    async def stop_sending(self) -> None:
        """Sends under way may end; what is not sent by then is sent after the next start."""
        await self.dispatcher.stop(_DRAIN_S)


def _reach_nobody(zone_id: ZoneId, asked: Confirmation) -> None:
    """While no collector runs."""
