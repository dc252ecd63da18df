"""The lists of zones: reading long ones holds nobody else up."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.agents import ALICE, Account, entity, remote_check, zone
from vedette.services.assignments import AT_A_TIME, ZoneLists

CHECKS = 10 * AT_A_TIME


@pytest.mark.parametrize("zone_id", ["mzdfw", "pzAttic"])
async def test_while_a_long_list_is_read_others_get_their_turn(zone_id: str) -> None:
    account = Account()
    account.put(entity("enRemote", None))
    account.put(zone("pzAttic"))
    for number in range(CHECKS):
        account.put(remote_check(f"ch{number:05}", zone_id))
    lists = ZoneLists(account.documents, account.keyring)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    if zone_id.startswith("pz"):
        await lists.keep_private(ALICE, zone_id)
    else:
        await lists.keep_built_in([zone_id])
    other.cancel()

    assert len(lists.of(zone_id)) == CHECKS
    assert turns >= CHECKS // AT_A_TIME
