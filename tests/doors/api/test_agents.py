"""Agents, their connections, and what is asked of them (reference: agents, agent host information, agent targets)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doors.api.house import Caller, Cast, House
from vedette.adapters.local.clock import now_ms
from vedette.app.storage import open_stores
from vedette.ports.agents import AgentSeen, Connection


def seen(house: House, caller: Caller, *agents: str) -> None:
    """They have connected once."""
    rows = [
        AgentSeen(
            tenant_id=caller.tenant, id=agent, last_connected_ms=now_ms(), token_public_id="atA", ip="192.0.2.7",
            version="2.6.23",
        )
        for agent in agents
    ]  # fmt: skip

    async def write() -> None:
        async with open_stores(house.config) as stores:
            await stores.commit(stores.agents.seen(rows))

    house.run(write())


def connected(house: House, caller: Caller, agent: str, *keys: str) -> None:
    """They are live connections of this very process."""
    rows = [
        Connection(
            id=key, process_id=house.app.process_id, tenant_id=caller.tenant, token_public_id="atA", agent_id=agent,
            guid="0b49b96d-24c9-45ca-c585-4040707f4880", ip="192.0.2.7", port=40001, since_ms=5,
            endpoint="agent.example.org:50041", process_version="2.6.23", bundle_version="2.6.23", features=("confd",),
        )
        for key in keys
    ]  # fmt: skip

    async def write() -> None:
        async with open_stores(house.config) as stores:
            await stores.commit(stores.agents.connected(rows))

    house.run(write())


def test_agents_are_listed_by_id(house: House, cast: Cast) -> None:
    seen(house, cast.alice, "web-2", "web-1", "db.example.org")
    seen(house, cast.charlie, "theirs")

    everything = cast.bob.get("/agents")
    page = cast.bob.get("/agents", limit=1, marker="web-1")

    assert [one["id"] for one in everything["values"]] == ["db.example.org", "web-1", "web-2"]
    assert everything["metadata"]["limit"] == 100
    assert (page["values"][0]["id"], page["metadata"]["next_marker"]) == ("web-1", "web-2")
    assert cast.bob.get("/agents/web-1") == page["values"][0]
    assert abs(page["values"][0]["last_connected"] - now_ms()) < 60_000


@pytest.mark.parametrize("key", ["none", "theirs", "%00"])
def test_an_agent_that_never_connected_is_not_found(house: House, cast: Cast, key: str) -> None:
    seen(house, cast.charlie, "theirs")

    assert cast.alice.refused("GET", f"/agents/{key}")["code"] == 404


def test_connections_have_what_clients_read(house: House, cast: Cast) -> None:
    seen(house, cast.alice, "web")
    number = cast.alice.tenant
    connected(house, cast.alice, "web", f"cnB{number}", f"cnA{number}")

    shown = cast.bob.get("/agents/web/connections")

    assert shown["values"][0] == {
        "id": f"cnA{number}", "guid": "0b49b96d-24c9-45ca-c585-4040707f4880", "agent_id": "web",
        "endpoint": "agent.example.org:50041", "process_version": "2.6.23", "bundle_version": "2.6.23",
        "agent_ip": "192.0.2.7", "agent_port": "40001", "features": ["confd"], "connected_at": 5,
    }  # fmt: skip
    assert [one["id"] for one in shown["values"]] == [f"cnA{number}", f"cnB{number}"]
    assert cast.bob.get(f"/agents/web/connections/cnB{number}") == shown["values"][1]
    page = cast.bob.get("/agents/web/connections", limit=1)
    assert page["metadata"]["next_marker"] == f"cnB{number}"


def test_an_agent_without_connections_has_an_empty_list(house: House, cast: Cast) -> None:
    seen(house, cast.alice, "web")

    assert cast.alice.get("/agents/web/connections")["values"] == []
    assert cast.alice.refused("GET", "/agents/web/connections/cnA")["type"] == "notFoundError"


def test_connections_of_an_agent_that_never_connected_have_no_parent(house: House, cast: Cast) -> None:
    connected(house, cast.charlie, "theirs", f"cn{cast.charlie.tenant}")

    for path in ("/agents/theirs/connections", f"/agents/theirs/connections/cn{cast.charlie.tenant}"):
        fault = cast.alice.refused("GET", path)
        assert (fault["type"], fault["code"]) == ("parentNotFoundError", 404)


def test_connections_of_several_agents_are_one_view(house: House, cast: Cast) -> None:
    connected(house, cast.alice, "web", f"cn1{cast.alice.tenant}")
    connected(house, cast.charlie, "db", f"cn2{cast.charlie.tenant}")

    view = cast.alice.get("/views/connections", agentId=["web", "db"])

    assert [(one["agent_id"], len(one["connections"])) for one in view["values"]] == [("web", 1), ("db", 0)]
    assert view["values"][0]["connections"] == cast.alice.get("/agents/web/connections")["values"]
    assert cast.alice.refused("GET", "/views/connections")["message"] == "Validation error for key 'agentId'"


ASKED = [
    ("GET", "/agents/{agent}/host_info/memory"),
    ("GET", "/agents/{agent}/host_info/network_interaces"),
    ("GET", "/agents/{agent}/host_info/network_interfaces"),
    ("GET", "/agents/{agent}/host_info_types"),
    ("POST", "/agents/{agent}/upgrade"),
    ("GET", "/entities/{entity}/agent/host_info/cpus"),
    ("GET", "/entities/{entity}/agent/check_types/agent.filesystem/targets"),
    ("GET", "/views/agent_host_info?include=cpus&agentId={agent}"),
    ("GET", "/views/agent_host_info?include=cpus&include=memory&entityId={entity}"),
]


REASONS = {"upgrade": ("notImplementedError", 501)}
"""Of agents that do not announce that they can do it."""


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_what_is_asked_of_an_agent_says_why_it_cannot_be(house: House, cast: Cast, method: str, path: str) -> None:
    entity = cast.alice.entity(agent_id="web")
    seen(house, cast.charlie, "web")
    path = path.format(agent="web", entity=entity)

    def asked() -> tuple[str, int, str]:
        fault = cast.alice.refused(method, path)
        return fault["type"], fault["code"], fault["details"]

    assert asked() == ("agentDoesNotExist", 400, "Agent web does not exist")
    seen(house, cast.alice, "web")
    assert asked() == ("agentNotConnected", 400, "Agent web is not connected")
    connected(house, cast.alice, "web", f"cn{cast.alice.tenant}")  # and gone meanwhile
    assert asked()[:2] == REASONS.get(path.rpartition("/")[2], ("agentNotConnected", 400))


@pytest.mark.parametrize(
    "path",
    [
        "/entities/{entity}/agent/host_info/cpus",
        "/entities/{entity}/agent/check_types/agent.disk/targets",
        "/views/agent_host_info?include=cpus&entityId={entity}",
    ],
)
def test_an_entity_without_an_agent_has_none_that_exists(cast: Cast, path: str) -> None:
    fault = cast.alice.refused("GET", path.format(entity=cast.alice.entity()))

    assert (fault["type"], fault["message"], fault["details"]) == (
        "agentDoesNotExist", "Agent does not exist", "Agent null does not exist"
    )  # fmt: skip


@pytest.mark.parametrize("path", ["host_info/cpus", "check_types/agent.disk/targets"])
def test_another_tenants_entity_is_no_parent(cast: Cast, path: str) -> None:
    entity = cast.charlie.entity(agent_id="web")

    assert cast.alice.refused("GET", f"/entities/{entity}/agent/{path}")["type"] == "parentNotFoundError"


@pytest.mark.parametrize(
    ("type_", "kind", "code"),
    [
        ("agent.memory", "checkDoesNotSupportTargets", 400),
        ("remote.http", "checkDoesNotSupportTargets", 400),
        ("agent.nothing", "notFoundError", 404),
    ],
)
def test_types_without_targets_say_so(cast: Cast, type_: str, kind: str, code: int) -> None:
    fault = cast.alice.refused("GET", f"/entities/{cast.alice.entity()}/agent/check_types/{type_}/targets")

    assert (fault["type"], fault["code"]) == (kind, code)


@pytest.mark.parametrize("path", ["/agents/web/host_info/x", "/entities/{entity}/agent/host_info/CPUS"])
def test_an_unknown_type_of_host_info_is_not_found(cast: Cast, path: str) -> None:
    fault = cast.alice.refused("GET", path.format(entity=cast.alice.entity(agent_id="web")))

    assert (fault["type"], fault["code"]) == ("notFoundError", 404)


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"entityId": "enA"}, "include"),
        ({"entityId": "enA", "include": ""}, "include"),
        ({"entityId": "enA", "include": "x"}, "include"),
        ({"include": "cpus"}, "agentId, entityId, uri"),
        ({"include": "cpus", "entityId": "enA", "agentId": "web"}, "agentId"),
    ],
)
def test_the_host_info_view_needs_to_know_what_and_whose(cast: Cast, query: dict[str, Any], key: str) -> None:
    fault = cast.alice.refused("GET", "/views/agent_host_info", params=query)

    assert fault["message"] == f"Validation error for key '{key}'"


def test_only_who_may_create_may_ask_for_an_upgrade(house: House, cast: Cast) -> None:
    seen(house, cast.alice, "web")

    assert cast.bob.refused("POST", "/agents/web/upgrade")["type"] == "missingCapabilitiesError"
