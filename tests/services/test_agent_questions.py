"""What is asked of connected agents, when somebody answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.fakes.agent_stores import FakeAgentRoll
from tests.fakes.chain import document
from tests.fakes.database import FakeDatabase
from tests.fakes.stores import FakeDocuments
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault
from vedette.domain.ids import TenantId
from vedette.domain.principals import Principal
from vedette.ports.agent_requests import HostInfo
from vedette.ports.agents import Connection, ProcessBeat
from vedette.ports.documents import Filter
from vedette.ports.probing import Assignment, ProbeResult
from vedette.services.agent_questions import AgentQuestions
from vedette.services.entity_selection import Named
from vedette.services.host_info_view import HostInfoView
from vedette.services.requests import Request

ALICE = TenantId("alice")
NOW = 1_000_000


class Answering:
    """Agents that answer, but for those that are `deaf`."""

    def __init__(self, *deaf: str) -> None:
        self.deaf = deaf
        self.asked: list[tuple[str, str]] = []

    async def host_info(self, connections: Sequence[Connection], type: str) -> HostInfo:
        agent_id = connections[0].agent_id
        self.asked.append((agent_id, type))
        if agent_id in self.deaf:
            raise Fault("requestTimeout", "The agent did not answer")
        return HostInfo(timestamp=7, info={"of": agent_id})

    async def host_info_types(self, connections: Sequence[Connection]) -> HostInfo:
        return HostInfo(timestamp=7, info={"types": ["memory"]})

    async def targets(self, connections: Sequence[Connection], check_type: str) -> Sequence[str]:
        return ["/", "/var"]

    async def run(self, connections: Sequence[Connection], assignment: Assignment) -> ProbeResult:
        return ProbeResult(available=True, status="ok")

    async def upgrade(self, connections: Sequence[Connection]) -> None:
        self.asked.append((connections[0].agent_id, "upgrade"))


class Entities(FakeDocuments):
    """Found by their agents too."""

    async def list(
        self, tenant_id: TenantId, kind: Kind, where: Filter, marker: str | None, limit: int
    ) -> list[Document]:
        rows = await super().list(tenant_id, kind, where, marker, 1000)
        rows = [row for row in rows if not where.agent_ids or row.agent_id in where.agent_ids]
        return [row for row in rows if not where.ids or row.id in where.ids][:limit]


class Site:
    """Agents `web` and `db` are connected, `web` is bound to entity `enA`, `gone` to `enB`."""

    def __init__(self, *deaf: str) -> None:
        database = FakeDatabase()
        self.ask = Answering(*deaf)
        agents, documents = FakeAgentRoll(database), Entities(database)
        live = [_connection(f"cn{agent}", agent) for agent in ("web", "db")]
        database.commit_now(agents.beat(ProcessBeat(id="p1", at_ms=NOW, newest_key=1)), agents.connected(live))
        for key, agent in (("enA", "web"), ("enB", "gone"), ("enC", None)):
            public = {"uri": f"uri-{key}", "agent_id": agent}
            database.commit_now(documents.add(document(Kind.ENTITY, key, public, ALICE, agent_id=agent)))
        self.questions = AgentQuestions(agents, documents, self.ask)
        self.view = HostInfoView(documents, agents, self.questions)

    async def viewed(self, types: Sequence[str] = ("memory",), **named: tuple[str, ...]) -> Any:
        page = await self.view.page(REQUEST, Named(**named), types, None, 100)
        return [json.loads(item) for item in page.items]


def _connection(key: str, agent: str) -> Connection:
    return Connection(
        id=key, process_id="p1", tenant_id=ALICE, token_public_id="atA", agent_id=agent, guid="", ip="192.0.2.1",
        port=1, since_ms=1, endpoint="e:1", process_version="1", bundle_version="1",
    )  # fmt: skip


REQUEST = Request(
    principal=Principal(user_id="u", user_name="alice", tenant_id=ALICE, roles=("admin",), expires_at=1),
    tenant_id=ALICE,
    now_ms=NOW,
    transaction_id="t",
    draft=None,
)


async def test_host_info_is_answered_as_the_reference_shows_it() -> None:
    site = Site()

    shown = json.loads(await site.questions.host_info(REQUEST, "web", "network_interaces"))

    assert shown == {"timestamp": 7, "info": {"of": "web"}, "error": None}
    assert site.ask.asked == [("web", "network_interfaces")]
    assert json.loads(await site.questions.host_info_types(REQUEST, "db"))["info"] == {"types": ["memory"]}
    assert json.loads(await site.questions.host_info_of_entity(REQUEST, "enA", "memory"))["info"] == {"of": "web"}


async def test_a_target_has_an_id_and_a_label() -> None:
    targets = await Site().questions.targets(REQUEST, "enA", "agent.filesystem")

    assert [json.loads(target) for target in targets] == [{"id": one, "label": one} for one in ("/", "/var")]


async def test_an_upgrade_goes_to_the_agent() -> None:
    site = Site()

    await site.questions.upgrade(REQUEST, "web")

    assert site.ask.asked == [("web", "upgrade")]


async def test_the_view_tells_of_entities() -> None:
    assert await Site().viewed(entity_ids=("enA",)) == [
        {"agent_id": "web", "entity_id": "enA", "entity_uri": "uri-enA",
         "host_info": {"memory": {"timestamp": 7, "error": None, "info": {"of": "web"}}}}
    ]  # fmt: skip


async def test_the_view_tells_of_agents_that_no_entity_is_bound_to() -> None:
    told = await Site().viewed(("memory", "cpus"), agent_ids=("web", "db"))

    assert [(one["agent_id"], one["entity_id"], one["entity_uri"]) for one in told] == [
        ("db", None, None), ("web", "enA", "uri-enA")
    ]  # fmt: skip
    assert list(told[0]["host_info"]) == ["memory", "cpus"]


async def test_one_agent_that_cannot_be_asked_does_not_hide_the_others() -> None:
    told = await Site().viewed(entity_ids=("enA", "enB"))

    infos = {one["entity_id"]: one["host_info"]["memory"] for one in told}
    assert infos["enA"]["info"] == {"of": "web"}
    assert (infos["enB"]["info"], infos["enB"]["error"]) == (None, "Agent does not exist")


@pytest.mark.parametrize(
    ("deaf", "named", "kind"),
    [
        ((), {"entity_ids": ("enB", "enC")}, "agentDoesNotExist"),
        (("web",), {"entity_ids": ("enA",)}, "requestTimeout"),
        (("web", "db"), {"agent_ids": ("web", "db")}, "requestTimeout"),
    ],
)
async def test_when_none_can_be_asked_it_is_a_fault(
    deaf: tuple[str, ...], named: dict[str, tuple[str, ...]], kind: str
) -> None:
    with pytest.raises(Fault) as caught:
        await Site(*deaf).viewed(**named)
    assert caught.value.kind == kind
