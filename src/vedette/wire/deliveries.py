"""Bringing a collector's running list in step with what it is to run: one version after another, never two at once.

    idle --offer--> offering --end--> offered --prepared--> committing --committed--> idle
                        |                |                      |
                        +---- failed, ignored, no answer -------+--> idle, and again later with a higher version

A collector forgets nothing of what was committed while one connection of it lives, so what runs is left alone
(`continue`). Where we do not know what runs, everything is told to `start`, which is always right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from vedette.wire.poller import (
    BLOCK,
    COMMIT,
    END,
    PREPARE,
    Action,
    PolledCheck,
    Status,
    Verdict,
    block_params,
    commit_params,
    end_params,
    prepare_params,
)

BLOCK_SIZE = 50
BLOCK_ANSWER_MS = 100
ANSWER_MS = 60_000
"""Collectors give up a preparation after as long without a block."""
FIRST_RETRY_MS = 1_000
LAST_RETRY_MS = 60_000

Next = Callable[[], int]
"""The zone's next version: higher than every one before."""


class Stage(StrEnum):
    """Where one version stands."""

    IDLE = "idle"
    OFFERING = "offering"  # something of the preparation is still to be sent
    OFFERED = "offered"
    COMMITTING = "committing"


class Signal(StrEnum):
    """What moves it on."""

    OFFER = "offer"
    END = "end"
    PREPARED = "prepared"
    COMMITTED = "committed"
    FAIL = "fail"


TRANSITIONS: Mapping[tuple[Stage, Signal], Stage] = MappingProxyType(
    {
        (Stage.IDLE, Signal.OFFER): Stage.OFFERING,
        (Stage.OFFERING, Signal.END): Stage.OFFERED,
        (Stage.OFFERED, Signal.PREPARED): Stage.COMMITTING,
        (Stage.COMMITTING, Signal.COMMITTED): Stage.IDLE,
    }
)
"""What is not in it leads to IDLE."""


class Step(msgspec.Struct, frozen=True):
    """A request to be sent; `limit_ms` is how long its answer may take, None where none is expected."""

    method: str
    params: dict[str, Any]
    limit_ms: int | None


class Delivery:
    """Of one collector process (guid), over whichever of its connections is in charge."""

    def __init__(self, zone_id: str, next_version: Next) -> None:
        """A list is one even for a collector of several zones: `zone_id` is any of them."""
        self._zone_id = zone_id
        self.stage = Stage.IDLE
        self.version = 0
        self.failures = 0  # in a row
        self.problem = ""  # of the last failure, for the log
        self.running: Mapping[str, PolledCheck] | None = None
        """What was committed last; None while that is not known."""
        self._next_version = next_version
        self._wanted: Mapping[str, PolledCheck] | None = None
        self._offered: Mapping[str, PolledCheck] = {}
        self._steps: deque[Step] = deque()
        self._number: int | None = None  # of the request whose answer counts
        self._retry_ms = 0

    @property
    def offered(self) -> Mapping[str, PolledCheck]:
        """What may be running already: prepared, perhaps committed, while no answer has come."""
        return self._offered if self.stage is not Stage.IDLE else {}

    @property
    def due_ms(self) -> int | None:
        """The steady time at which a failed version is to be tried again; None when there is nothing to wait for."""
        return self._retry_ms if self.stage is Stage.IDLE and self._is_behind() else None

    def want(self, checks: Iterable[PolledCheck]) -> None:
        """The complete list; it is offered as soon as the version under way has come to its end."""
        self._wanted = {check.id: check for check in checks}

    def take(self, now_ms: int) -> Step | None:
        """The next request to be sent; None when nothing is to be sent now. Call `sent` right after sending it."""
        if self.stage is Stage.IDLE and self._is_behind() and self._retry_ms <= now_ms:
            self._offer()
        return self._steps.popleft() if self._steps else None

    def put_back(self, step: Step) -> None:
        """It could not be sent."""
        self._steps.appendleft(step)

    def sent(self, step: Step, number: int) -> None:
        """The request went out under this number."""
        if step.method in {PREPARE, COMMIT}:
            self._number = number
        if step.method == END:
            self._go(Signal.END)

    def answered(self, number: int, verdict: Verdict | None, now_ms: int) -> None:
        """None: an error, no answer in time, or nothing that makes sense. Answers to earlier versions are none."""
        if number != self._number or self.stage is Stage.IDLE:
            return
        status = None if verdict is None or verdict.version not in {None, self.version} else verdict.status
        if self.stage is Stage.OFFERED and status == Status.PREPARED:
            self._go(Signal.PREPARED)
            self._steps.append(Step(COMMIT, commit_params(self._zone_id, self.version), ANSWER_MS))
        elif self.stage is Stage.COMMITTING and status == Status.COMMITTED:
            self._go(Signal.COMMITTED)
            self.running, self.failures, self._retry_ms = self._offered, 0, 0
        else:
            self._fail(_problem(verdict), now_ms)

    def lost(self, *, is_last: bool) -> None:
        """The connection in charge is gone; with the last one the collector has forgotten, or may have, what it ran."""
        if is_last or self.stage is Stage.COMMITTING:
            self.running = None
        self._go(Signal.FAIL)
        self._steps.clear()
        self._number = None
        self._retry_ms = 0

    def _is_behind(self) -> bool:
        return self._wanted is not None and self._wanted != self.running

    def _offer(self) -> None:
        checks = self._offered = self._wanted or {}
        self.version = version = self._next_version()
        self._go(Signal.OFFER)
        manifest = [(self._action(check), check) for check in checks.values()]
        defined = [check for action, check in manifest if action is not Action.CONTINUE]
        blocks = [defined[start : start + BLOCK_SIZE] for start in range(0, len(defined), BLOCK_SIZE)]
        zone_id = self._zone_id
        limit_ms = ANSWER_MS + BLOCK_ANSWER_MS * len(blocks)
        self._steps.append(Step(PREPARE, prepare_params(zone_id, version, manifest), limit_ms))
        self._steps.extend(Step(BLOCK, block_params(zone_id, version, block), None) for block in blocks)
        self._steps.append(Step(END, end_params(zone_id, version), None))

    def _action(self, check: PolledCheck) -> Action:
        known = None if self.running is None else self.running.get(check.id)
        if known is None:
            return Action.START
        return Action.CONTINUE if known == check else Action.RESTART

    def _fail(self, problem: str, now_ms: int) -> None:
        """Everything starts anew next time: perhaps the collector does not run what we took for running."""
        self._go(Signal.FAIL)
        self._steps.clear()
        self._number = None
        self.running = None
        self.problem = problem
        self._retry_ms = now_ms + min(FIRST_RETRY_MS << min(self.failures, 10), LAST_RETRY_MS)
        self.failures += 1

    def _go(self, signal: Signal) -> None:
        self.stage = TRANSITIONS.get((self.stage, signal), Stage.IDLE)


def _problem(verdict: Verdict | None) -> str:
    if verdict is None:
        return "no answer"
    return f"{verdict.status}: {verdict.details or ''}"[:300]
