from pathlib import Path

from tests.doors.cli.command import vedette_on_a_base_install


def test_an_agent_without_its_file_ends_with_a_line_that_names_it(tmp_path: Path) -> None:
    ended = vedette_on_a_base_install("agent", "--config", tmp_path / "agent.cfg")

    assert ended.code == 2
    assert str(tmp_path / "agent.cfg") in ended.err


def test_an_agent_needs_a_file() -> None:
    ended = vedette_on_a_base_install("agent")

    assert ended.code == 2
    assert "--config" in ended.err
