import asyncio

from structlog.testing import capture_logs

from tests.core.collector.cast import Canaries, lookout
from vedette.collector.canary import Canary
from vedette.collector.lookout import Lookout


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_round_begins_every_ten_seconds() -> None:
    watch = lookout(canaries := Canaries())
    began = now()
    await watch.start()
    await asyncio.sleep(35)
    await watch.stop()

    assert [round(at - began) for at in canaries.began_at] == [0, 10, 20, 30]


async def test_a_round_that_is_wanted_begins_sooner_but_not_at_once_after_another() -> None:
    watch = lookout(canaries := Canaries())
    began = now()
    await watch.start()
    await asyncio.sleep(5)
    for _ in range(100):
        watch.want_round()
    await asyncio.sleep(0.2)
    watch.want_round()
    await asyncio.sleep(3)
    await watch.stop()

    assert [round(at - began) for at in canaries.began_at] == [0, 5, 6]


async def test_each_round_is_told_with_its_beginning_and_outcome() -> None:
    watch = lookout(canaries := Canaries())
    told: list[tuple[float, bool]] = []
    watch.tell(lambda began_at, failed: told.append((began_at, failed)))
    await watch.start()
    await asyncio.sleep(5)
    canaries.answer = False
    await asyncio.sleep(10)
    await watch.stop()

    assert [failed for _, failed in told] == [False, True]
    assert [began_at for began_at, _ in told] == canaries.began_at
    assert watch.is_blind


async def test_going_blind_and_seeing_again_are_in_the_log_once() -> None:
    watch = lookout(canaries := Canaries(answer=False))
    with capture_logs() as logs:
        await watch.start()
        await asyncio.sleep(25)
        canaries.answer = True
        await asyncio.sleep(20)
        await watch.stop()

    assert [entry["event"] for entry in logs] == ["blind: no canary answers", "canaries answer again"]


async def test_with_nothing_to_ask_it_is_never_blind_and_says_so() -> None:
    watch = Lookout([], now, Canaries(answer=False), gateway=lambda: None)
    with capture_logs() as logs:
        await watch.start()
        await asyncio.sleep(30)
        await watch.stop()

    assert len(logs) == 1
    assert not watch.is_blind
    assert not watch.counts


async def test_a_gateway_that_goes_away_after_it_has_answered_makes_blind() -> None:
    gateways = [Canary("192.0.2.1")]
    watch = Lookout([], now, Canaries(), gateway=lambda: gateways[0] if gateways else None)
    await watch.start()
    await asyncio.sleep(5)
    saw = watch.counts, watch.is_blind
    gateways.clear()
    await asyncio.sleep(10)
    blind = watch.is_blind
    await watch.stop()

    assert saw == (True, False)
    assert blind
