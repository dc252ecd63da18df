from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.cli.command import Ended, first_start, vedette


@pytest.fixture
async def data_dir(tmp_path: Path) -> Path:
    return (await first_start(tmp_path / "var")).path


def zone_token(data_dir: Path, *arguments: str) -> Ended:
    return vedette("zone", "token", *arguments, "--json", "--data-dir", data_dir)


async def test_a_collector_token_is_tied_to_its_zone_and_shown_once(data_dir: Path) -> None:
    made = zone_token(data_dir, "add", "mzlon", "--label", "rack 7").json

    (row,) = zone_token(data_dir, "list").json
    assert made["token"].endswith(".mzlon")
    assert (row["zone"], row["id"], row["label"], row["begins"]) == ("mzlon", made["id"], "rack 7", made["token"][:8])
    assert "token" not in row


@pytest.mark.parametrize("named_by", ["id", "token", "begins"])
async def test_a_collector_token_can_be_revoked_by_every_name_it_has(named_by: str, data_dir: Path) -> None:
    made = zone_token(data_dir, "add", "mzlon").json
    kept = zone_token(data_dir, "add", "mzlon").json
    names = made | {"begins": made["token"][:8]}

    assert zone_token(data_dir, "revoke", names[named_by]).json["id"] == made["id"]

    assert [row["id"] for row in zone_token(data_dir, "list").json] == [kept["id"]]
    again = zone_token(data_dir, "revoke", names[named_by])
    assert again.code == 1
    assert made["token"][8:64] not in again.err


async def test_only_built_in_zones_have_collector_tokens(data_dir: Path, tmp_path: Path) -> None:
    refused = zone_token(data_dir, "add", "mzfra")
    assert refused.code == 1
    assert refused.err == "vedette: 'mzfra' is no built-in zone: Expected one of mzdfw, mzlon, mzord\n"

    config = tmp_path / "server.toml"
    config.write_text('[[zones]]\nid = "mzfra"\nlabel = "Frankfurt"\ncountry_code = "DE"\n')
    assert zone_token(data_dir, "add", "mzfra", "--config", str(config)).json["zone"] == "mzfra"


async def test_a_collector_token_is_rotated_once_at_a_time(data_dir: Path) -> None:
    old = zone_token(data_dir, "add", "mzlon", "--label", "rack 7").json

    new = zone_token(data_dir, "rotate", old["id"], "--overlap", "60").json

    rows = {row["id"]: row for row in zone_token(data_dir, "list").json}
    assert rows.keys() == {old["id"], new["id"]}
    assert (rows[new["id"]]["zone"], rows[new["id"]]["label"]) == ("mzlon", "rack 7")
    for key in (old["id"], new["id"]):
        again = zone_token(data_dir, "rotate", key)
        assert again.code == 1
        assert "is being rotated: Expected one whose rotation has ended" in again.err
    zone_token(data_dir, "revoke", old["id"])
    assert zone_token(data_dir, "rotate", new["id"]).json["zone"] == "mzlon"
