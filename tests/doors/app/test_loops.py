from __future__ import annotations

import asyncio

import pytest

from vedette.app.loops import Loop
from vedette.ports.unit import StoreUnavailable


async def test_it_steps_while_there_is_work_and_then_waits_to_be_woken() -> None:
    work = 3
    stepped = asyncio.Event()

    async def step() -> bool:
        nonlocal work
        if not work:
            stepped.set()
            return False
        work -= 1
        return True

    loop = Loop("test", step, idle_s=3600)
    loop.start()
    await asyncio.wait_for(stepped.wait(), 5)
    work = 2
    stepped.clear()
    loop.wake()
    await asyncio.wait_for(stepped.wait(), 5)
    await loop.stop()
    assert work == 0


async def test_however_often_it_is_woken_it_rests_between_steps_and_ends_at_once_when_it_must() -> None:
    steps = 0
    stepped = asyncio.Event()

    async def step() -> bool:
        nonlocal steps
        steps += 1
        stepped.set()
        return False

    loop = Loop("test", step, idle_s=3600, rest_s=3600)
    loop.start()
    await asyncio.wait_for(stepped.wait(), 5)
    for _ in range(100):
        loop.wake()
        await asyncio.sleep(0)
    assert steps == 1
    await asyncio.wait_for(loop.stop(), 5)


async def test_what_woke_it_while_it_rested_is_not_forgotten() -> None:
    stepped = asyncio.Semaphore(0)

    async def step() -> bool:
        stepped.release()
        return False

    loop = Loop("test", step, idle_s=3600, rest_s=0.01)
    loop.start()
    await asyncio.wait_for(stepped.acquire(), 5)
    loop.wake()
    await asyncio.wait_for(stepped.acquire(), 5)
    await loop.stop()


async def test_a_store_that_is_away_does_not_end_it() -> None:
    answers = [StoreUnavailable("away"), None]
    done = asyncio.Event()

    async def step() -> bool:
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer
        done.set()
        return False

    loop = Loop("test", step, idle_s=0.01)
    loop.start()
    await asyncio.wait_for(done.wait(), 5)
    await loop.stop()


async def test_any_other_error_ends_it_and_is_kept_for_whoever_watches() -> None:
    async def step() -> bool:
        raise ValueError("a mistake of ours")

    loop = Loop("test", step, idle_s=0.01)
    loop.start()
    assert loop.task is not None
    with pytest.raises(ValueError, match="a mistake of ours"):
        await loop.task


async def test_what_is_written_down_now_and_then_is_written_once_more_at_the_end() -> None:
    steps = 0
    first = asyncio.Event()

    async def step() -> bool:
        nonlocal steps
        steps += 1
        first.set()
        return False

    loop = Loop("test", step, idle_s=3600, steps_at_stop=True)
    loop.start()
    await first.wait()
    await loop.stop()
    assert steps == 2
