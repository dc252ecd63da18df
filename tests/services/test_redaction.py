from __future__ import annotations

from typing import Any

import pytest

from vedette.services.redaction import (
    REDACTED,
    redacted,
    redacted_body,
    redacted_headers,
    redacted_parameter,
    redacted_path,
    redacted_text,
)

TOKEN = "0123456789abcdef" * 4 + ".acme"
KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "name",
    ["password", "auth_password", "X-Auth-Token", "apiKey", "service_key", "webhookToken", "db_passwd", "Cookie"],
)
def test_a_member_named_like_a_secret_is_not_shown(name: str) -> None:
    assert redacted({"metadata": {name: "sesame"}}) == {"metadata": {name: REDACTED}}
    assert redacted({name: None}) == {name: None}
    assert redacted({name: "01234567..."}) == {name: "01234567..."}


def test_of_what_was_sent_only_what_somebody_declares_is_shown() -> None:
    body = {
        "label": "x",
        "lable": "sesame",
        "details": {"url": "http://x/", "pas": "sesame"},
        "metadata": {"team": "a"},
    }

    assert redacted_body(body) == {
        "label": "x", "lable": REDACTED, "details": {"url": "http://x/", "pas": REDACTED}, "metadata": {"team": "a"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"label": [TOKEN, {"x": 1}]}, {"label": ["01234567...", {"x": REDACTED}]}),
        ({TOKEN: 1}, {"01234567...": REDACTED}),
        ({"metadata": {"server": KEY}}, {"metadata": {"server": "01234567..."}}),
        ({"details": {"url": "http://me:ses@me@x/"}}, {"details": {"url": f"http://{REDACTED}@x/"}}),
    ],
)
def test_secrets_in_wrong_places_are_cut(value: Any, shown: Any) -> None:
    assert redacted_body(value) == shown


def test_an_object_of_ours_keeps_what_only_looks_like_an_api_key() -> None:
    assert redacted({"uri": f"server/{KEY}", "label": TOKEN}) == {"uri": f"server/{KEY}", "label": "01234567..."}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v1.0/acme/entities/enA1b2C3d4E5", "/v1.0/acme/entities/enA1b2C3d4E5"),
        (f"/v1.0/agent_tokens/{TOKEN}", "/v1.0/agent_tokens/01234567..."),
        ("/v1.0/agent_tokens/" + "".join(f"%{ord(letter):02x}" for letter in TOKEN), "/v1.0/agent_tokens/01234567..."),
        ("/v1.0/" + "%2530" * 40, "/v1.0/%2530%2530%253..."),
        ("/v1.0/a%20b", "/v1.0/a%20b"),
    ],
)
def test_a_path_shows_no_token_however_it_is_escaped(path: str, shown: str) -> None:
    assert redacted_path(path) == shown


def test_of_unknown_headers_and_parameters_only_the_names_are_kept() -> None:
    given = {"user-agent": "curl/8", "referer": f"http://x/{TOKEN}", "x-whatever": "sesame"}
    pairs = [(name.encode(), value.encode()) for name, value in given.items()]

    assert redacted_headers(pairs, 20) == {
        "user-agent": "curl/8",
        "referer": "http://x/01234567...",
        "x-whatever": REDACTED,
    }
    assert redacted_parameter("_who", f"alice {KEY}") == ("_who", "alice 01234567...")
    assert redacted_parameter("x", "sesame") == ("x", REDACTED)
    assert redacted_parameter("sesame", "") == (REDACTED, "")


def test_users_and_passwords_of_urls_are_left_out() -> None:
    assert redacted_text("see http://me:sesame@x/y") == f"see http://{REDACTED}@x/y"
    assert redacted_text("http://x/y@z") == "http://x/y@z"
