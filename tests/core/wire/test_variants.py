"""Golden lines of the quirks of stock clients and of their older versions (wire protocol, 2, 6, 15, 18 and 19)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.core.wire.conversation import HELLO, live, moment, sent
from vedette.domain.metrics import Metric
from vedette.wire.envelope import answered
from vedette.wire.events import FilesPosted, HeartbeatReceived, HelloReceived, MetricsPosted, ScheduleAsked, Send
from vedette.wire.messages import Hello, Post, ScheduledCheck, files_result, schedule_result
from vedette.wire.server import Phase, ServerConnection, Terms

GUID = "1f5a90c2-77d1-48c3-c8a9-fa163e0b1c2d"


def hello_in(line: str) -> Hello:
    (event,) = ServerConnection(moment()).receive(line.encode() + b"\n", moment())
    assert isinstance(event, HelloReceived)
    return event.hello


def post_in(**members: str) -> Post:
    """Of members that are JSON texts."""
    params = ",".join(f'"{name}":{text}' for name, text in {"check_id": '"c"', **members}.items())
    line = f'{{"v":"1","id":"3","source":"g","method":"check_metrics.post","params":{{{params}}}}}\n'
    (event,) = live().receive(line.encode(), moment())
    assert isinstance(event, MetricsPosted)
    return event.post


# -- handshakes


def hello_line(params: str, source: str = '"source":"g",', id: str = "0") -> str:
    return f'{{"v":"1","id":{id},"target":"endpoint",{source}"method":"handshake.hello","params":{params}}}'


@pytest.mark.parametrize(
    ("params", "versions", "features"),
    [
        ('{"token":"t","agent_id":"a"}', ("", ""), set()),  # until 2012-09
        ('{"token":"t","agent_id":"a","process_version":"0.1.2.16","bundle_version":"0.1.2.16"}',
         ("0.1.2.16", "0.1.2.16"), set()),
        ('{"token":"t","agent_id":"a","features":[]}', ("", ""), set()),
        ('{"token":"t","agent_id":"a","features":["upgrades"]}', ("", ""), {"upgrades"}),  # 2014-10
        ('{"token":"t","agent_id":"a","features":[{"name":"upgrades"},{"name":"health","disabled":true}]}',
         ("", ""), {"upgrades"}),
        ('{"token":" t\\n","agent_id":"a","process_version":null,"bundle_version":2,"zone_ids":null}',
         ("", "2"), set()),
    ],
)  # fmt: skip
def test_a_hello_of_any_year_is_read(params: str, versions: tuple[str, str], features: set[str]) -> None:
    hello = hello_in(hello_line(params))
    assert (hello.token, hello.agent_id, hello.zone_ids) == ("t", "a", ())
    assert (hello.process_version, hello.bundle_version) == versions
    assert hello.features == features


@pytest.mark.parametrize("guid", ["1f5a90c-77d1-48-c8a9-fa163e0b1c", "web-03.example.net", "G" * 512])
def test_a_guid_is_any_text(guid: str) -> None:
    assert hello_in(hello_line('{"token":"t","agent_id":"a"}', f'"source":"{guid}",')).guid == guid


def test_an_agent_without_a_network_interface_has_no_guid_and_is_answered_without_a_target() -> None:
    connection = ServerConnection(moment())
    connection.receive(hello_line('{"token":"t","agent_id":"a"}', "").encode() + b"\n", moment())
    assert connection.welcome(Terms(), moment()) == [
        Send(b'{"v":"1","id":0,"source":"endpoint","result":{"heartbeat_interval":30000,"channel":"stable"}}\n')
    ]


def test_an_agent_of_2015_greets_by_its_id_and_goes_on_by_its_guid() -> None:
    connection = ServerConnection(moment())
    connection.receive(hello_line('{"token":"t","agent_id":"a"}', '"source":"a",').encode() + b"\n", moment())
    (welcome,) = sent(connection.welcome(Terms(), moment()))
    beat = b'{"v":"1","id":"0","target":"endpoint","source":"%s","method":"heartbeat.post","params":{"timestamp":1}}\n'
    (reply,) = sent(connection.receive(beat % GUID.encode(), moment()))
    assert (welcome["target"], reply["target"]) == ("a", GUID)


@pytest.mark.parametrize("version", ['"0.1.0"', '"2"', "1", "null"])
def test_a_foreign_protocol_version_and_a_manifest_beside_the_params_disturb_nobody(version: str) -> None:
    line = (
        f'{{"v":{version},"id":"x1","target":"endpoint","source":"g","method":"handshake.hello","manifest":{{"a":1}},'
        '"params":{"token":"t","agent_id":"a"}}\n'
    )
    connection = ServerConnection(moment())
    connection.receive(line.encode(), moment())
    (welcome,) = sent(connection.welcome(Terms(), moment()))
    assert (welcome["v"], welcome["id"]) == ("1", "x1")


# -- envelopes


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":"1","id":"4","source":"g","method":"heartbeat.post","params":{"timestamp":1718000000123}}\n',
        b'{"params":{"timestamp":1718000000123},"method":"heartbeat.post","source":"g","id":"4","v":"1"}\r\n',
        b' {"v" : "1" , "id" : "4", "source":"g","method":"heartbeat.post","params": {"timestamp": 1718000000123} } \n',
        b'\n\r\n{"id":"4","source":"g","method":"heartbeat.post","params":{"timestamp":1718000000123},"error":null,"more":[{}]}\n',
        b'{"v":"1","id":"4","source":"g","method":"heartbeat.post","result":null,"params":{"timestamp":1.718000000123e12}}\n',
    ],
)
def test_order_blanks_and_unknown_or_empty_members_make_no_difference(line: bytes) -> None:
    assert live().receive(line, moment()) == [
        Send(b'{"v":"1","id":"4","source":"endpoint","target":"g","result":{"timestamp":1718000000131}}\n'),
        HeartbeatReceived(1718000000123),
    ]


@pytest.mark.parametrize(
    "params", ["[]", "{}", "null", "[1]", '"x"', '{"timestamp":null}', '{"timestamp":[]}', '{"timestamp":"soon"}']
)
def test_a_heartbeat_without_a_time_is_answered_too_for_any_error_would_cost_the_connection(params: str) -> None:
    line = f'{{"v":"1","id":"4","source":"g","method":"heartbeat.post","params":{params}}}\n'
    events = live().receive(line.encode(), moment())
    assert sent(events)[0]["result"] == {"timestamp": 1718000000131}
    assert events[1:] == [HeartbeatReceived(None)]


def test_ids_that_began_with_numbers_may_go_on_with_texts_and_both_in_flight() -> None:
    """Number 3 and text 3 are two requests."""
    line = b'{"v":"1","id":%s,"source":"g","method":"check_schedule.get","params":{"blah":1}}\n'
    events = live().receive(line % b"3" + line % b'"3"', moment())
    asked = [event.request for event in events if isinstance(event, ScheduleAsked)]
    assert [answered(request, {"checks": []}).split(b",")[1] for request in asked] == [b'"id":3', b'"id":"3"']


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("manifest.get", {}), ("heartbeat.ping", {"timestamp": 1}), ("metrics.set", {"check_id": "c"}),
        ("check.schedule_changed", {}), ("binary_upgrade.get_version", {"noop": 1}),
        ("bundle_upgrade.get_version", {"noop": 1}), ("poller.register", {}), ("poller.prepare", {}),
    ],
)  # fmt: skip
def test_methods_of_other_years_and_of_other_peers_get_a_400(method: str, params: dict[str, Any]) -> None:
    connection = live()
    line = json.dumps({"v": "1", "id": 7, "source": "g", "method": method, "params": params}).encode() + b"\n"
    assert connection.receive(line, moment()) == [
        Send(
            b'{"v":"1","id":7,"source":"endpoint","target":"g","error":{"code":400,"type":"badRequest",'
            b'"message":"Unknown method %s"}}\n' % method.encode()
        )
    ]
    assert connection.phase is Phase.LIVE


# -- metrics


@pytest.mark.parametrize(
    ("metrics", "found"),
    [
        ('[[null,{"total":{"t":"int32","v":"7"}}]]', {"total": Metric("i", 7)}),  # until 2013-01: no unit
        ('[["eth0",{"rx_bytes":{"t":"gauge","v":"12","u":"bytes"}}],["lo",[]]]',
         {"eth0.rx_bytes": Metric("L", 12, "bytes")}),  # until 0.1.5
        ('[["cpu0",{"minimum":{"t":"double","v":"1.5"}},"x"]]', None),
        ('[[null,{"used":{"t":"gauge","v":"0x1d0dea000","u":"bytes"}}]]', {"used": Metric("L", 7799218176, "bytes")}),
        ('[[null,{"depth":{"t":"int64","v":"0xfffffffffffffffb"}}]]', {"depth": Metric("l", -5)}),
        ('[[null,{"bytes":{"t":"int64","v":"1e+14","u":"bytes"}}]]', {"bytes": Metric("l", 10**14, "bytes")}),
        ('[[null,{"bytes":{"t":"double","v":"1.2345678901235e+14","u":"bytes"}}]]',
         {"bytes": Metric("D", 123456789012350.0, "bytes")}),
        ('[[null,{"queue":{"t":"int64","v":"0","u":"seconds"}}]]', {"queue": Metric("l", 0, "seconds")}),
        ('[[null,{"queue":{"t":"double","v":".0134","u":"seconds"}}]]', {"queue": Metric("D", 0.0134, "seconds")}),
        ('[["core",{"queries":{"t":"gauge","v":"0x1f4"}}],["replication",{"slave_running":{"t":"string","v":"OFF"}}]]',
         {"core.queries": Metric("L", 500), "replication.slave_running": Metric("s", "OFF")}),
        ('[[null,{"devices_ro":{"t":"string","v":"","u":"devices"}}]]', {"devices_ro": Metric("s", "", "devices")}),
        ("[[null,[]]]", {}), ("[]", {}), ("null", {}),
    ],
)  # fmt: skip
def test_metrics_of_any_year_are_read(metrics: str, found: dict[str, Metric] | None) -> None:
    if found is None:
        line = '{"v":"1","id":"3","source":"g","method":"check_metrics.post","params":{"check_id":"c","metrics":%s}}\n'
        (reply,) = sent(live().receive((line % metrics).encode(), moment()))
        assert reply["error"]["code"] == 400
    else:
        assert post_in(metrics=metrics).metrics == found


def test_a_number_that_is_none_keeps_its_text() -> None:
    post = post_in(metrics='[[null,{"idle":{"t":"double","v":"-nan","u":"percent"}}]]')
    (metric,) = post.metrics.values()
    assert str(metric.value) == "nan"


@pytest.mark.parametrize(
    ("timestamp", "at_ms"),
    [("1718000300", 1718000300000), ("1718000300000", 1718000300000), ('"1718000300000"', 1718000300000),
     ("1.7180003e+12", 1718000300000), ("null", None), ("0", None), ("-5", None)],
)  # fmt: skip
def test_seconds_of_before_2015_are_told_from_milliseconds(timestamp: str, at_ms: int | None) -> None:
    assert post_in(timestamp=timestamp).timestamp_ms == at_ms


@pytest.mark.parametrize(
    ("state", "available"), [('"available"', True), ('"unavailable"', False), ("null", True), ('"odd"', False)]
)
def test_a_state_that_is_not_told_is_available(state: str, available: bool) -> None:
    post = post_in(state=state, status=f'"{"s" * 300}"')
    assert (post.available, len(post.status)) == (available, 256)


# -- schedules and files


def test_the_described_schedule_is_handed_out_line_by_line() -> None:
    checks = [
        ScheduledCheck(id="chA1", type="agent.memory", period=60, timeout=30, disabled=False, details={}),
        ScheduledCheck(
            id="chA2", type="agent.filesystem", period=120, timeout=30, disabled=False, details={"target": "/var"}
        ),
        ScheduledCheck(
            id="chA3", type="agent.plugin", period=60, timeout=30, disabled=False,
            details={"file": "queue_depth.py", "args": ["--queue", "mail"], "timeout": 20000},
        ),
    ]  # fmt: skip
    line = b'{"v":"1","id":"0","target":"endpoint","source":"%s","method":"check_schedule.get","params":{"blah":1}}\n'
    (event,) = live().receive(line % GUID.encode(), moment())
    assert isinstance(event, ScheduleAsked)
    assert answered(event.request, schedule_result(checks)) == (
        b'{"v":"1","id":"0","source":"endpoint","target":"' + GUID.encode() + b'","result":{"checks":['
        b'{"id":"chA1","type":"agent.memory","period":60,"timeout":30,"disabled":false,"details":{}},'
        b'{"id":"chA2","type":"agent.filesystem","period":120,"timeout":30,"disabled":false,"details":{"target":"/var"}},'
        b'{"id":"chA3","type":"agent.plugin","period":60,"timeout":30,"disabled":false,'
        b'"details":{"file":"queue_depth.py","args":["--queue","mail"],"timeout":20000}}]}}\n'
    )
    assert answered(event.request, schedule_result([])).endswith(b'"result":{"checks":[]}}\n')


def test_the_described_upload_and_its_answer() -> None:
    text = "type: agent.memory\\nlabel: Memory\\nalarms:\\n  low:\\n    criteria: |\\n      return OK\\n"
    line = (
        f'{{"v":"1","id":"0","target":"endpoint","source":"{GUID}","method":"config_file.post",'
        f'"params":{{"config_data":{{"mem.yaml":"{text}"}}}}}}\n'
    )
    (event,) = live().receive(line.encode(), moment())
    assert isinstance(event, FilesPosted)
    assert event.files == {"mem.yaml": text.replace("\\n", "\n")}
    values = [
        {"success": True, "type": "file", "location": "parsing", "handle": "mem.yaml"},
        {"success": True, "type": "check", "location": "created",
         "handle": '{"check":"default","filename":"mem.yaml"}'},
        {"success": False, "type": "alarm", "location": "creating", "handle": '{"alarm":"low","filename":"mem.yaml"}',
         "err": {"message": "Unknown notification plan"}},
    ]  # fmt: skip
    assert answered(event.request, files_result(values)) == (
        b'{"v":"1","id":"0","source":"endpoint","target":"' + GUID.encode() + b'","result":{"success":false,"values":['
        b'{"success":true,"type":"file","location":"parsing","handle":"mem.yaml"},'
        b'{"success":true,"type":"check","location":"created","handle":"{\\"check\\":\\"default\\",\\"filename\\":'
        b'\\"mem.yaml\\"}"},{"success":false,"type":"alarm","location":"creating","handle":"{\\"alarm\\":\\"low\\",'
        b'\\"filename\\":\\"mem.yaml\\"}","err":{"message":"Unknown notification plan"}}]}}\n'
    )


def test_the_first_two_requests_of_a_bound_agent_come_at_once() -> None:
    connection = ServerConnection(moment())
    line = b'{"v":"1","id":"%d","target":"endpoint","source":"g","method":"%s","params":{"dummy":1}}\n'
    connection.receive(HELLO + line % (0, b"config_file.post") + line % (1, b"check_schedule.get"), moment())
    _, upload, fetch = connection.welcome(Terms(entity_id="en1"), moment())
    assert isinstance(upload, FilesPosted)
    assert isinstance(fetch, ScheduleAsked)
    assert (upload.request.id, fetch.request.id) == (b'"0"', b'"1"')
