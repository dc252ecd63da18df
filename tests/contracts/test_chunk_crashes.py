"""`kill -9` while observations come in and are rolled up: every acknowledged one is there, and none is there twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.contracts.histories import DAY, series, settle
from tests.contracts.moving_process import MINUTE_MS
from tests.frame.tree import ROOT
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.rollups.resolutions import DAY_MS, ROLLED_UP

KILLS = int(os.environ.get("VEDETTE_TEST_KILLS", "5"))
MOST = 400
"""Minutes that a process may come to before it is killed."""


def live_and_die(path: Path, first: int, minutes: int) -> int:
    """The last minute that was acknowledged."""
    command = [sys.executable, "-m", "tests.contracts.moving_process", str(path), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = first - 1
        for line in process.stdout:
            last = int(line)
            if last >= first + minutes:
                process.kill()
    return last


async def minutes_of(store: Stores) -> list[int]:
    """Of every observation there is, in chunks and in the log."""
    found = await store.points.points(series("n", "mzdfw"), 0, 1 << 53, 1_000_000)
    assert found.missing == ()
    once = [(point.at_ms - DAY) // MINUTE_MS for point in found.items]
    replayed = await store.past.between("chA", 0, 1 << 53, 0, 1_000_000)
    assert sorted(one.entry.at_ms for one in replayed) == [DAY + minute * MINUTE_MS for minute in once]
    return once


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_kill_9_at_any_moment_neither_loses_nor_doubles_an_observation(tmp_path: Path) -> None:
    random = Random(7)
    path = tmp_path / "vedette.sqlite"
    first = 0
    for _ in range(KILLS):
        acknowledged = live_and_die(path, first, random.randrange(1, MOST))
        database = SqliteDatabase(path)
        await database.start()
        store = stores(database)
        there = await minutes_of(store)
        assert there == list(range(len(there)))
        assert len(there) > acknowledged
        first = len(there)
        await settle(store, DAY + 1_000 * DAY_MS)
        for resolution in ROLLED_UP:
            rollups = await store.points.rollups(series("n", "mzdfw"), resolution, 0, 1 << 53, 1_000_000)
            assert sum(one.num_points for one in rollups.items) == len(there)
        await database.stop()
