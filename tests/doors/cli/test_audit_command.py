"""`vedette audit`: whether anything in the audits was changed, removed or slipped in."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.api.house import Caller, House
from tests.doors.cli.command import vedette


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house") / "var") as running:
        yield running


@pytest.fixture
def alice(house: House) -> Caller:
    return house.cast().alice


@pytest.fixture
def here(house: House) -> tuple[str, str]:
    return "--data-dir", str(house.config.data_dir)


def head(alice: Caller, here: tuple[str, str], entries: int) -> str:
    """The end of the chain once so many entries are in it; the sealer runs in the server."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (row,) = vedette("audit", "verify", "--json", "--tenant", alice.tenant, *here).json
        if row["entries"] == entries:
            (found,) = vedette("audit", "head", "--json", "--tenant", alice.tenant, *here).json
            assert found["entry"] == alice.audits()[-1]["id"]
            return str(found["chain"])
    pytest.fail(f"{entries} entries were not sealed")


def test_what_happened_through_the_api_is_sealed_and_whole(alice: Caller, here: tuple[str, str]) -> None:
    entity = alice.entity()
    alice.update(f"/entities/{entity}", label="new")
    alice.refused("POST", "/entities", {})
    alice.delete(f"/entities/{entity}")

    chain = head(alice, here, entries=4)
    ended = vedette("audit", "verify", "--tenant", alice.tenant, "--head", chain, *here)

    assert ended.code == 0
    heading, row = ended.out.splitlines()
    assert heading.split()[:4] == ["TENANT", "STATE", "ENTRIES", "WAITING"]
    assert row.split() == [alice.tenant, "whole", "4", "0"]


def test_every_tenant_is_checked_without_one_named(alice: Caller, here: tuple[str, str]) -> None:
    alice.entity()
    head(alice, here, entries=1)

    ended = vedette("audit", "verify", "--json", *here)
    heads = vedette("audit", "head", "--json", *here)

    assert {row["tenant"]: row["state"] for row in ended.json}[alice.tenant] == "whole"
    assert alice.tenant in [row["tenant"] for row in heads.json]


def test_a_change_in_the_database_is_found_and_the_entry_named(
    house: House, alice: Caller, here: tuple[str, str]
) -> None:
    for label in ("one", "two", "three"):
        alice.entity(label=label)
    head(alice, here, entries=3)
    _change(house.config.data_dir, alice.tenant)
    _, changed, _ = alice.audits()
    assert changed["statusCode"] == 200

    ended = vedette("audit", "verify", "--json", "--tenant", alice.tenant, *here)

    assert ended.code == 1
    (row,) = ended.json
    assert (row["state"], row["broken"]) == ("broken", changed["id"])
    assert f"The audit of {alice.tenant} is broken at {changed['id']}: it does not fit" in ended.err
    assert ended.err.count("\n") == 1


def _change(data_dir: Path, tenant: str) -> None:
    connection = sqlite3.connect(data_dir / "vedette.db", timeout=20)
    with connection:
        rows = connection.execute("SELECT seq, body FROM audit WHERE tenant_id = ? ORDER BY seq", (tenant,)).fetchall()
        seq, body = rows[1]
        connection.execute(
            "UPDATE audit SET body = ? WHERE seq = ?", (body.replace(b'"statusCode":201', b'"statusCode":200'), seq)
        )
    connection.close()


def test_a_head_that_is_not_there_is_said(alice: Caller, here: tuple[str, str]) -> None:
    alice.entity()
    head(alice, here, entries=1)

    ended = vedette("audit", "verify", "--tenant", alice.tenant, "--head", "ab" * 32, *here)

    assert ended.code == 1
    assert "does not hold that value" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--tenant", "nobody"], 1, "nobody"),
        (["--head", "ab" * 32], 2, "expected --tenant too"),
        (["--tenant", "100001", "--head", "abc"], 2, "64 hex digits"),
    ],
)
def test_wrong_arguments_are_told(here: tuple[str, str], arguments: list[str], code: int, said: str) -> None:
    ended = vedette("audit", "verify", *arguments, *here)

    assert ended.code == code
    assert said in ended.err


def test_a_key_is_retired_with_the_entries_that_needed_it(tmp_path: Path) -> None:
    """They are checked a last time; the chain goes on under the new key."""
    with House(tmp_path / "var") as own:
        alice = own.cast().alice
        here = ("--data-dir", str(own.config.data_dir))
        alice.entity()
        head(alice, here, entries=1)
        assert vedette("keys", "rotate", *here).code == 0
        alice.entity()
        head(alice, here, entries=2)

        retired = vedette("keys", "retire", "1", "--force", *here)

        assert retired.code == 0, retired.err
        assert "audit entries are as they were written" in retired.err
        (row,) = vedette("audit", "verify", "--json", "--tenant", alice.tenant, *here).json
        assert (row["state"], row["entries"]) == ("whole", 1)
