"""Agent installers: a shell script that sets the agent up (an address that only clients know)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doors.api.house import Caller, Cast, House
from vedette.agent.config import load

SHELL = shutil.which("sh") or ""
pytestmark = pytest.mark.skipif(not SHELL, reason="there is no shell here")


def installer(caller: Caller, entity: str, **more: Any) -> httpx.Response:
    answer = caller.call("POST", "/agent_installers", {"entity_id": entity} | more)
    assert answer.status_code == 201, answer.text
    return answer


def script_of(made: httpx.Response) -> str:
    """Fetched as a host does: without a token."""
    answer = httpx.get(made.headers["X-Shell-Installer-Location"], trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/x-shellscript")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def install(script: str, directory: Path, *arguments: str) -> tuple[int, str]:
    """Runs it as `curl ... | sh -s -- ARGUMENTS` does, in a home of its own, where no vedette is installed."""
    environment = {"HOME": str(directory / "home"), "PATH": os.defpath}
    done = subprocess.run(
        [SHELL, "-s", "--", *arguments], input=script, text=True, env=environment, capture_output=True, check=False,
        timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def values_of(config: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in config.read_text().splitlines())


def test_the_script_writes_what_the_agent_reads(house: House, cast: Cast, tmp_path: Path) -> None:
    entity = cast.alice.entity(agent_id="web.example.org")
    config = tmp_path / "it's a folder" / "agent.conf"

    status, said = install(script_of(installer(cast.alice, entity)), tmp_path, "--config", str(config))

    assert status == 0, said
    read = load(config)
    [token] = cast.alice.get("/agent_tokens")["values"]
    assert (read.token, read.agent_id) == (token["token"], "web.example.org")
    assert [str(endpoint) for endpoint in read.endpoints] == [str(house.app.agent)]
    assert config.stat().st_mode & 0o777 == 0o600
    assert token["token"] not in said
    assert token["allowed_agents"] == ["web.example.org"]
    assert not [path for path in config.parent.iterdir() if path.suffix == ".new"]


def test_the_script_can_be_run_again(cast: Cast, tmp_path: Path) -> None:
    entity = cast.alice.entity(agent_id="web")
    config = tmp_path / "agent.conf"
    config.write_text("monitoring_token old\n")

    for _ in range(2):
        assert install(script_of(installer(cast.alice, entity)), tmp_path, "--config", str(config))[0] == 0

    assert values_of(config)["monitoring_id"] == "web"


@pytest.mark.parametrize("arguments", [["--confg", "x"], ["--config"]])
def test_the_script_refuses_arguments_that_it_does_not_know(cast: Cast, tmp_path: Path, arguments: list[str]) -> None:
    status, said = install(script_of(installer(cast.alice, cast.alice.entity())), tmp_path, *arguments)

    assert status == 1
    assert "expected" in said
    assert not list(tmp_path.iterdir())


def test_an_entity_without_an_agent_is_bound_to_one(cast: Cast, tmp_path: Path) -> None:
    entity = cast.alice.entity(uri="https://example.org/1")

    text = script_of(installer(cast.alice, entity))

    shown = cast.alice.get(f"/entities/{entity}")
    assert (shown["agent_id"], shown["label"], shown["uri"]) == (entity, "web1", "https://example.org/1")
    assert install(text, tmp_path, "--config", str(tmp_path / "a.conf"))[0] == 0
    assert values_of(tmp_path / "a.conf")["monitoring_id"] == entity
    audit = cast.alice.audits()[-1]
    assert (audit["app"], [one["id"] for one in audit["previous_state"]]) == ("agent_installers", [entity])


def test_a_token_can_be_chosen(cast: Cast, tmp_path: Path) -> None:
    token = cast.alice.create("/agent_tokens", label="mine")
    made = installer(cast.alice, cast.alice.entity(), agent_token=token)

    assert install(script_of(made), tmp_path, "--config", str(tmp_path / "a.conf"))[0] == 0

    assert values_of(tmp_path / "a.conf")["monitoring_token"] == token
    assert len(cast.alice.get("/agent_tokens")["values"]) == 1
    assert token not in str(cast.alice.audits()[-1])


def test_the_json_says_what_it_is_for_and_holds_no_secret(cast: Cast) -> None:
    entity = cast.alice.entity(agent_id="web")
    made = installer(cast.alice, entity)

    shown = httpx.get(made.headers["Location"], trust_env=False).json()

    assert made.headers["Location"].endswith(f"/agent_installers/{made.headers['X-Object-ID']}")
    assert set(shown) == {"id", "entity_id", "agent_id", "endpoint", "expires_at"}
    assert (shown["entity_id"], shown["agent_id"]) == (entity, "web")


def test_it_ends_with_its_token_and_with_its_entity(cast: Cast) -> None:
    for path in ("/agent_tokens/{token}", "/entities/{entity}"):
        entity = cast.alice.entity()
        made = installer(cast.alice, entity)
        token = next(
            one["id"] for one in cast.alice.get("/agent_tokens")["values"] if one["allowed_agents"] == [entity]
        )

        cast.alice.delete(path.format(token=token, entity=entity))

        for address in (made.headers["Location"], made.headers["X-Shell-Installer-Location"]):
            assert httpx.get(address, trust_env=False).status_code == 404


@pytest.mark.parametrize("key", ["x", "x.sh", ".sh", "c69b2ceafc0444506fb32255af3d9be3.sh", "%00", "AAAA" * 600])
def test_an_address_that_was_made_up_is_not_found(cast: Cast, key: str) -> None:
    fault = cast.alice.refused("GET", f"/agent_installers/{key}")

    assert (fault["type"], fault["code"]) == ("notFoundError", 404)
    assert key not in fault["details"] or key in "x.sh"


def test_an_address_holds_below_its_own_tenant_only(cast: Cast) -> None:
    location = installer(cast.alice, cast.alice.entity()).headers["Location"]

    moved = location.replace(f"/{cast.alice.tenant}/", f"/{cast.charlie.tenant}/")

    assert httpx.get(moved, trust_env=False).status_code == 404
    assert httpx.get(location.replace(f"/{cast.alice.tenant}/", "/"), trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "badRequest"),
        ({"entity_id": "chA"}, "invalidKeyPrefix"),
        ({"entity_id": "enNone"}, "requiredNotFoundError"),
        ({"entity_id": "{entity}", "agent_token": "none"}, "requiredNotFoundError"),
    ],
)
def test_what_it_needs_must_be_there(cast: Cast, body: dict[str, str], kind: str) -> None:
    entity = cast.alice.entity()
    asked = {name: value.format(entity=entity) for name, value in body.items()}

    assert cast.alice.refused("POST", "/agent_installers", asked)["type"] == kind
    assert cast.alice.get(f"/entities/{entity}")["agent_id"] is None


def test_only_who_may_create_makes_one(cast: Cast) -> None:
    entity = cast.alice.entity()

    assert cast.bob.refused("POST", "/agent_installers", {"entity_id": entity})["code"] == 403
    assert cast.charlie.refused("POST", "/agent_installers", {"entity_id": entity})["type"] == "requiredNotFoundError"


def test_where_tokens_are_not_shown_again_none_can_be_chosen(tmp_path: Path) -> None:
    with House(tmp_path / "var", token_reveal="once") as house:
        alice = house.cast().alice
        token, entity = alice.create("/agent_tokens"), alice.entity()

        fault = alice.refused("POST", "/agent_installers", {"entity_id": entity, "agent_token": token})

        assert fault["message"] == "Validation error for key 'agent_token'"
        assert "monitoring_token" in script_of(installer(alice, entity))
