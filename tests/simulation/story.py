"""One simulated world from beginning to end, and what is wrong with how it went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

import msgspec
import structlog

from tests.simulation.processes import kept_alive
from tests.simulation.truth import AGENT, PERIOD_S, ZONES, Truth, planned
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.world import EPOCH_MS, OF_AGENT, REMOTE, TIMEOUT_S, Received, Unreachable, World
from vedette.collector import collector, stillness
from vedette.domain.history import StateChange
from vedette.domain.observations import Logged, Observation
from vedette.domain.states import State
from vedette.ports.unit import StoreUnavailable
from vedette.services.events import event_id

COLLECTORS_BEAT_S = 5.0
"""Of a simulated collector's own watch over itself, which beats four times a second where time is dear."""


ON_THEIR_WAY_MS = 50
"""The log has what was on its way to the disk at the same time in any order, and what is evaluated has its."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What was written down and who was told."""

    seed: int
    truth: Truth
    changes: Sequence[StateChange]
    received: Sequence[Received]
    states: dict[str, str]
    before_last: dict[str, str]  # the states just before the last outage
    log: Sequence[Logged]
    errors: Sequence[str]  # of tasks that ended by themselves


def told(seed: int) -> Story:
    """Runs the world of a seed."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        with (
            _quiet(),
            mock.patch.object(collector, "BEAT_S", COLLECTORS_BEAT_S),
            mock.patch.object(stillness, "BEAT_S", COLLECTORS_BEAT_S),
        ):
            return loop.run_until_complete(_run(seed, loop))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """What a simulated process logs is nobody's concern."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


async def _run(seed: int, loop: VirtualLoop) -> Story:
    truth = planned(seed)
    world = World(truth, seed, loop)
    await world.configure()
    for name in ("server", *ZONES, AGENT):
        loop.create_task(kept_alive(world, name))
    await asyncio.sleep(truth.last.begin - world.now_s)
    before = await world.states()
    await asyncio.sleep(truth.end_s - world.now_s)
    story = Story(
        seed=seed,
        truth=truth,
        changes=await world.changelog(),
        received=world.received,
        states=await world.states(),
        before_last=before,
        log=await world.log(),
        errors=[repr(error) for error in loop.unexpected if not isinstance(error, Unreachable | StoreUnavailable)],
    )
    world.end()
    return story


def problems(story: Story) -> list[str]:
    """Every way in which the invariants did not hold."""
    return [*story.errors, *_paging(story), *_evidence(story), *_convergence(story)]


def _paging(story: Story) -> Iterator[str]:
    """Every change is told, and nothing else; a first OK is none."""
    due = {event_id(one) for one in story.changes if _is_told(one)}
    got = {one.event_id for one in story.received}
    yield from (f"never told: {one}" for one in sorted(due - got))
    yield from (f"told without a change: {one}" for one in sorted(got - due))


def _is_told(change: StateChange) -> bool:
    return not (change.previous_state is State.UNKNOWN and change.state is State.OK)


def _evidence(story: Story) -> Iterator[str]:
    """No alarm of a target that was well, or of an agent that was there, but for what no canary can see."""
    for change in story.changes:
        if change.state is not State.CRITICAL:
            continue
        at = (change.at_ms - EPOCH_MS) / 1000
        if change.alarm_id == REMOTE:
            yield from _evidence_of_target(story, change, at)
        elif not _was_away(story.truth, at):
            yield f"the agent was there, and yet CRITICAL at {at:.1f} s"


def _evidence_of_target(story: Story, change: StateChange, at: float) -> Iterator[str]:
    truth = story.truth
    window_s = 1.5 * truth.count * PERIOD_S + 2 * TIMEOUT_S + 10
    if not truth.failed_within(at - window_s, at):
        yield f"the target was well, and yet CRITICAL at {at:.1f} s"
    witnesses = {
        one.entry.zone_id
        for one in story.log
        if isinstance(one.entry, Observation) and _testifies(one.entry, change, at - window_s)
    }
    least = 1 if truth.consistency == "ONE" else 2
    if len(witnesses) < least:
        yield f"CRITICAL at {at:.1f} s with {len(witnesses)} of at least {least} zones that saw it fail"


_OVERTAKEN_MS = 20
"""Of two reports that are stored at once, the later one may come first in the log."""


def _testifies(observation: Observation, change: StateChange, since_s: float) -> bool:
    return (
        observation.check_id == change.check_id
        and (not observation.available or observation.metrics["code"].value != "200")
        and not observation.is_blind
        and observation.arrival_ms <= change.at_ms + ON_THEIR_WAY_MS
        and (observation.arrival_ms - EPOCH_MS) / 1000 >= since_s
    )


def _was_away(truth: Truth, at: float) -> bool:
    """Whether the agent was dead, cut off or coming back for a part of what its silence was measured by."""
    limit_s = PERIOD_S + (30 if truth.is_agent_fast else 180)
    spans = [*truth.deaths[AGENT], *truth.cut[AGENT], *truth.deaths["server"], *truth.disk]
    is_dead = truth.agent_dies_s is not None and at > truth.agent_dies_s
    return is_dead or (truth.loss > 0) or any(one.meets(at - 4 * limit_s, at) for one in spans)


def _convergence(story: Story) -> Iterator[str]:
    """What is well is OK in the calm; what fails then is told in time, and so is its end."""
    truth = story.truth
    if story.before_last != {REMOTE: "OK", OF_AGENT: "OK"}:
        yield f"not OK before the last outage: {story.before_last}"
    yield from _late(story, REMOTE, truth.last.begin, truth.count * PERIOD_S + 2 * TIMEOUT_S + 10)
    if truth.agent_dies_s is not None:
        limit_s = PERIOD_S + (30 if truth.is_agent_fast else 180)
        yield from _late(story, OF_AGENT, truth.agent_dies_s, limit_s + PERIOD_S + 15)
    well = {REMOTE: "OK", OF_AGENT: "OK" if truth.agent_dies_s is None else "CRITICAL"}
    if story.states != well:
        yield f"in the end {story.states}, where {well} was true"


def _late(story: Story, alarm_id: str, since_s: float, within_s: float) -> Iterator[str]:
    pages = [one for one in story.received if (one.alarm_id, one.state) == (alarm_id, "CRITICAL")]
    if not any(since_s <= page.at_s <= since_s + within_s for page in pages):
        times = ", ".join(f"{page.at_s:.1f}" for page in pages) or "never"
        yield f"{alarm_id}: no page within {within_s:.0f} s of {since_s:.1f} s: {times}"
