"""How this process asks agents, its own and those of the other processes, and is asked by them."""

from __future__ import annotations

from contextlib import AsyncExitStack

from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.process_requests import nobody_else
from vedette.adapters.postgres.process_requests import Means, PostgresRequests
from vedette.app.base import Base
from vedette.ports.agent_requests import AskAgent
from vedette.ports.process_requests import AnswerProcess, AskProcess
from vedette.services.agent_connections import AgentConnections
from vedette.services.agent_inquiries import Inquiries
from vedette.services.agent_requests import AgentRequests


async def start_asking(base: Base, connections: AgentConnections, process_id: str, cleanup: AsyncExitStack) -> AskAgent:
    """`connections` are those of this process."""
    inquiries = Inquiries(connections)
    ask_process = await _start(base, process_id, inquiries.answer, cleanup)
    return AgentRequests(inquiries, process_id, ask_process, now_ms)


async def _start(base: Base, process_id: str, answer: AnswerProcess, cleanup: AsyncExitStack) -> AskProcess:
    """With SQLite there is nobody else to ask."""
    if base.config.database is None:
        return nobody_else
    means = Means(base.config.database, base.database, base.keys, entropy, now_ms)
    requests = PostgresRequests(means, process_id, answer)
    await requests.start()
    cleanup.push_async_callback(requests.stop)
    return requests
