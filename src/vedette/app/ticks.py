"""The ticks of this process, and what it says of zones, in the observation log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from vedette.adapters.local.clock import now_ms, steady_ms, steady_s
from vedette.app.alerting import Alerting
from vedette.app.base import Base
from vedette.app.loops import Loop
from vedette.collector.canary import Canary
from vedette.collector.lookout import Lookout
from vedette.domain.history import Change
from vedette.services.collectors import Collectors
from vedette.services.following import Follower
from vedette.services.ticking import TICK_S, Process, Ticking
from vedette.services.zone_watch import ZoneWatch


async def begin_ticking(
    base: Base, alerting: Alerting, collectors: Collectors, follower: Follower, process_id: str
) -> Ticking:
    """Ready for its first step, which comes before any collector starts: its zone is up then."""
    watch = ZoneWatch(process_id, (zone.id for zone in base.config.zones), base.stores.documents)
    watch.standing = collectors.standing

    async def follow(changes: Sequence[Change]) -> None:
        await watch.follow(changes)

    follower.tell(follow)
    surroundings = await base.stores.memory.surroundings()
    await watch.begin(surroundings.zones, steady_ms())
    process = Process(
        id=process_id,
        takes_agents="agent_endpoint" in base.config.roles,
        clock=now_ms,
        steady_ms=steady_ms,
    )
    return Ticking(base.stores.observations, base.stores.commit, process, watch, alerting.evaluating.wake)


async def keep_lookout(base: Base, ticking: Ticking, cleanup: AsyncExitStack) -> None:
    """Where no collector runs in this process, it has canaries of its own to tell that agents could reach it."""
    lookout = Lookout([Canary(canary.host, canary.port) for canary in base.config.canary], steady_s)
    ticking.is_blind = lambda: lookout.is_blind
    await lookout.start()
    cleanup.push_async_callback(lookout.stop)


def ticks(ticking: Ticking, collectors: Collectors) -> Loop:
    """A step is due as well when a collector comes, goes or turns blind."""
    loop = Loop("tick", ticking.step, TICK_S)
    place = collectors.wake

    def wake() -> None:
        place()
        loop.wake()

    collectors.wake = wake
    return loop
