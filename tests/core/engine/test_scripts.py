"""The rules of the alarm language, each as an alarm script: `scripts/*.alarm`."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.engine.script_reader import read_scripts
from vedette.engine.script_runner import Failure, run_script
from vedette.engine.scripts import Report, Script, ScriptError

FILES = sorted((Path(__file__).parent / "scripts").glob("*.alarm"))
SCRIPTS = [(path.stem, script) for path in FILES for script in read_scripts(path.read_text(), path.stem)]


@pytest.mark.parametrize("script", [script for _, script in SCRIPTS], ids=[f"{name}: {s.title}" for name, s in SCRIPTS])
def test_script(script: Script) -> None:
    assert run_script(script) == []


def test_every_script_expects_something() -> None:
    assert all(any(line.expectation for line in script.lines) for _, script in SCRIPTS)


def test_the_files_were_found() -> None:
    assert len(FILES) == 11
    assert len(SCRIPTS) > 60


def one(text: str) -> Script:
    [script] = read_scripts(text)
    return script


def test_an_expectation_that_does_not_hold_is_shown_with_its_line() -> None:
    text = 'criteria\nzones a\nat 0s a x=1 expect CRITICAL because NO_QUORUM status "s" tells CRITICAL\n'
    assert run_script(one(text)) == [
        Failure(3, "state CRITICAL", "state OK"),
        Failure(3, "because NO_QUORUM", "because CHANGED"),
        Failure(3, "status s", "status "),
        Failure(3, "tells [('npOne', 'CRITICAL')]", "tells []"),
    ]


def test_an_expectation_where_nothing_was_evaluated_says_so() -> None:
    text = "criteria\nzones a\nat 0s plan npTwo expect UNKNOWN because CHANGED\n"
    assert run_script(one(text)) == [Failure(3, "because CHANGED", "because nothing evaluated")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("at", "line 3: expected a time such as 60s at the end of the line"),
        ("at 60", "line 3: expected a time such as 60s, 500ms, 10m or 2h, found 60"),
        ("at 0s b x=1", "line 3: expected one of a, agent, blinded"),
        ("at 0s a x=1 expect", "line 3: expected a state at the end of the line"),
        ("at 0s a x=1 expect FINE", "line 3: expected OK, WARNING, CRITICAL or UNKNOWN; found FINE"),
        ("at 0s a x=1 expect OK why CHANGED", "line 3: expected because, status, tells or asks; found why"),
        ("at 0s a x=1 expect OK because OF_THAT", "line 3: expected one of BLIND, CHANGED"),
        ("colour blue", "line 3: expected script, criteria, at, confirm_after, period, plan, stock"),
        ("at 0s a unavailable", "line 3: expected why, in quotes at the end of the line"),
        ("at 0s a revision x", "line 3: expected a revision, found x"),
        (f"at 0s a revision {'9' * 5000}", "line 3: expected a revision, found 999"),
        ("at 0s a revision \u0663", "line 3: expected a revision, found \u0663"),
        (f"at {'9' * 400}s a x=1", "line 3: expected a time such as 60s, 500ms, 10m or 2h, found 999"),
        ("type", "line 3: expected a word after type at the end of the line"),
        ("at 169h a x=1", "line 3: expected a moment within the first 7 days, found 608400000 ms"),
        ("period 0s", "line 3: expected a period above 0, found 0 ms"),
    ],
)
def test_a_script_that_cannot_be_read_says_where_and_what_was_expected(line: str, message: str) -> None:
    with pytest.raises(ScriptError) as raised:
        read_scripts(f"criteria\nzones a\n{line}\n")
    assert str(raised.value).startswith(message)


def test_values_are_numbers_or_text() -> None:
    text = 'criteria\nzones a\nat 0s a i=5 d=2.5 t=abc q="a \\"b\\" # c" # a comment\n'
    [report] = one(text).lines[0].actions
    assert isinstance(report, Report)
    assert {name: (metric.type, metric.value) for name, metric in report.metrics.items()} == {
        "i": ("l", 5),
        "d": ("D", 2.5),
        "t": ("s", "abc"),
        "q": ("s", 'a "b" # c'),
    }
