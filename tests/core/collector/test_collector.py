import asyncio
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.core.collector.cast import (
    DOWN,
    UP,
    ZONE,
    Canaries,
    Machine,
    Server,
    Target,
    assigned,
    collector,
    lookout,
    observed,
)
from vedette.collector.collector import ZoneCollector
from vedette.domain.ids import CheckId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.probing import Assignment, Collector, Confirmation, ProbeResult

A = CheckId("chA")


async def run(zone: ZoneCollector, seconds: float) -> None:
    await zone.start()
    await asyncio.sleep(seconds)
    await zone.stop()


async def test_a_result_becomes_an_observation() -> None:
    metrics = {"code": Metric("s", "200")}
    result = ProbeResult(available=True, status="x" * 300, metrics=metrics, target="192.0.2.7")
    zone: Collector = collector(Target(result, takes_s=2.0), server := Server())
    zone.assign([assigned(revision=7)])
    assert isinstance(zone, ZoneCollector)
    began = asyncio.get_running_loop().time()
    await run(zone, 10)

    (observation,) = server.observations
    assert observation == Observation(
        tenant_id=observed().tenant_id,
        entity_id=observed().entity_id,
        check_id=A,
        check_type="remote.http",
        zone_id=ZONE,
        agent_id=None,
        sender="collector-1",
        check_revision=7,
        at_ms=observation.at_ms,
        arrival_ms=observation.at_ms,
        available=True,
        status="x" * 256,
        metrics=metrics,
        target="192.0.2.7",
        buffers=True,
        took_ms=2000,
    )
    assert began + 2 <= observation.at_ms / 1000 <= began + 2 + 5.1


async def test_a_long_text_is_kept_no_longer_than_it_will_be_stored() -> None:
    """A page of half a megabyte a minute would fill the memory while the server is away."""
    metrics = {"body": Metric("s", "y" * 500_000), "bytes": Metric("L", 500_000)}
    zone = collector(Target(ProbeResult(available=True, status="", metrics=metrics)), server := Server())
    zone.assign([assigned()])
    await run(zone, 10)

    (observation,) = server.observations
    assert observation.metrics == {"body": Metric("s", "y" * 4_096), "bytes": metrics["bytes"]}


async def test_a_check_is_probed_at_its_period_without_drift() -> None:
    zone = collector(target := Target(takes_s=7.0), Server())
    zone.assign([assigned()])
    await run(zone, 605)

    gaps = [later - earlier for earlier, later in pairwise(target.began_at)]
    assert len(gaps) in (9, 10)
    assert all(gap == pytest.approx(60, abs=0.01) for gap in gaps)


async def test_a_probe_that_outlasts_its_period_does_not_pile_up() -> None:
    zone = collector(target := Target(takes_s=90.0), Server())
    zone.assign([assigned()])
    await run(zone, 600)

    assert target.most_at_once == 1
    assert [round(later - earlier) for earlier, later in pairwise(target.began_at)] == [120] * 4


async def test_no_more_probes_run_at_once_than_may_and_the_others_wait() -> None:
    zone = collector(target := Target(takes_s=1.0), server := Server(), at_once=3)
    zone.assign([assigned(f"ch{number}") for number in range(10)])
    await run(zone, 59)

    assert target.most_at_once == 3
    assert len(server.observations) == 10


def asked(round_id: str = "chA:1", in_ms: int = 5000, check_id: str = "chA") -> Confirmation:
    return Confirmation(check_id=CheckId(check_id), round_id=round_id, in_ms=in_ms)


async def test_a_confirm_round_is_answered_in_its_time_and_the_schedule_goes_on() -> None:
    zone = collector(target := Target(takes_s=2.0), server := Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(20)
    asked_at = asyncio.get_running_loop().time()
    zone.confirm(asked())
    await asyncio.sleep(50)
    await zone.stop()

    first, confirming, second = target.began_at
    assert confirming == pytest.approx(asked_at + 5, abs=0.01)
    assert second - first == pytest.approx(60, abs=0.01)
    assert [observation.round_id for observation in server.observations] == ["", "chA:1", ""]
    assert [observation.took_ms for observation in server.observations] == [2000] * 3


async def test_a_round_asked_for_again_is_answered_once() -> None:
    zone = collector(Target(), server := Server())
    zone.put(assigned())
    await zone.start()
    for _ in range(10):
        zone.confirm(asked())
        await asyncio.sleep(2)
    zone.assign([assigned(revision=2)])
    zone.confirm(asked(in_ms=0))
    await asyncio.sleep(1)
    zone.confirm(asked("chA:2", in_ms=0))
    await asyncio.sleep(1)
    await zone.stop()

    assert [one.round_id for one in server.observations if one.round_id] == ["chA:1", "chA:2"]


async def test_a_round_is_answered_while_the_probe_of_the_schedule_hangs() -> None:
    async def probe(_: Assignment) -> ProbeResult:
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(30 if len(began) == 1 else 1)
        return DOWN

    began: list[float] = []
    zone = collector(probe, server := Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(6)
    zone.confirm(asked())
    await asyncio.sleep(40)
    await zone.stop()

    assert [(one.round_id, one.took_ms) for one in server.observations] == [("chA:1", 1000), ("", 30000)]


async def test_a_turn_of_the_schedule_is_taken_while_a_round_is_answered() -> None:
    zone = collector(Target(takes_s=20.0), server := Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(50)
    zone.confirm(asked(in_ms=0))
    await asyncio.sleep(40)
    await zone.stop()

    assert sorted(one.round_id for one in server.observations) == ["", "", "chA:1"]


async def test_a_void_probe_of_a_round_is_repeated_as_one_of_the_round() -> None:
    machine = Machine()

    async def probe(_: Assignment) -> ProbeResult:
        await asyncio.sleep(1)
        if not machine.suspended_s:
            machine.suspended_s += 30
        await asyncio.sleep(1)
        return UP

    zone = collector(probe, server := Server(), machine=machine)
    zone.put(assigned(period_s=600))
    await zone.start()
    zone.confirm(asked(in_ms=0))
    await asyncio.sleep(12)
    await zone.stop()

    assert [one.round_id for one in server.observations if one.round_id] == ["chA:1"]


async def test_a_round_for_a_check_that_is_not_run_here_or_no_more_is_not_answered() -> None:
    zone = collector(target := Target(), Server())
    await zone.start()
    zone.confirm(asked(in_ms=0))
    zone.put(assigned(period_s=600))
    await asyncio.sleep(10)
    zone.confirm(asked("chA:2"))
    zone.drop(A)
    await asyncio.sleep(10)
    await zone.stop()

    assert len(target.began_at) == 1


async def test_no_round_is_answered_before_the_start_and_after_the_stop() -> None:
    zone = collector(target := Target(), Server())
    zone.put(assigned(period_s=600))
    zone.confirm(asked("chA:0", in_ms=0))
    await zone.start()
    zone.confirm(asked())
    await zone.stop()
    await asyncio.sleep(60)

    assert target.began_at == []


async def test_assigning_the_list_again_keeps_the_rhythm() -> None:
    zone = collector(target := Target(), Server())
    zone.assign([assigned(), assigned("chB")])
    await zone.start()
    for _ in range(30):
        await asyncio.sleep(10)
        zone.assign([assigned("chB", revision=2), assigned()])
        zone.put(assigned())
    await zone.stop()

    assert len(target.began_at) == 10


@pytest.mark.parametrize(
    "change", [{"details": {"url": "http://two.example/"}}, {"target": "192.0.2.1"}, {"period_s": 30}]
)
async def test_a_check_whose_work_changed_runs_soon(change: dict[str, Any]) -> None:
    zone = collector(target := Target(), Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(20)
    changed_at = asyncio.get_running_loop().time()
    zone.put(assigned(revision=2, **change))
    await asyncio.sleep(5.5)
    put = target.began_at[-1]
    zone.assign([assigned(revision=3)])
    await asyncio.sleep(5.5)
    await zone.stop()

    assert len(target.began_at) == 3
    assert changed_at <= put <= changed_at + 5.3


async def test_a_new_revision_of_the_same_work_is_reported_at_the_next_turn() -> None:
    zone = collector(Target(), server := Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(20)
    zone.put(assigned(revision=2))
    await asyncio.sleep(60)
    await zone.stop()

    assert [observation.check_revision for observation in server.observations] == [1, 2]


async def test_a_dropped_check_is_probed_no_more_and_what_is_in_flight_is_no_observation() -> None:
    zone = collector(target := Target(takes_s=10), server := Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(6)
    zone.drop(A)
    zone.drop(A)
    await asyncio.sleep(120)
    await zone.stop()

    assert len(target.began_at) == 1
    assert server.observations == []


async def test_an_unknown_check_type_is_in_the_log_once() -> None:
    zone = collector(Target(), server := Server())
    zone.assign([assigned(f"ch{number}", check_type="remote.telepathy") for number in range(5)])
    with capture_logs() as logs:
        await run(zone, 300)

    assert [entry["check_type"] for entry in logs] == ["remote.telepathy"]
    assert server.observations == []


async def test_a_probe_that_breaks_is_in_the_log_seldom_and_stops_nothing() -> None:
    async def breaks(assignment: Assignment) -> ProbeResult:
        if assignment.check_id == A:
            raise ZeroDivisionError
        return UP

    zone = collector(breaks, server := Server())
    zone.assign([assigned(), assigned("chB")])
    with capture_logs() as logs:
        await run(zone, 60 * 11 + 10)

    assert {observation.check_id for observation in server.observations} == {"chB"}
    assert [(entry["check_id"], entry["count"]) for entry in logs] == [(A, 1), (A, 10)]
    assert len(server.observations) == 12


async def test_a_probe_during_which_the_collector_stood_still_is_void_and_repeated() -> None:
    machine = Machine()
    results = [DOWN, UP]

    async def probe(_: Assignment) -> ProbeResult:
        await asyncio.sleep(1)
        if len(results) == 2:
            machine.suspended_s += 30
        await asyncio.sleep(1)
        return results.pop(0)

    zone = collector(probe, server := Server(), machine=machine)
    zone.put(assigned())
    await run(zone, 12)

    assert [observation.available for observation in server.observations] == [True]
    assert results == []


async def test_stop_waits_for_probes_in_flight_and_reports_what_they_saw() -> None:
    zone = collector(Target(takes_s=3), server := Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(5)
    await zone.stop(within_s=10)

    assert len(server.observations) == 1
    assert zone.unsent == 0


async def test_stop_cancels_what_takes_too_long() -> None:
    loop = asyncio.get_running_loop()
    zone = collector(target := Target(takes_s=300), server := Server())
    zone.put(assigned())
    await zone.start()
    await asyncio.sleep(6)
    began = loop.time()
    await zone.stop(within_s=10)

    assert loop.time() - began <= 10
    assert target.at_once == 0
    assert server.observations == []


async def test_stop_says_what_could_not_be_reported() -> None:
    server = Server()
    server.error = OSError("gone")
    zone = collector(Target(), server)
    zone.put(assigned())
    with capture_logs() as logs:
        await run(zone, 6)

    assert zone.unsent == 1
    assert logs[-1]["count"] == 1


async def test_stopping_what_was_not_started_or_twice_is_fine() -> None:
    zone = collector(Target(), Server())
    await zone.stop()
    await run(zone, 1)
    await zone.stop()


async def test_nothing_is_probed_after_the_stop() -> None:
    zone = collector(target := Target(), Server())
    await run(zone, 1)
    zone.assign([assigned()])
    zone.put(assigned("chB"))
    await asyncio.sleep(120)

    assert target.began_at == []


async def test_a_failing_observation_is_sent_after_a_round_that_began_after_its_probe() -> None:
    watch = lookout(canaries := Canaries())
    zone = collector(target := Target(DOWN), server := Server(), watch)
    zone.put(assigned())
    await watch.start()
    await run(zone, 8)
    await watch.stop()

    (observation,) = server.observations
    assert not observation.is_blind
    assert any(at >= target.began_at[0] + target.takes_s for at in canaries.began_at[1:])


async def test_a_failing_observation_of_a_blind_collector_is_marked() -> None:
    watch = lookout(Canaries(answer=False))
    zone = collector(Target(DOWN), server := Server(), watch)
    zone.put(assigned())
    await watch.start()
    await run(zone, 8)
    await watch.stop()

    assert [observation.is_blind for observation in server.observations] == [True]
    assert zone.is_blind


async def test_a_failing_observation_is_marked_when_the_collector_was_blind_before_its_probe() -> None:
    canaries = Canaries(answer=False)
    watch = lookout(canaries)

    async def probe(_: Assignment) -> ProbeResult:
        canaries.answer = True
        return DOWN

    zone = collector(probe, server := Server(), watch)
    await watch.start()
    await asyncio.sleep(1)
    zone.put(assigned())
    await run(zone, 8)
    await watch.stop()

    assert [observation.is_blind for observation in server.observations] == [True]


async def test_an_available_observation_waits_for_nothing_and_is_never_marked() -> None:
    watch = lookout(Canaries(answer=False))
    zone = collector(Target(UP), server := Server(), watch)
    zone.put(assigned())
    await watch.start()
    await run(zone, 8)
    await watch.stop()

    assert [observation.is_blind for observation in server.observations] == [False]


async def test_a_failing_observation_that_no_round_judges_before_the_stop_is_reported_as_blind() -> None:
    class Slow(Canaries):
        async def __call__(self, canaries: object) -> bool:
            await asyncio.sleep(3600)
            return True

    watch = lookout(Slow())
    zone = collector(Target(DOWN), server := Server(), watch)
    zone.put(assigned())
    await watch.start()
    await run(zone, 8)
    await watch.stop()

    assert [observation.is_blind for observation in server.observations] == [True]


async def test_with_nothing_to_ask_a_failing_observation_is_sent_at_once() -> None:
    zone = collector(target := Target(DOWN), server := Server())
    zone.put(assigned())
    await run(zone, 8)

    assert [observation.is_blind for observation in server.observations] == [False]
    assert server.times_s[0] == pytest.approx(target.began_at[0] + target.takes_s, abs=0.01)
