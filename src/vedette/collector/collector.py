"""The collector of one zone (`ports.probing.Collector`): runs what is due, makes observations, reports them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

import msgspec
import structlog

from vedette.collector.canary import Held
from vedette.collector.flights import Flights, Turn, ended_within
from vedette.collector.lookout import Lookout
from vedette.collector.reporting import Reporter
from vedette.collector.schedule import Random, Schedule
from vedette.collector.stillness import BEAT_S, Stillness
from vedette.domain.ids import CheckId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.clock import Clock
from vedette.ports.probing import Assignment, Confirmation, Probe, ProbeResult, Report
from vedette.wire.metrics import LONGEST_TEXT

AT_ONCE = 2000
DRAIN_S = 10.0
STATUS_LIMIT = 256

log = structlog.get_logger(__name__)


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """What a collector has of the process it runs in."""

    sender: str  # names this process: part of what makes an observation a duplicate
    now_ms: Clock
    monotonic: Callable[[], float]  # seconds, going on while the machine is suspended
    random: Random
    at_once: int = AT_ONCE  # probes in flight; each may hold an open file


class ZoneCollector:
    """No task for an idle check: one timer, a heap of due times, a task for each probe in flight."""

    def __init__(
        self, zone_id: ZoneId, probes: Mapping[str, Probe], report: Report, lookout: Lookout, process: Process
    ) -> None:
        self.zone_id = zone_id
        self._probes = probes
        self._lookout = lookout
        self._process = process
        self._schedule = Schedule(process.random)
        self._assignments: dict[CheckId, Assignment] = {}
        self._flights = Flights(self._fly, process.at_once)
        self._rounds: dict[CheckId, str] = {}  # the latest that each check was asked for
        self._unknown_types: set[str] = set()
        self._held = Held()
        self._judged = asyncio.Event()
        self._reporter = Reporter(report, process.random)
        self._reporting: asyncio.Task[None] | None = None  # while started
        self._stillness = Stillness(process.monotonic())
        self._timer: asyncio.TimerHandle | None = None
        lookout.tell(self._round_ended)

    @property
    def is_blind(self) -> bool:
        return self._lookout.is_blind

    @property
    def unsent(self) -> int:
        """Observations that wait for the server, or for a round of the lookout."""
        return len(self._reporter) + len(self._held)

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """The complete list; what did not change keeps its rhythm."""
        known, now = self._assignments, self._process.monotonic()
        self._assignments = {assignment.check_id: assignment for assignment in assignments}
        self._rounds = {key: round_id for key, round_id in self._rounds.items() if key in self._assignments}
        self._schedule.replace({key: assignment.period_s for key, assignment in self._assignments.items()}, now)
        for key, assignment in self._assignments.items():
            if key in known and not _is_same_work(known[key], assignment):
                self._schedule.put(key, assignment.period_s, now)
        self._turn()

    def put(self, assignment: Assignment) -> None:
        """Adds or changes one check; it runs soon unless nothing about its work changed."""
        known = self._assignments.get(assignment.check_id)
        self._assignments[assignment.check_id] = assignment
        if known is None or not _is_same_work(known, assignment):
            self._schedule.put(assignment.check_id, assignment.period_s, self._process.monotonic())
            self._turn()

    def drop(self, check_id: CheckId) -> None:
        """A probe that is in flight ends without an observation."""
        self._assignments.pop(check_id, None)
        self._rounds.pop(check_id, None)
        self._schedule.drop(check_id)

    def confirm(self, asked: Confirmation) -> None:
        """Probes once for a confirm round, whatever the schedule.

        Nothing happens while stopped, and for a check that is not run here.
        """
        check_id, round_id = asked.check_id, asked.round_id
        is_run = self._reporting is not None and check_id in self._assignments
        if not is_run or self._rounds.get(check_id) == round_id:
            return
        self._rounds[check_id] = round_id
        asyncio.get_running_loop().call_later(asked.in_ms / 1000, self._flights.want, Turn(check_id, round_id))

    async def start(self) -> None:
        """Begins probing and reporting."""
        self._stillness = Stillness(self._process.monotonic())
        self._reporting = asyncio.create_task(self._reporter.run(), name=f"reports of {self.zone_id}")
        self._turn()

    async def stop(self, within_s: float = DRAIN_S) -> None:
        """Begins no more probes; those in flight may end in half of the time, and what was observed is reported.

        A failing observation that no round of the lookout has judged by then goes out marked blind: points, no vote.
        """
        reporting, self._reporting = self._reporting, None
        if reporting is None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        if self._timer is not None:
            self._timer.cancel()
        await self._flights.end(within_s / 2)
        await self._judge_held(within_s=(deadline - loop.time()) / 2)
        await ended_within([asyncio.ensure_future(self._reporter.drained())], deadline - loop.time())
        await ended_within([reporting], 0)
        if self.unsent:
            log.error("stopped with observations not reported", zone_id=self.zone_id, count=self.unsent)

    async def _judge_held(self, within_s: float) -> None:
        until = asyncio.get_running_loop().time() + within_s
        try:
            async with asyncio.timeout_at(until):
                while self._held and self._lookout.counts:
                    self._judged.clear()
                    self._lookout.want_round()
                    await self._judged.wait()
        except TimeoutError:
            log.warning("no round of the lookout before the stop", zone_id=self.zone_id)
        for observation in self._held.give_up():
            self._reporter.add(observation)

    def _turn(self) -> None:
        """Begins what is due, and comes again when the next check is due or at the next beat."""
        if self._reporting is None:
            return
        now = self._process.monotonic()
        self._stillness.beat(now)
        while (check_id := self._schedule.take_due(now)) is not None:
            self._flights.want(Turn(check_id))
        due = self._schedule.next_due()
        pause_s = BEAT_S if due is None else min(BEAT_S, due - now)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(pause_s, self._turn)

    def _fly(self, turn: Turn) -> Coroutine[None, None, bool] | None:
        assignment = self._assignments.get(turn.check_id)
        if assignment is None:
            return None
        probe = self._probes.get(assignment.check_type)
        if probe is None:
            self._say_unknown(assignment.check_type)
            return None
        return self._run(assignment, probe, turn)

    def _say_unknown(self, check_type: str) -> None:
        if check_type not in self._unknown_types:
            self._unknown_types.add(check_type)
            log.warning("checks of this type cannot be run here", check_type=check_type, zone_id=self.zone_id)

    async def _run(self, assignment: Assignment, probe: Probe, turn: Turn) -> bool:
        """One probe and its observation; whether it is void and must be repeated."""
        began, was_blind = self._process.monotonic(), self.is_blind
        result = await probe(assignment)
        ended = self._process.monotonic()
        if self._stillness.has_been_still(began, ended):
            return True
        if turn.check_id in self._assignments:
            observation = self._observation(assignment, result, round((ended - began) * 1000), turn.round_id)
            self._observed(observation, ended, was_blind=was_blind)
        return False

    def _observed(self, observation: Observation, ended: float, *, was_blind: bool) -> None:
        if observation.available or not self._lookout.counts:
            self._reporter.add(observation)
            return
        self._held.hold(observation, ended, was_blind=was_blind)
        self._lookout.want_round()

    def _round_ended(self, began_at: float, failed: bool) -> None:  # noqa: FBT001 - see `lookout.Told`
        for observation in self._held.release(began_at, failed=failed):
            self._reporter.add(observation)
        if self._held:
            self._lookout.want_round()
        self._judged.set()

    def _observation(self, assignment: Assignment, result: ProbeResult, took_ms: int, round_id: str) -> Observation:
        at_ms = self._process.now_ms()
        return Observation(
            tenant_id=assignment.tenant_id,
            entity_id=assignment.entity_id,
            check_id=assignment.check_id,
            check_type=assignment.check_type,
            zone_id=self.zone_id,
            agent_id=None,
            sender=self._process.sender,
            check_revision=assignment.revision,
            at_ms=at_ms,
            arrival_ms=at_ms,  # until it arrives
            available=result.available,
            status=result.status[:STATUS_LIMIT],
            metrics={name: _kept(metric) for name, metric in result.metrics.items()},
            target=result.target,
            buffers=True,
            took_ms=took_ms,
            round_id=round_id,
        )


def _kept(metric: Metric) -> Metric:
    """Texts are stored no longer than this, and many of them may have to wait for the server."""
    value = metric.value
    is_long = isinstance(value, str) and len(value) > LONGEST_TEXT
    return msgspec.structs.replace(metric, value=str(value)[:LONGEST_TEXT]) if is_long else metric


def _is_same_work(known: Assignment, assignment: Assignment) -> bool:
    """Whether nothing changed but the revision (a label, say)."""
    return known == assignment or msgspec.structs.replace(known, revision=assignment.revision) == assignment
