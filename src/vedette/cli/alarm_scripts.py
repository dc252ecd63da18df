"""Running alarm scripts offline, and telling what of them does not hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from vedette.engine.script_runner import Judged
    from vedette.engine.scripts import Script


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a script whose expectation did not hold."""

    script: str  # its title
    line: int
    expected: tuple[str, ...]
    got: tuple[str, ...]  # one for each of `expected`
    state: str
    reason: str
    status: str
    votes: dict[str, Any]


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a file."""

    file: str
    error: str | None = None  # why it could not be run; nothing else counts then
    line: int | None = None  # of the error
    scripts: int = 0
    expectations: int = 0
    failures: tuple[Expected, ...] = ()


def test_file(path: Path) -> Tested:
    """Runs every script of a file; never raises for what is in it."""
    from vedette.engine.script_reader import read_scripts
    from vedette.engine.scripts import ScriptError

    name = str(path)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        return Tested(file=name, error=error.strerror or str(error))
    except UnicodeDecodeError:
        return Tested(file=name, error="it is not text; expected UTF-8")
    try:
        scripts = read_scripts(text, path.stem)
    except ScriptError as error:
        return Tested(file=name, error=str(error).removeprefix(f"line {error.line}: "), line=error.line)
    return _unusable(name, scripts) or _run(name, scripts)


def _unusable(name: str, scripts: Sequence[Script]) -> Tested | None:
    """Criteria that are not in the language, and scripts that cannot fail."""
    from vedette.criteria import CriteriaError, compile_criteria

    if not scripts:
        return Tested(file=name, error="it holds no script; expected criteria, and lines that begin with `at`")
    for script in scripts:
        for line, criteria in _criteria(script):
            try:
                compile_criteria(criteria)
            except CriteriaError as error:
                where = f"column {error.column}: {error.message}"
                return Tested(file=name, error=where, line=line + error.line)
        if not any(line.expectation for line in script.lines):
            return Tested(file=name, error=f"{script.title}: it expects nothing", line=script.criteria_line or None)
    return None


def _criteria(script: Script) -> Iterator[tuple[int, str]]:
    """(the line above them, criteria)."""
    yield script.criteria_line, script.criteria
    for line in script.lines:
        for action in line.actions:
            if getattr(action, "verb", None) == "criteria":
                yield line.number, action.words[0]  # type: ignore[union-attr]  # it has a verb, so it is an event


def _run(name: str, scripts: Sequence[Script]) -> Tested:
    from vedette.engine.script_runner import judged

    found = [(script, one) for script in scripts for one in judged(script)]
    failures = [_failure(script, one) for script, one in found if one.failures]
    return Tested(file=name, scripts=len(scripts), expectations=len(found), failures=tuple(failures))


def _failure(script: Script, one: Judged) -> Expected:
    return Expected(
        script=script.title,
        line=one.line,
        expected=tuple(failure.expected for failure in one.failures),
        got=tuple(failure.found for failure in one.failures),
        state=one.state.value,
        reason=one.reason,
        status=one.status,
        votes={place or "agent": vote for place, vote in one.votes.items()},
    )


def lines(tested: Sequence[Tested]) -> Iterator[str]:
    """For people; a place in a file is written so that editors find it."""
    for one in tested:
        if one.error is not None:
            yield f"{_place(one.file, one.line)}: cannot be read: {one.error}"
        for failure in one.failures:
            yield f"{_place(one.file, failure.line)}: {failure.script}"
            for expected, got in zip(failure.expected, failure.got, strict=True):
                yield f"  expected  {expected}"
                yield f"  got       {got}"
            yield f"  stands    {failure.state} because {failure.reason}, status {failure.status!r}"
            yield f"  votes     {_votes(failure.votes)}"
    yield _summary(tested)


def _place(file: str, line: int | None) -> str:
    return file if line is None else f"{file}:{line}"


def _votes(votes: Mapping[str, Any]) -> str:
    shown = [
        f"{place} {vote['state'] or 'none'}{'' if vote['counted'] else ' (not counted)'}"
        f" run {'-'.join(state[0] for state in vote['run']) or 'empty'}"
        for place, vote in votes.items()
    ]
    return ", ".join(shown) or "none"


def _summary(tested: Sequence[Tested]) -> str:
    scripts, expectations = sum(one.scripts for one in tested), sum(one.expectations for one in tested)
    failed = sum(len(one.failures) for one in tested)
    unread = sum(one.error is not None for one in tested)
    said = f"{scripts} scripts, {expectations} expectations: {expectations - failed} hold, {failed} do not"
    return f"{said}; {unread} files cannot be read" if unread else said
