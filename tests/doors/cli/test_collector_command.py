from __future__ import annotations

from pathlib import Path

import pytest

from tests.doors.cli.command import vedette

GOOD = {"--zone": "mzdfw", "--server": "127.0.0.1:50041"}


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--zone", "dfw", "mz or pz and up to 30 letters or digits"),
        ("--server", "127.0.0.1", "HOST:PORT"),
        ("--server", "127.0.0.1:0", "HOST:PORT with a port from 1 to 65535"),
        ("--id", "two words", "1 to 255 of letters, digits"),
        ("--canary", "a b", "HOST or HOST:PORT"),
        ("--allow-network", "10.0.0.1/8", "without host bits"),
    ],
)
def test_a_wrong_option_is_named_with_what_was_expected(tmp_path: Path, flag: str, value: str, expected: str) -> None:
    options = GOOD | {"--token-file": str(tmp_path / "token"), flag: value}

    ended = vedette("collector", *(word for option in options.items() for word in option))

    assert ended.code == 2
    assert ended.err.startswith(f"vedette: {flag}: '{value}'; expected ")
    assert expected in ended.err


def test_a_token_file_that_is_not_there_or_holds_no_token_keeps_it_from_starting(tmp_path: Path) -> None:
    file = tmp_path / "token"
    words = [word for option in GOOD.items() for word in option]

    missing = vedette("collector", *words, "--token-file", file)
    file.write_text("secret words of somebody\n")
    wrong = vedette("collector", *words, "--token-file", file)

    assert (missing.code, wrong.code) == (2, 2)
    assert f"--token-file: {file}: No such file" in missing.err
    assert f"--token-file: {file}: expected a token in one line" in wrong.err
    assert "secret" not in wrong.err


def test_a_ca_file_that_holds_no_certificate_keeps_it_from_starting(tmp_path: Path) -> None:
    token, ca = tmp_path / "token", tmp_path / "ca.pem"
    token.write_text("t.mzdfw\n")
    ca.write_text("nothing")
    words = [word for option in GOOD.items() for word in option]

    ended = vedette("collector", *words, "--token-file", token, "--ca", ca)

    assert ended.code == 2
    assert f"--ca: {ca}: expected a file with a CA certificate in PEM form" in ended.err
