"""What fuzzing begins with: the reference's examples, our own scripts, and the words of the languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.core.criteria import test_documented_examples
from vedette.criteria import CriteriaError, parse
from vedette.criteria.tree import And, Condition, If, Or, Search
from vedette.engine.decide import Reason

_scripts = Path(__file__).parents[1] / "core" / "engine" / "scripts"
_criteria_words = r"""if return new AlarmStatus OK WARNING CRITICAL metric metrics previous rate percentage regex nregex
:set consistencyLevel consecutiveCount ONE QUORUM ALL == != >= <= && || /* */ #{ \u0041 \\d ' " ; -1.5e3"""
_pattern_words = r".* \d \pL \Q \E (?i) (?P<n> [[:alpha:]] {2,3} ^ $ \b \C \x{10FFFF} [^ | *? +? (?s)"
_script_words = """script criteria period zones type plan at expect because status tells nothing down up change revise
disable enable suppress lift unavailable blind stamped sent from revision agent 60s 500ms 2h -1s"""
WORDS = {
    "criteria": _criteria_words.split(),
    "patterns": _pattern_words.split(),
    "scripts": [*_script_words.split(), *Reason, *_criteria_words.split()],
}


def seeds(target: str) -> list[bytes]:
    """The inputs that a target begins with."""
    if target == "scripts":
        return [path.read_bytes() for path in sorted(_scripts.glob("*.alarm"))]
    documented = [text.encode() for text in _documented()]
    return documented if target == "criteria" else [pattern.encode() for pattern in _patterns(documented)]


def _documented() -> list[str]:
    return [text for text, _, _, _ in test_documented_examples.examples]


def _patterns(documented: list[bytes]) -> Iterator[str]:
    for text in documented:
        try:
            program = parse(text.decode())
        except CriteriaError:
            continue
        for statement in program.statements:
            if isinstance(statement, If):
                yield from (f"{search.pattern}\0some text" for search in _searches(statement.condition))


def _searches(condition: Condition) -> Iterator[Search]:
    if isinstance(condition, Search):
        yield condition
    if isinstance(condition, And | Or):
        for part in condition.parts:
            yield from _searches(part)
