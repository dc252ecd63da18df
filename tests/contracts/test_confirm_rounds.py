"""Confirm rounds, over both databases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.examples import ALICES
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import CheckId
from vedette.engine import confirm
from vedette.engine.confirm import Round
from vedette.ports.confirming import KeptRound
from vedette.ports.unit import Conflict


def a_round(check_id: str = "chA", **members: Any) -> Round:
    plain: dict[str, Any] = {
        "id": f"{check_id}:1000",
        "tenant_id": ALICES,
        "check_id": CheckId(check_id),
        "began_ms": 1_000,
        "after_ms": 5_000,
        "until_ms": 41_000,
        "rests_until_ms": 61_000,
        "asked": ("mzdfw", "mzlon"),
    }
    return Round(**plain | members)


async def test_rounds_are_kept_until_they_are_removed(store: Stores) -> None:
    for check_id in ("chB", "chA"):
        await store.commit(store.confirm_rounds.put(a_round(check_id), 0))
    assert await store.confirm_rounds.all() == [KeptRound(a_round("chA"), 1), KeptRound(a_round("chB"), 1)]
    await store.commit(store.confirm_rounds.remove(KeptRound(a_round("chA"), 1)))
    assert await store.confirm_rounds.all() == [KeptRound(a_round("chB"), 1)]


async def test_a_round_goes_on_by_compare_and_set(store: Stores) -> None:
    await store.commit(store.confirm_rounds.put(a_round(), 0))
    later = confirm.ended(a_round(answered=("mzdfw",)))
    await store.commit(store.confirm_rounds.put(later, 1))
    assert await store.confirm_rounds.all() == [KeptRound(later, 2)]


@pytest.mark.parametrize("revision", [0, 2])
async def test_a_round_that_another_process_changed_is_a_conflict(store: Stores, revision: int) -> None:
    await store.commit(store.confirm_rounds.put(a_round(), 0))
    with pytest.raises(Conflict, match=r"^confirm_round$"):
        await store.commit(store.confirm_rounds.put(a_round(answered=("mzlon",)), revision))
    with pytest.raises(Conflict, match=r"^confirm_round$"):
        await store.commit(store.confirm_rounds.remove(KeptRound(a_round(), 2)))
    assert await store.confirm_rounds.all() == [KeptRound(a_round(), 1)]
