"""How monitoring zones stand."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.acceptance.waiting import until
from tests.doors.api.house import Caller, Cast, House
from vedette.app.storage import open_stores
from vedette.domain.happenings import Spell, ZoneTurned
from vedette.domain.ids import ZoneId


def standing(caller: Caller, key: str) -> dict[str, object]:
    shown: dict[str, object] = caller.get(f"/monitoring_zones/{key}/standing")
    return shown


def test_a_built_in_zone_whose_collector_runs_here_is_up(cast: Cast) -> None:
    shown = standing(cast.bob, "mzdfw")
    since = shown["since"]
    assert shown == {"id": "mzdfw", "standing": "UP", "since": since}
    assert isinstance(since, int)
    assert since <= time.time() * 1000


def test_a_zone_that_no_collector_was_ever_heard_of_is_down(cast: Cast) -> None:
    key = cast.alice.create("/monitoring_zones", label="attic")
    assert standing(cast.alice, key) == {"id": key, "standing": "DOWN", "since": None}


def test_nobody_sees_how_anothers_private_zone_stands(cast: Cast) -> None:
    key = cast.alice.create("/monitoring_zones", label="attic")
    assert cast.charlie.call("GET", f"/monitoring_zones/{key}/standing").status_code == 404
    assert cast.charlie.call("GET", "/monitoring_zones/mzNone/standing").status_code == 404


@pytest.mark.parametrize(("spell", "shown"), [(Spell.BLIND, "BLIND"), (Spell.GONE, "DOWN")])
def test_a_private_zone_stands_as_the_log_says(house: House, cast: Cast, spell: Spell, shown: str) -> None:
    key = cast.alice.create("/monitoring_zones", label="attic")
    at_ms = time.time_ns() // 1_000_000

    async def turn() -> None:
        async with open_stores(house.config) as stores:
            turned = ZoneTurned(at_ms, ZoneId(key), "another process", spell)
            await stores.commit(stores.observations.append([turned]))

    asyncio.run(turn())
    told = {"id": key, "standing": shown, "since": at_ms}
    until(lambda: standing(cast.alice, key) == told, "the turn", seen=lambda: standing(cast.alice, key))
