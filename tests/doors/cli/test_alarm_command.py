"""`vedette alarm`: scripts offline; explanations and back-tests of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doors.api.house import Caller, House
from tests.doors.api.story import Story
from tests.doors.cli.command import Ended, vedette, vedette_on_a_base_install

HOW_TO = Path(__file__).parents[3] / "docs/how-to/alarm-scripts.md"
GOOD = """script  One zone alone does not page
criteria
  if (metric['code'] regex '^5') { return new AlarmStatus(CRITICAL, 'HTTP #{code}'); }
zones a b c
at 0s   a code=200  b code=200  c code=200  expect OK
at 60s  a code=500                          expect OK        because NO_QUORUM
"""
WRONG = GOOD + 'at 61s  b code=503                          expect WARNING   status "HTTP 500"\n'


@pytest.fixture
def scripts(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "good": GOOD,
        "wrong": WRONG,
        "unreadable": GOOD + "at noon\n",
        "criteria": "# first\ncriteria\n  return OK;\n  if (x)\nzones a\nat 0s a x=1 expect OK\n",
        "changed": GOOD + "at 90s criteria\n  return FINE\nat 91s a code=1 expect OK\n",
        "idle": "criteria\nzones a\nat 0s a x=1\n",
        "empty": "# nothing\n",
    }
    paths = {name: tmp_path / f"{name}.alarm" for name in texts}
    for name, path in paths.items():
        path.write_text(texts[name])
    return paths


def test_scripts_that_hold_end_with_0(scripts: dict[str, Path]) -> None:
    ended = vedette("alarm", "test", scripts["good"])
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "1 scripts, 2 expectations: 2 hold, 0 do not\n"


def test_the_script_of_the_how_to_holds(tmp_path: Path) -> None:
    script = HOW_TO.read_text().split("```\n", 2)[1]
    (tmp_path / "front-page.alarm").write_text(script)
    ended = vedette("alarm", "test", "front-page.alarm", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "1 scripts, 3 expectations: 3 hold, 0 do not\n")


def test_what_does_not_hold_is_shown_with_its_place_and_how_the_vote_stood(scripts: dict[str, Path]) -> None:
    ended = vedette("alarm", "test", scripts["good"], scripts["wrong"])
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.splitlines() == [
        f"{scripts['wrong']}:7: One zone alone does not page",
        "  expected  state WARNING",
        "  got       state CRITICAL",
        "  expected  status HTTP 500",
        "  got       status HTTP 503",
        "  stands    CRITICAL because CHANGED, status 'HTTP 503'",
        "  votes     a CRITICAL run C, b CRITICAL run C, c OK run O",
        "2 scripts, 5 expectations: 4 hold, 1 do not",
    ]


def test_for_programs_there_is_all_of_it(scripts: dict[str, Path]) -> None:
    ended = vedette("alarm", "test", "--json", scripts["wrong"])
    assert ended.code == 1
    [file] = ended.json["files"]
    [failure] = file["failures"]
    assert (file["file"], file["error"], file["expectations"]) == (str(scripts["wrong"]), None, 3)
    assert (failure["line"], failure["state"], failure["reason"]) == (7, "CRITICAL", "CHANGED")
    assert failure["expected"] == ["state WARNING", "status HTTP 500"]
    assert failure["votes"]["c"]["state"] == "OK"


def test_what_cannot_be_read_ends_with_2_and_the_rest_is_run(scripts: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "bytes.alarm").write_bytes(b"\xff\xfe")
    names = ("unreadable", "criteria", "changed", "idle", "empty", "wrong")
    ended = vedette("alarm", "test", tmp_path / "bytes.alarm", tmp_path / "none", *(scripts[name] for name in names))
    assert (ended.code, ended.err) == (2, "")
    told = {line.partition(": ")[0]: line.partition("cannot be read: ")[2] for line in ended.out.splitlines()[:7]}
    assert told[str(tmp_path / "bytes.alarm")] == "it is not text; expected UTF-8"
    assert told[str(tmp_path / "none")] == "No such file or directory"
    assert told[f"{scripts['unreadable']}:7"] == "expected a time such as 60s, 500ms, 10m or 2h, found noon"
    assert told[f"{scripts['criteria']}:4"].startswith("column 7: Expected")
    assert told[f"{scripts['changed']}:8"].startswith("column 10: Expected")
    assert told[f"{scripts['idle']}:1"] == "idle: it expects nothing"
    assert told[str(scripts["empty"])].startswith("it holds no script")
    assert ended.out.splitlines()[-1] == "1 scripts, 3 expectations: 2 hold, 1 do not; 7 files cannot be read"


def test_without_the_servers_packages_it_says_what_is_missing(scripts: dict[str, Path]) -> None:
    ended = vedette_on_a_base_install("alarm", "test", scripts["good"])
    assert ended.code == 2
    assert ended.err == "vedette: package re2 is missing; a server needs `pip install 'vedette[server]'`\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house") / "var", roles="api") as running:
        yield running


@pytest.fixture(scope="module")
def story(house: House) -> Story:
    """Two zones see an error from the third minute to the fifth; one alone sees one in the first."""
    told = Story(house, house.cast(), label="front page")
    for minute in range(8):
        sick = ["mzdfw"] if minute == 1 else ["mzdfw", "mzord"] if 3 <= minute < 5 else []
        told.see("503", 60 * minute, sick)
        told.see("200", 60 * minute + 1, [zone for zone in ("mzdfw", "mzord", "mzlon") if zone not in sick])
    return told


@pytest.fixture
def run(story: Story, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command as Alice, about her alarm."""
    alice: Caller = story.alice
    monkeypatch.setenv("VEDETTE_API_KEY", alice.login.api_key)

    def command(name: str, *arguments: str | Path) -> Ended:
        who = ("--url", alice.api, "--username", alice.login.username)
        return vedette("alarm", name, story.entity, story.alarm, *arguments, *who)

    return command


def iso(story: Story, at_s: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(story.at(at_s) / 1000, UTC).isoformat()


def test_an_explanation_can_be_read(story: Story, run: Any) -> None:
    ended = run("explain", "--at", iso(story, 181))
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith(f"front page ({story.alarm}) of check {story.check}, at ")
    assert lines[1].startswith("CRITICAL since ")
    assert lines[2] == "It stays CRITICAL: 2 of 3 zones that are up must agree; votes that count: 1 OK, 2 CRITICAL."
    assert "Line 1 returned:" in lines
    assert "  metric[\"code\"] = '503'" in lines
    assert f"  CRITICAL goes to {story.receiver}" in lines


def test_an_explanation_for_programs_is_the_answer(story: Story, run: Any) -> None:
    ended = run("explain", "--at", iso(story, 181), "--json")
    assert ended.json == story.alice.get(f"{story.address}/explain", at=story.at(181))


def test_a_back_test_draws_what_would_have_been_above_what_was(story: Story, run: Any, tmp_path: Path) -> None:
    criteria = tmp_path / "criteria"
    criteria.write_text(":set consistencyLevel=ONE\nif (metric['code'] regex '^5') { return CRITICAL }")
    ended = run("backtest", "--from", iso(story, 0), "--to", iso(story, 480), "--criteria", criteria)
    assert (ended.code, ended.err) == (0, "")
    would, told, was, nobody = ended.out.splitlines()[:4]
    width = 153
    slot = width // 8
    assert would.startswith("would  ")
    drawn = would[7:]
    assert drawn[slot // 2] == "▁"
    assert drawn[slot + slot // 2] == "█"
    assert drawn[4 * slot] == "█"
    assert told.count("▲") == 4
    assert was.rstrip() == "was"
    assert nobody.strip() == ""
    assert "0 the same, 4 more, 0 spared." in ended.out


def test_a_back_test_for_programs_is_the_answer(story: Story, run: Any) -> None:
    ended = run("backtest", "--from", iso(story, 0), "--to", iso(story, 480), "--json")
    assert (ended.code, ended.json["would"]["changes"]) == (0, 3)


def test_a_refusal_is_one_line(run: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "criteria"
    wrong.write_text("return FINE")
    refused = run("backtest", "--from", "2h", "--criteria", wrong)
    assert refused.code == 1
    assert refused.err.startswith("vedette: Validation error for key 'criteria'")
    assert run("explain", "--at", "yesterday").code == 2
    assert run("explain", "--at", "90d").err.startswith("vedette: Validation error for key 'at'")
