from __future__ import annotations

import pytest

from vedette.domain.faults import Fault, bad_request, invalid, not_found
from vedette.domain.redaction import deep_without_keys, without_keys, without_tokens

TOKEN = "0123456789abcdef" * 4 + ".acme"
KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "text", [TOKEN, TOKEN.upper(), f"x{TOKEN}", f"_{TOKEN}_", f"a {TOKEN}, b", TOKEN[:64], TOKEN[:64] * 2]
)
def test_tokens_are_cut_wherever_they_stand(text: str) -> None:
    for cut in (without_tokens(text), without_keys(text)):
        assert "01234567..." in cut.lower()
        assert TOKEN[9:30] not in cut.lower()


def test_api_keys_are_cut_where_nothing_else_has_32_digits() -> None:
    assert without_keys(f"key {KEY} given") == "key 01234567... given"
    assert without_tokens(f"server {KEY}") == f"server {KEY}"


@pytest.mark.parametrize("text", ["", "enA1b2C3d4E5", "01234567...", "8c639ae483adcaeaded31550", "x" * 500])
def test_what_is_no_token_stays(text: str) -> None:
    assert without_keys(text) == text


def test_values_are_cut_at_any_depth_names_too() -> None:
    value = {"a": [{"b": TOKEN}], TOKEN: (1, None, True)}

    assert deep_without_keys(value) == {"a": [{"b": "01234567..."}], "01234567...": [1, None, True]}


@pytest.mark.parametrize(
    "fault",
    [
        not_found("Entity", TOKEN),
        invalid(f"metadata.{TOKEN}", "Expected a string"),
        bad_request(f"No {KEY}", f"Expected another than {KEY}"),
        Fault("badRequest", "x", {"key": [TOKEN]}),
    ],
)
def test_a_fault_repeats_no_token(fault: Fault) -> None:
    told = f"{fault} {fault.message} {fault.details}"

    assert KEY not in told
    assert "01234567..." in told
