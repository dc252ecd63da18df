"""An agent that is killed is CRITICAL: a real server, a real connection, and time that the log is told of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.client import Client
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until
from vedette.adapters.sql.stores import Stores, stores
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.domain.happenings import AgentClosed, Tick
from vedette.domain.observations import Entry

T = TypeVar("T")


def in_store(file: Path, do: Callable[[Stores], Awaitable[T]]) -> T:
    """In the database of a running server, as another process of it would."""

    async def run() -> T:
        database = SqliteDatabase(file)
        await database.start()
        try:
            return await do(stores(database))
        finally:
            await database.stop()

    return asyncio.run(run())


async def logged(store: Stores) -> list[Entry]:
    return [one.entry for one in await store.observations.after(0, 100_000)]


async def let_pass(store: Stores, seconds: int) -> None:
    """The server's process ticks on for so long, as far as the log can tell."""
    *_, last = [entry for entry in await logged(store) if isinstance(entry, Tick)]
    ticks = [
        Tick(last.at_ms + ahead_ms, last.process_id, last.steady_ms + ahead_ms, last.takes_agents)
        for ahead_ms in range(5_000, seconds * 1_000 + 1, 5_000)
    ]
    await store.commit(store.observations.append(ticks))


def test_an_agent_that_is_killed_is_disconnected_and_somebody_is_told_once(
    server: Server, client: Client, receiver: Receiver
) -> None:
    entity = client.create("entities", label="a host", agent_id="a-host")
    check = client.create(f"entities/{entity}/checks", type="agent.memory", label="memory", period=30)
    plan = client.tell(receiver.url)
    client.create(f"entities/{entity}/alarms", label="any", check_id=check, notification_plan_id=plan)
    token = client.create("agent_tokens", label="a host")
    file = server.data_dir / "vedette.db"

    with BareAgent(server.agent, server.ca_file, token, "a-host") as agent:
        agent.ask("check_schedule.get", {})
        agent.post(check, actual_used=1)
    until(
        lambda: [entry for entry in in_store(file, logged) if isinstance(entry, AgentClosed)],
        "the closing in the log",
    )
    in_store(file, lambda store: let_pass(store, 600))
    until(lambda: receiver.bodies, "a webhook")

    (event,) = receiver.events
    assert (event["details"]["state"], event["details"]["status"]) == ("CRITICAL", "Agent disconnected")
    assert (event["previous_state"], event["details"]["metrics"]) == ("OK", {})
    points = client.points(entity, check, "actual_used")
    assert [point["numPoints"] for point in points] == [1]
