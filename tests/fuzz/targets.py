"""What is fed with whatever bytes: each target takes them, and raises where something is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tests.core.criteria.tree_walker import walk
from vedette.criteria import (
    CriteriaError,
    NotYetComputable,
    Observed,
    Sample,
    Verdict,
    compile_criteria,
    parse,
    print_program,
)
from vedette.criteria.patterns import PatternError, compile_pattern
from vedette.domain.metrics import Metric, Value
from vedette.engine.script_reader import read_scripts
from vedette.engine.script_runner import run_script
from vedette.engine.scripts import ScriptError

LONGEST_MS = 3 * 3_600_000
NAMES = (
    "code",
    "duration",
    "a",
    "available",
    "fingerprint",
    "rx_bytes",
    "used",
    "total",
    "answer",
    "5m",
    "cert_end_in",
)
_values: tuple[Value, ...] = (200, 2.5, -1, "80", "xyz", 2**63, 0, 0.0, "", float("nan"), 1e300)
_full = {
    name: Metric("s" if isinstance(value, str) else "D", value) for name, value in zip(NAMES, _values, strict=True)
}
_earlier = {name: Sample(number * 20_000, metric.value) for number, (name, metric) in enumerate(_full.items())}
OBSERVATIONS = (
    Observed(True, "fine", _full, 60_000, {}),
    Observed(True, "fine", dict(list(_full.items())[::2]), 60_000, _earlier),
    Observed(True, "fine", {}, 60_000, _earlier),
    Observed(False, "refused", {}, 60_000, {}),
)


def criteria(data: bytes) -> None:
    """A text is refused with a sound position, or compiled; then it prints, and answers as the tree walker does."""
    text = data.decode("utf-8", "surrogateescape")  # half surrogates too, which JSON may bring
    try:
        compiled = compile_criteria(text)
    except CriteriaError as refused:
        _hold_refusal(text, refused)
        return
    program = parse(text)
    if parse(print_program(program)) != program:
        raise AssertionError("printed criteria parse to another tree")
    for observed in OBSERVATIONS if text else ():
        for forgiving in (False, True):
            outcome = compiled.evaluate(observed, not_yet_counts_as_false=forgiving)
            if outcome != walk(program, observed, not_yet_counts_as_false=forgiving):
                raise AssertionError(f"the tree walker answers another thing than {outcome}")
            if isinstance(outcome, NotYetComputable) and forgiving:
                raise AssertionError("not yet computable does not count as false")
            if isinstance(outcome, Verdict) and len(outcome.status) > 128:
                raise AssertionError("a status is too long")


def _hold_refusal(text: str, refused: CriteriaError) -> None:
    before = re.split(r"\r\n|\n|\r", text[: refused.position])
    is_sound = (
        0 <= refused.position <= len(text)
        and (refused.line, refused.column) == (len(before), len(before[-1]) + 1)
        and text.startswith(refused.token, refused.position)
        and refused.message.startswith("Expected ")
    )
    if not is_sound:
        raise AssertionError(f"an unsound refusal: {vars(refused)}")


def patterns(data: bytes) -> None:
    """An expression and, after the first zero byte, a text: RE2 refuses it, or what is found is what RE2 finds."""
    expression, _, text = data.decode("utf-8", "replace").partition("\0")
    try:
        pattern = compile_pattern(expression)
    except PatternError:
        return
    for searched in (text, "", expression, f"a\n{text}\n"):
        is_found = pattern.search(searched.encode()) is not None
        if pattern.plain is not None and (pattern.plain in searched) != is_found:
            raise AssertionError(f"the plain piece {pattern.plain!r} says another thing about {searched!r}")


def scripts(data: bytes) -> None:
    """A file of scripts is refused with a line, or read and run."""
    text = data.decode("utf-8", "replace")
    try:
        read = read_scripts(text)
    except ScriptError as refused:
        if not 1 <= refused.line <= len(text.splitlines()):
            raise AssertionError(f"no line {refused.line}") from refused
        return
    for script in read:
        if any(line.at_ms > LONGEST_MS for line in script.lines):
            continue  # thousands of ticks, which are no loop without end
        try:
            run_script(script)
        except CriteriaError:
            continue


TARGETS: Mapping[str, Callable[[bytes], None]] = {"criteria": criteria, "patterns": patterns, "scripts": scripts}
