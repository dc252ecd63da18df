"""Confirm rounds as they go on: kept in memory as they are in the store, who is asked, and whose time is up.

A round is a row before anybody is asked, and its row goes on with what is evaluated, in one transaction. So it goes on
after a restart and in another process: whoever reads it asks again those who have not answered.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

import msgspec

from vedette.domain.observations import Observation
from vedette.domain.states import State
from vedette.engine import confirm
from vedette.engine.confirm import Confirming, Pace, Round
from vedette.ports.clock import Clock
from vedette.ports.confirming import ConfirmRounds, KeptRound
from vedette.ports.probing import AskToConfirm
from vedette.ports.unit import Write
from vedette.services.confirm_asking import ask_for
from vedette.services.watched import WatchedAlarm, WatchedCheck

_ask_again_ms = 2_000
_most = 256


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """How to confirm."""

    after_ms: int  # from a fault's first sight to the probes that confirm it; 0: never
    can: Callable[[], frozenset[str]]  # zones whose collectors can be asked
    ask: AskToConfirm
    clock: Clock
    steady_ms: Clock  # goes on while the machine is suspended, and never back


class _Look(msgspec.Struct, frozen=True, order=True):
    """When to look at a check's latest round again; only the last one made for a check counts."""

    steady_ms: int
    check_id: str


class Rounds:
    """The latest round of each check, as the store has it."""

    def __init__(self, store: ConfirmRounds, means: Means) -> None:
        self.store = store
        self._means = means
        self._kept: dict[str, KeptRound] | None = None
        self._looks: list[_Look] = []  # a heap
        self._look: dict[str, _Look] = {}
        self._ends: dict[str, int] = {}  # steady: when a round's time is up or, once it has ended, it need not be kept
        self._timed: dict[str, tuple[str, bool]] = {}  # what those were made for: a round, and whether it has ended

    async def load(self) -> None:
        """Reads what is kept, at first and after `forget`. Raises `StoreUnavailable`.

        Who was asked a moment ago is not asked anew: two processes may make each other forget all the time.
        """
        if self._kept is None:
            every = await self.store.all()
            self._kept = {}
            for kept in every:
                self._keep(kept)
            self._drop(self._timed.keys() - self._kept.keys())

    def forget(self) -> None:
        """Another process was first: what is kept is another thing now."""
        self._kept = None

    def of(self, check_id: str) -> KeptRound | None:
        return self._known.get(check_id)

    @property
    def after_ms(self) -> int:
        return self._means.after_ms

    def can(self) -> frozenset[str]:
        """Zones whose collectors can be asked."""
        return self._means.can()

    def keep(self, batch: RoundsInBatch) -> None:
        """What a batch changed is in the store now; who takes part in a round that began is asked."""
        for latest in batch.changed.values():
            before = self._known.get(latest.check_id)
            self._keep(KeptRound(latest, before.revision + 1 if before is not None else 1))

    def drop(self, removed: Iterable[KeptRound]) -> None:
        """They are in the store no more."""
        self._drop([kept.round.check_id for kept in removed])

    def _drop(self, check_ids: Iterable[str]) -> None:
        for check_id in check_ids:
            for about in (self._known, self._timed, self._look, self._ends):
                about.pop(check_id, None)

    def steady_ms(self) -> int:
        return self._means.steady_ms()

    def due(self, now_ms: int) -> list[KeptRound]:
        """Rounds whose time is up, and ended ones that need be kept no longer: named until they are kept or dropped.

        Asks again those who have not answered, where it is time to. `now_ms` is steady.
        """
        looked = [self._known[check_id] for check_id in self._looked(now_ms)]
        due = [kept for kept in looked if self._ends[kept.round.check_id] <= now_ms]
        for kept in looked:
            if kept not in due:
                self._ask(kept.round)
            self._look_again(kept.round, now_ms)
        return due

    def _looked(self, now_ms: int) -> list[str]:
        """Checks whose round is to be looked at."""
        found: list[str] = []
        while self._looks and self._looks[0].steady_ms <= now_ms and len(found) < _most:
            look = heapq.heappop(self._looks)
            if self._look.get(look.check_id) is look:
                found.append(look.check_id)
        return found

    @property
    def _known(self) -> dict[str, KeptRound]:
        if self._kept is None:
            raise AssertionError("rounds are loaded before they are asked for")
        return self._kept

    def _keep(self, kept: KeptRound) -> None:
        latest = kept.round
        self._known[latest.check_id] = kept
        if self._timed.get(latest.check_id) == (latest.id, latest.has_ended):
            return
        self._timed[latest.check_id] = (latest.id, latest.has_ended)
        now_ms = self._means.steady_ms()
        self._ends[latest.check_id] = now_ms + self._left_ms(latest)
        if not latest.has_ended:
            self._ask(latest)
        self._look_again(latest, now_ms)

    def _left_ms(self, latest: Round) -> int:
        """Until its time is up or, once it has ended, until another one may begin."""
        at_ms = latest.rests_until_ms if latest.has_ended else latest.until_ms
        return min(max(at_ms - self._means.clock(), 0), at_ms - latest.began_ms)

    def _look_again(self, latest: Round, now_ms: int) -> None:
        end_ms = max(self._ends[latest.check_id], now_ms)
        at_ms = end_ms if latest.has_ended else min(end_ms, now_ms + _ask_again_ms)
        self._look[latest.check_id] = look = _Look(at_ms, latest.check_id)
        heapq.heappush(self._looks, look)

    def _ask(self, latest: Round) -> None:
        ask_for(latest, self._means.ask, self._means.clock())


class RoundsInBatch:
    """The rounds of the checks that a batch is about, as they become. Without `rounds` there are none."""

    def __init__(self, rounds: Rounds | None) -> None:
        self.changed: dict[str, Round] = {}
        self._rounds = rounds
        self._can: frozenset[str] | None = None

    def latest(self, check_id: str) -> Round | None:
        changed = self.changed.get(check_id)
        if changed is not None or self._rounds is None:
            return changed
        kept = self._rounds.of(check_id)
        return kept.round if kept is not None else None

    def change(self, latest: Round) -> None:
        self.changed[latest.check_id] = latest

    def heard(self, observation: Observation) -> Round | None:
        """Notes an answer; gives the check's round when its time was up before the observation came."""
        latest = self.latest(observation.check_id)
        if latest is None or latest.has_ended:
            return None
        if confirm.is_due(latest, observation.arrival_ms):
            self.change(confirm.ended(latest))
            return latest
        after = confirm.answered(latest, observation)
        if after is not latest:
            self.change(after)
        return None

    def is_last_answer(self, observation: Observation) -> bool:
        """Whether a round ended with the observation, as far as is known."""
        latest = self.latest(observation.check_id) if observation.round_id else None
        return latest is not None and latest.id == observation.round_id and latest.has_ended

    def confirming(self, check: WatchedCheck) -> Confirming:
        """What evaluating an observation of the check must know of its rounds."""
        rounds, latest = self._rounds, self.latest(check.id)
        if rounds is None or not rounds.after_ms:
            return confirm.NOTHING if latest is None else Confirming(round=latest)
        if self._can is None:
            self._can = rounds.can()
        return Confirming(Pace(rounds.after_ms, check.timeout_ms, check.period_ms), latest, self._can)

    def deciding(self, check: WatchedCheck, alarm: WatchedAlarm, state: State, now_ms: int) -> Round | None:
        """The round that says which of the alarm's votes count, None when all do."""
        if not confirm.takes_part(alarm.terms, alarm.criteria):
            return None
        return confirm.deciding(self.latest(check.id), state, now_ms)

    def writes(self) -> list[Write]:
        if self._rounds is None:
            return []
        kept = {check_id: self._rounds.of(check_id) for check_id in self.changed}
        return [
            self._rounds.store.put(latest, before.revision if (before := kept[check_id]) is not None else 0)
            for check_id, latest in self.changed.items()
        ]
