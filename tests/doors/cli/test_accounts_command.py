import asyncio
import re
import sqlite3
from pathlib import Path

import pytest

from tests.doors.cli.command import first_start, vedette, vedette_on_a_base_install
from vedette.adapters.local.data_directory import DataDirectory


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return asyncio.run(first_start(tmp_path / "var"))


def test_tenants_are_added_listed_and_removed(directory: DataDirectory) -> None:
    here = ("--data-dir", directory.path)

    added = vedette("tenant", "add", "Acme", "--json", *here)
    listed = vedette("tenant", "list", "--json", *here)
    removed = vedette("tenant", "remove", "acme", "--json", *here)

    assert (added.code, listed.code, removed.code) == (0, 0, 0)
    assert added.json["id"] == "Acme"
    assert [tenant["id"] for tenant in listed.json] == ["100001", "Acme"]
    assert listed.json[1] == added.json
    assert [tenant["id"] for tenant in vedette("tenant", "list", "--json", *here).json] == ["100001"]


def test_users_are_added_listed_and_removed(directory: DataDirectory) -> None:
    here = ("--data-dir", directory.path)

    added = vedette(
        "user", "add", "bob", "--tenant", "100001", "--role", "observer", "--role", "admin", "--json", *here
    )
    listed = vedette("user", "list", "--tenant", "100001", "--json", *here)
    removed = vedette("user", "remove", "bob", "--json", *here)

    assert list(added.json) == ["username", "api_key", "tenant_id", "roles"]
    assert re.fullmatch(r"[0-9a-f]{32}", added.json["api_key"])
    assert (added.json["username"], added.json["tenant_id"]) == ("bob", "100001")
    assert added.json["roles"] == ["observer", "admin"]
    assert [user["username"] for user in listed.json] == ["admin", "bob"]
    assert not any("api_key" in user for user in listed.json)
    assert removed.code == 0
    assert [user["username"] for user in vedette("user", "list", "--json", *here).json] == ["admin"]


def test_without_json_a_table_is_printed_with_nothing_cut(directory: DataDirectory) -> None:
    name = "bob-" + "x" * 60

    added = vedette("user", "add", name, "--tenant", "100001", "--role", "admin", "--data-dir", directory.path)

    heading, row = added.out.splitlines()
    assert heading.split() == ["USERNAME", "API", "KEY", "TENANT", "ID", "ROLES"]
    assert re.fullmatch(rf"{name} +[0-9a-f]{{32}} +100001 +admin *", row)


def test_the_data_directory_may_come_from_the_environment_or_a_file(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = directory.path.parent / "vedette.toml"
    file.write_text(f"data_dir = '{directory.path.name}'\n")
    monkeypatch.setenv("VEDETTE_HTTP", "0.0.0.0:80")  # what only matters to a server is not looked at

    assert vedette("tenant", "list", "--config", file).code == 0
    monkeypatch.setenv("VEDETTE_DATA_DIR", str(directory.path))
    assert vedette("tenant", "list").code == 0


def test_a_new_key_ends_up_in_the_credentials_of_its_user_only(directory: DataDirectory) -> None:
    here = ("--data-dir", directory.path)
    vedette("user", "add", "bob", "--tenant", "100001", "--role", "observer", *here)
    before = directory.read_credentials()
    assert before is not None

    of_bob = vedette("user", "rotate-key", "bob", "--json", *here)
    assert of_bob.code == 0
    assert directory.read_credentials() == before

    of_admin = vedette("user", "rotate-key", "admin", "--json", *here)
    after = directory.read_credentials()
    assert after is not None
    assert after.api_key == of_admin.json["api_key"] != before.api_key
    assert after.monitoring_url == before.monitoring_url


def test_a_password_comes_from_standard_input_and_is_shown_nowhere(directory: DataDirectory) -> None:
    ended = vedette("user", "set-password", "admin", "--data-dir", directory.path, stdin="correct horse battery\n")

    assert ended.code == 0
    assert "horse" not in ended.out + ended.err
    with sqlite3.connect(directory.path / "vedette.db") as database:
        ((stored,),) = database.execute("SELECT password_hash FROM login")
    database.close()
    assert stored.startswith(b"scrypt$")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tenant", "add", "100001"), "taken"),
        (("tenant", "add", "entities"), "collection"),
        (("tenant", "add", "a/b"), "1 to 64"),
        (("tenant", "remove", "none"), '"Tenant" with key "none" does not exist'),
        (("user", "add", "admin", "--tenant", "100001", "--role", "admin"), "taken"),
        (("user", "add", "bob", "--tenant", "none", "--role", "admin"), '"Tenant" with key "none"'),
        (("user", "add", "bob", "--tenant", "100001", "--role", "king"), "'king' is no role"),
        (("user", "remove", "none"), '"User" with key "none" does not exist'),
        (("user", "rotate-key", "none"), '"User" with key "none" does not exist'),
        (("user", "set-password", "admin"), "12 to 1024"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_1(
    arguments: tuple[str, ...], words: str, directory: DataDirectory
) -> None:
    ended = vedette(*arguments, "--data-dir", directory.path)

    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith("vedette: ")
    assert words in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("user", "add", "bob"), ("tenant", "add"), ("user", "list", "--colour"), ("x",)])
def test_a_wrong_option_is_exit_code_2_with_a_hint(arguments: tuple[str, ...]) -> None:
    ended = vedette(*arguments)

    assert ended.code == 2
    assert "Try 'vedette" in ended.err


def test_where_no_server_has_started_nothing_is_made(tmp_path: Path) -> None:
    ended = vedette("tenant", "list", cwd=tmp_path)

    assert ended.code == 2
    assert f"{tmp_path / 'var'}: no server has started in this directory" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_keys_without_their_database_are_no_server_either(directory: DataDirectory) -> None:
    for file in directory.path.glob("vedette.db*"):
        file.unlink()

    assert vedette("tenant", "list", "--data-dir", directory.path).code == 2
    assert not list(directory.path.glob("vedette.db*"))


def test_a_key_file_that_others_may_read_is_refused(directory: DataDirectory) -> None:
    directory.key_file.chmod(0o644)

    ended = vedette("tenant", "list", "--data-dir", directory.path)

    assert (ended.code, ended.out) == (2, "")
    assert "expected mode 0600" in ended.err


def test_accounts_can_be_changed_while_a_server_holds_the_directory(directory: DataDirectory) -> None:
    with directory:
        assert vedette("tenant", "add", "acme", "--data-dir", directory.path).code == 0


def test_an_install_without_the_servers_packages_says_what_is_missing(directory: DataDirectory) -> None:
    ended = vedette_on_a_base_install("tenant", "list", "--data-dir", directory.path)

    assert ended.code == 2
    assert re.fullmatch(
        r"vedette: package \w+ is missing; a server needs `pip install 'vedette\[server\]'`\n", ended.err
    )
