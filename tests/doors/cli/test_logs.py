import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from vedette.cli.logs import set_up_logs

TOKEN = "0123456789abcdef" * 4 + ".acme"
API_KEY = "fedcba9876543210" * 2


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log(**values: object) -> dict[str, Any]:
    """What becomes of one line with these values."""
    stream = io.StringIO()
    set_up_logs("json", "info", stream)
    structlog.get_logger("test").info("said", **values)
    return lines(stream)[0]


def test_lines_are_json_off_a_terminal_and_for_people_on_one() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        set_up_logs("auto", "info", stream)
        structlog.get_logger("test").info("listening", port=8080)

    (line,) = lines(pipe)
    assert (line["event"], line["port"], line["level"], line["logger"]) == ("listening", 8080, "info", "test")
    assert line["timestamp"].endswith("Z")
    assert "listening" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


@pytest.mark.parametrize(("log_format", "is_json"), [("json", True), ("human", False)])
def test_the_format_can_be_said(log_format: str, is_json: bool) -> None:
    stream = io.StringIO()
    set_up_logs(log_format, "info", stream)

    structlog.get_logger("test").info("said")

    assert stream.getvalue().startswith("{") is is_json


def test_what_is_milder_than_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    set_up_logs("json", "warning", stream)

    structlog.get_logger("test").info("mild")
    logging.getLogger("uvicorn.error").info("mild")
    structlog.get_logger("test").warning("grave")

    assert [line["event"] for line in lines(stream)] == ["grave"]


def test_logs_of_others_go_the_same_way() -> None:
    stream = io.StringIO()
    logging.getLogger("uvicorn.error").addHandler(logging.StreamHandler(io.StringIO()))
    set_up_logs("json", "info", stream)

    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)

    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == ("Started server process [7]", "uvicorn.error")


@pytest.mark.parametrize(
    "values",
    [
        {"token": TOKEN},
        {"x": TOKEN},
        {"x": {"deep": [{"password": "sesame-opens-it"}]}},
        {"headers": {"X-Auth-Token": TOKEN.split(".", maxsplit=1)[0]}},
        {"Authorization": "Bearer sesame-opens-it"},
        {"x": f"GET /v1.0/acme/agent_tokens/{TOKEN}?a=b"},
        {"x": f"key {API_KEY} given"},
        {"x": "postgresql://vedette:sesame-opens-it@db/vedette"},
        {"x": "/v1.0/entities?X-Auth-Token=sesame-opens-it&limit=1"},
        {"x": ValueError("password=sesame-opens-it")},
        {"webhook_token": "sesame-opens-it"},
        {"api_key": b"sesame-opens-it"},
        {"password": "sesame-opens-it" * 3},
        {"service_key": "sesame-opens-it"},
        {"x": "postgresql://vedette:se@me/sesame-opens-it@db/vedette"},
        {"x": '{"auth_password": "sesame-opens-it"}'},
        {"x": "{'apiKey': 'sesame-opens-it'}"},
        {"x": "X-Auth-Token: sesame-opens-it"},
        {"x": "Authorization: Bearer sesame-opens-it"},
        {"x": f"token_{TOKEN}"},
    ],
)
def test_what_looks_like_a_secret_is_cut(values: dict[str, object]) -> None:
    text = json.dumps(log(**values))

    assert TOKEN[:32] not in text
    assert API_KEY not in text
    assert "sesame-opens-it" not in text
    assert "..." in text


def test_eight_characters_of_a_token_remain() -> None:
    line = log(token=TOKEN, path=f"/agent_tokens/{TOKEN}")

    assert line["token"] == "01234567..."
    assert line["path"] == "/agent_tokens/01234567..."


def test_what_is_shortened_already_stays() -> None:
    values = {"token": "01234567...", "x": "token=01234567... of acme", "text": "monitoring_token 01234567..., id x"}

    line = log(**values)

    assert {key: line[key] for key in values} == values


def test_ids_numbers_and_ordinary_text_stay_whole() -> None:
    values = {
        "transaction_id": API_KEY,
        "count": 7,
        "ready": True,
        "entity": "enA1b2C3d4E5",
        "at": "2030-01-01T00:00:00Z",
        "id": "1d7f3a4e-0000-11ee-8c90-0242ac120002",
        "has_token": True,
        "nothing": None,
    }

    line = log(**values)

    assert {key: line[key] for key in values} == values


def test_an_exceptions_text_is_cut_too() -> None:
    stream = io.StringIO()
    set_up_logs("json", "info", stream)
    try:
        raise ValueError(f"no such token: {TOKEN}")
    except ValueError:
        structlog.get_logger("test").exception("failed")
        logging.getLogger("other").exception("failed with %s", TOKEN)

    assert len(lines(stream)) == 2
    assert TOKEN[:32] not in stream.getvalue()
    assert all("ValueError" in line["exception"] for line in lines(stream))
