"""A process that appends observations, says so when they are on disk, and rolls up as fast as it can: to be killed.

`python -m tests.contracts.moving_process FILE FROM`: a line for each minute that was acknowledged.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from tests.contracts.examples import observation
from tests.contracts.histories import DAY, settle
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.domain.metrics import Metric
from vedette.rollups.resolutions import DAY_MS

MINUTE_MS = 60_000


async def run(path: Path, first: int) -> None:
    """Until it is killed."""
    database = SqliteDatabase(path)
    await database.start()
    opened = stores(database)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_append(opened, first))
        tasks.create_task(_roll_up(opened))


async def _append(opened: Stores, first: int) -> None:
    for minute in count(first):
        metrics = {"n": Metric("i", minute)}
        await opened.commit(opened.observations.append([observation("chA", DAY + minute * MINUTE_MS, metrics=metrics)]))
        print(minute, flush=True)  # noqa: T201 - the parent reads it


async def _roll_up(opened: Stores) -> None:
    while True:
        before = await opened.observations.cursor("evaluate")
        logged = await opened.observations.after(before, 10_000)
        if logged:
            await opened.commit(opened.observations.advance("evaluate", before, logged[-1].seq))
        await settle(opened, DAY + 1_000 * DAY_MS)
        await asyncio.sleep(0)  # SQLite is read on the event loop: the other task gets its turn


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
