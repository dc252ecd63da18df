"""The fuzzing targets hold for what fuzzing begins with, and see what is wrong."""

from __future__ import annotations

import pytest

from tests.fuzz import targets
from tests.fuzz.seeds import WORDS, seeds
from tests.fuzz.targets import TARGETS
from vedette.criteria import compile_criteria
from vedette.criteria.patterns import Pattern


@pytest.mark.parametrize("target", TARGETS)
def test_every_seed_is_as_it_should_be(target: str) -> None:
    begins_with = seeds(target)
    assert len(begins_with) > 5
    for data in begins_with:
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_every_word_alone_is_as_it_should_be(target: str) -> None:
    for word in WORDS[target]:
        TARGETS[target](word.encode())
        TARGETS[target](f"{word}\0{word}\n".encode())


@pytest.mark.parametrize("data", [b"", b"\xff\xed\xa0\x80", b"return OK\0", b"\xf4\x90\x80\x80'"])
@pytest.mark.parametrize("target", TARGETS)
def test_bytes_that_are_no_text_are_as_they_should_be(target: str, data: bytes) -> None:
    TARGETS[target](data)


def test_a_compiler_that_answers_another_thing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    another = compile_criteria("return WARNING")
    monkeypatch.setattr(targets, "compile_criteria", lambda _: another)
    with pytest.raises(AssertionError, match="tree walker"):
        targets.criteria(b"return CRITICAL")


def test_a_parser_that_raises_anything_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(_: str) -> None:
        raise KeyError("x")

    monkeypatch.setattr(targets, "compile_criteria", parse)
    with pytest.raises(KeyError):
        targets.criteria(b"return OK")


def test_a_plain_piece_that_is_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "compile_pattern", lambda _: Pattern(lambda _: None, "a"))
    with pytest.raises(AssertionError, match="plain piece"):
        targets.patterns(b"a")
