"""Requests of the server to agents: golden lines out and in (wire protocol, 5.3, 5.4, 6.4 to 6.6 and 14)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.wire.conversation import assert_harmless, live, moment
from tests.core.wire.test_client import welcomed, written
from vedette.domain.metrics import Metric
from vedette.wire.answers import Tried, host_info_of, targets_of, tried_of, types_of
from vedette.wire.envelope import MalformedMessage
from vedette.wire.events import Answered, Questioned, Unanswered
from vedette.wire.messages import ScheduledCheck
from vedette.wire.server import MOST_ASKED, ServerConnection

GUID = "1f5a90c2-77d1-48c3-c8a9-fa163e0b1c2d"
ENDS = '"source":"endpoint","target":"' + GUID + '"'
BACK = '"source":"' + GUID + '","target":"endpoint"'
CHECK = ScheduledCheck(
    id="chTest", type="agent.filesystem", period=30, timeout=10, disabled=False, details={"target": "/"}
)
QUESTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("host_info.get", {"type": "MEMORY"}, '{"type":"MEMORY"}'),
    ("host_info_types.get", {}, "{}"),
    ("system.info", {}, "{}"),
    ("check.targets", {"type": "agent.network"}, '{"type":"agent.network"}'),
    ("upgrade.request", {}, "{}"),
    (
        "check.test",
        {"checkParams": msgspec.json.encode(CHECK).decode()},
        (
            r'{"checkParams":"{\"id\":\"chTest\",\"type\":\"agent.filesystem\",\"period\":30,\"timeout\":10,'
            r'\"disabled\":false,\"details\":{\"target\":\"/\"}}"}'
        ),
    ),
]


def ask(connection: ServerConnection, method: str = "system.info", limit_ms: int = 30_000) -> int:
    question = connection.ask(method, {}, moment(), GUID, limit_ms)
    assert question is not None
    return question[0]


def answer(number: object, result: str = "[]", more: str = BACK) -> bytes:
    return f'{{"v":"1","id":{number},{more},"result":{result}}}\n'.encode()


@pytest.mark.parametrize(("method", "params", "text"), QUESTIONS)
def test_a_question_is_one_line_that_upsets_nobody(method: str, params: dict[str, Any], text: str) -> None:
    question = live().ask(method, params, moment(), GUID)
    assert question == (
        1_000_000_000,
        f'{{"v":"1","id":1000000000,{ENDS},"method":"{method}","params":{text}}}\n'.encode(),
    )
    assert_harmless(question[1])


def test_an_agent_without_a_name_is_asked_without_a_target() -> None:
    question = live().ask("system.info", {}, moment(), None)
    assert question is not None
    assert "target" not in json.loads(question[1])


def test_an_answer_comes_back_to_its_question_in_any_order() -> None:
    connection = live()
    first, second = ask(connection, "system.info"), ask(connection, "host_info.get")
    (late,) = connection.receive(answer(second, '{"metrics":[]}'), moment())
    (early,) = connection.receive(answer(first), moment())
    assert late == Answered(second, "host_info.get", b'{"metrics":[]}', None)
    assert early == Answered(first, "system.info", b"[]", None)


def test_an_error_is_an_answer() -> None:
    connection = live()
    number = ask(connection)
    line = f'{{"v":"1","id":{number},{BACK},"error":{{"code":400,"message":"no"}}}}\n'.encode()
    (event,) = connection.receive(line, moment())
    assert isinstance(event, Answered)
    assert event.error is not None
    assert (event.result, event.error.message) == (None, "no")


def test_a_doubled_answer_counts_once() -> None:
    connection = live()
    number = ask(connection)
    assert len(connection.receive(answer(number) * 2, moment())) == 1


def test_each_question_has_its_own_limit_and_what_comes_later_is_nobody_s() -> None:
    connection = live()
    slow, quick = ask(connection, "host_info.get", 90_000), ask(connection, "system.info", 10_000)
    assert connection.deadline_ms == 10_000
    assert connection.tick(moment(10_000)) == [Unanswered(quick, "system.info")]
    assert connection.receive(answer(quick), moment(10_001)) == []
    connection.receive(b'{"v":"1","id":"7","method":"heartbeat.post","params":{"timestamp":1}}\n', moment(80_000))
    assert connection.tick(moment(89_999)) == []
    assert connection.tick(moment(90_000)) == [Unanswered(slow, "host_info.get")]


@pytest.mark.parametrize("other", ['"{}"', "{}.0", "1{}", "0", '"0"', "-{}"])
def test_only_the_very_id_is_an_answer(other: str) -> None:
    connection = live()
    number = ask(connection)
    assert connection.receive(answer(other.format(number)), moment()) == []
    assert connection.questions == 1


def test_an_agent_that_answers_nothing_is_not_asked_without_end() -> None:
    connection = live()
    for _ in range(MOST_ASKED):
        ask(connection)
    assert connection.ask("system.info", {}, moment(), GUID) is None
    connection.receive(answer(1_000_000_000), moment())
    assert ask(connection) == 1_000_000_000 + MOST_ASKED


def test_nobody_is_asked_before_the_welcome_or_after_the_end() -> None:
    connection = ServerConnection(moment())
    assert connection.ask("system.info", {}, moment(), None) is None
    over = live()
    over.end()
    assert over.ask("system.info", {}, moment(), GUID) is None


# -- what stock agents answer


def test_host_info_is_passed_through_as_the_agent_wrote_it() -> None:
    text = b'{"total":8201478144,"free_percent":62.4,"big":1e+15}'
    found = host_info_of(b'{"timestamp":1718000100000,"metrics":' + text + b"}")
    assert (found.timestamp_ms, bytes(found.metrics), found.error) == (1_718_000_100_000, text, None)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (b'{"error":"not here","metrics":[],"timestamp":1718000100000}', (1_718_000_100_000, b"[]", "not here")),
        (b'{"metrics":"No services using deleted libraries found","timestamp":0}',
         (None, b'"No services using deleted libraries found"', None)),
        (b'{"timestamp":"soon","metrics":null,"error":null}', (None, b"null", None)),
        (b'{"timestamp":{},"error":{"a":1}}', (None, b"null", "{'a': 1}")),
    ],
)  # fmt: skip
def test_odd_host_info_is_taken_for_what_it_is(result: bytes, expected: object) -> None:
    found = host_info_of(result)
    assert (found.timestamp_ms, bytes(found.metrics), found.error) == expected


def test_types_and_targets_are_lists_of_names() -> None:
    assert types_of(b'{"types":["CPU","DISK","MEMORY","WHO"]}') == ["CPU", "DISK", "MEMORY", "WHO"]
    assert targets_of(b'{"targets":["lo","eth0"]}') == ["lo", "eth0"]
    assert targets_of(b"[]") == []
    assert targets_of(b'{"targets":[]}') == []


def test_a_tried_check_has_a_state_and_metrics() -> None:
    metrics = b'[[null,{"total":{"t":"int64","v":"41020640","u":"kilobytes"}}],["eth0",[]]]'
    found = tried_of(b'{"state":"available","status":"success","metrics":' + metrics + b"}")
    assert found == Tried(True, "success", {"total": Metric("l", 41_020_640, "kilobytes")})
    assert tried_of(b'{"state":"unavailable","status":"gone","metrics":[]}') == Tried(False, "gone", {})


def test_a_poller_s_answer_to_a_test_is_read_too() -> None:
    found = tried_of(
        b'{"entity_id":"en1","check_id":"ch1","check_type":"agent.plugin","metrics":[[null,'
        b'{"duration":{"t":"int64","v":"3","u":""}}]],"min_check_period":60000,"state":"available",'
        b'"status":"success","timestamp":1718000200123}'
    )
    assert found.metrics == {"duration": Metric("l", 3, "unknown")}


@pytest.mark.parametrize(
    ("read", "result"),
    [
        (host_info_of, b"[]"), (host_info_of, b"0"), (types_of, b"{}"), (types_of, b"[]"), (types_of, b'{"types":[1]}'),
        (targets_of, b"5"), (targets_of, b'{"targets":{}}'), (tried_of, b"[]"), (tried_of, b'{"metrics":{}}'),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_to(read: Any, result: bytes) -> None:
    with pytest.raises(MalformedMessage, match="result"):
        read(result)


@given(st.binary(max_size=60))
def test_no_answer_does_worse_than_make_no_sense(result: bytes) -> None:
    for read in (host_info_of, types_of, targets_of, tried_of):
        try:
            read(result)
        except MalformedMessage:
            continue


# -- our own agent


@pytest.mark.parametrize(("method", "params"), [(one[0], one[2]) for one in QUESTIONS if one[0] != "upgrade.request"])
def test_our_agent_is_told_of_the_question_and_answers_by_the_same_id(method: str, params: str) -> None:
    client = welcomed()
    line = f'{{"v":"1","id":1000000005,"source":"endpoint","target":"g","method":"{method}","params":{params}}}\n'
    (event,) = client.receive(line.encode(), moment())
    assert isinstance(event, Questioned)
    assert client.answer(event.request, {"a": 1}) == (
        b'{"v":"1","id":1000000005,"source":"g","target":"endpoint","result":{"a":1}}\n'
    )
    assert json.loads(client.refuse(event.request, "no"))["error"]["code"] == 400


def test_our_agent_refuses_to_upgrade_itself() -> None:
    line = b'{"v":"1","id":1000000005,"source":"endpoint","target":"g","method":"upgrade.request","params":{}}\n'
    assert json.loads(written(welcomed().receive(line, moment())))["error"]["message"] == "Unknown method"
