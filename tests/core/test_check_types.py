"""Details of checks, held against the tables of the reference (technical reference: check types)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.attribute_rows import Row, boolean, expression, host, integer, port, text, url
from vedette.domain.attributes import parse_new
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.faults import Fault
from vedette.domain.resources import CHECK

RECORD_TYPES = ["A", "AAAA", "TXT", "MX", "SOA", "CNAME", "PTR", "NS", "MB", "MD", "MF", "MG", "MR"]
QUERY = Row(
    "query",
    ["example.org", "www.example.org.", "7.2.0.192.in-addr.arpa", "_sip._tcp.example.org", "localhost"],
    ["", "192.0.2.7", "2001:db8::1", "a b", "x" * 64, "a..b", ".", 7, ["example.org"]],
)
RECORD_TYPE = Row("record_type", RECORD_TYPES, ["", "a", "ANY", " TXT", "A|AAAA", 1, ["A"]])
BODY_MATCHES = Row(
    "body_matches",
    [{}, {"a": "b"}, {"k" * 50: "v" * 255}, {"A-b_c 9": ".*"}, {str(number): "x" for number in range(4)}, []],
    [
        {"": "b"}, {"k" * 51: "b"}, {"a.b": "c"}, {"a": ""}, {"a": "v" * 256}, {"a": 7},
        {str(number): "x" for number in range(5)}, ["a"], "a", 7,
    ],
    True,
    [{}, {"a": "b"}, {"k" * 50: "v" * 255}, {"A-b_c 9": ".*"}, {str(number): "x" for number in range(4)}, {}],
)  # fmt: skip
FORBIDDEN = ["content-length", "user-agent", "host", "connection", "keep-alive", "transfer-encoding", "upgrade", "Host"]
HEADERS = Row(
    "headers",
    [{}, {"X-Probe": "1"}, {"X" * 50: "v" * 50}, {f"X-{number}": "x" for number in range(10)}, {"X-Host": "a"}],
    [
        {"": "b"}, {"X" * 51: "b"}, {"X-A": ""}, {"X-A": "v" * 51}, {"X-A": 7}, {"X-A": "a\r\nB: c"}, {"X A": "b"},
        {f"X-{number}": "x" for number in range(11)}, ["X-A"], "X-A: b", *({name: "x"} for name in FORBIDDEN),
    ],
)  # fmt: skip
METHOD = Row("method", ["HEAD", "GET", "POST", "PUT", "DELETE", "INFO"], ["", "get", "PATCH", "OPTIONS", 7])
COUNT = Row("count", [1, 15, "5", "005"], [0, 16, -1, 1.5, "five", True, ""], True, [1, 15, 5, 5])
FILE = Row(
    "file",
    ["check.sh", "Test-LatencyServer2Server.sh", "my plugin_2.py"],
    ["", "../check.sh", "sub/check.sh", "check;rm", "c\\check", "chéck", 7, ["check.sh"]],
)
ARGS = Row(
    "args",
    [[], ["10.10.10.123", "destination.com"], ["-w", "1", "-c", "1"], ["x"] * 10],
    [["x"] * 11, [""], [7], [["x"]], "x", 7, {"0": "x"}, ["a\0b"]],
)
TARGET = text("target", 1, 512).required()
PORT_AND_SSL = [port(), boolean("ssl")]
INSTANCE = text("serverinstance", 1, 255)
COUNTERS = [host("computer"), INSTANCE]
QUERIED = [host("hostname"), text("password", 1, 255), INSTANCE, text("username", 1, 255)]

# The reference's attribute tables, type by type.
TABLES: dict[str, list[Row]] = {
    "remote.dns": [QUERY.required(), RECORD_TYPE.required(), port()],
    "remote.ftp-banner": [port()],
    "remote.http": [
        url("url", 8096).required(), text("auth_password", 1, 255), text("auth_user", 1, 255), expression("body"),
        BODY_MATCHES, boolean("follow_redirects"), HEADERS, METHOD, text("payload", 1, 1024),
        boolean("include_body"),  # in the examples only
    ],
    "remote.imap-banner": PORT_AND_SSL,
    "remote.mssql-banner": PORT_AND_SSL,
    "remote.mysql-banner": PORT_AND_SSL,
    "remote.ping": [COUNT],
    "remote.pop3-banner": PORT_AND_SSL,
    "remote.postgresql-banner": PORT_AND_SSL,
    "remote.smtp-banner": PORT_AND_SSL,
    "remote.smtp": [
        text("ehlo", 1, 255), text("from", 1, 255), text("payload", 1, 1024), port(), boolean("starttls"),
        text("to", 1, 255),
    ],
    "remote.ssh": [port()],
    "remote.tcp": [
        port().required(), expression("banner_match"), expression("body_match"), text("send_body", 1, 1024),
        boolean("ssl"),
    ],
    "remote.telnet-banner": [port(), expression("banner_match"), boolean("ssl")],
    "agent.apache": [integer("timeout"), url("url", 4096)],
    "agent.cpu": [],
    "agent.disk": [TARGET],
    "agent.filesystem": [TARGET],
    "agent.filesystem_state": [],
    "agent.load_average": [],
    "agent.memory": [],
    "agent.mysql": [
        host("host"), boolean("mycnf"), text("password", 1, 255), port(), text("socket", 1, 255), integer("timeout"),
        text("username", 1, 16),
    ],
    "agent.network": [TARGET],
    "agent.mssql_database": [text("db", 1, 255).required(), *QUERIED],
    "agent.mssql_buffer_manager": COUNTERS,
    "agent.mssql_sql_statistics": COUNTERS,
    "agent.mssql_plan_cache": COUNTERS,
    "agent.mssql_memory_manager": COUNTERS,
    "agent.mssql_version": QUERIED,
    "agent.plugin": [FILE.required(), ARGS, integer("timeout")],
    "agent.redis": [host("hostname").required(), text("password", 1, 255), port().required(), integer("timeout")],
    "agent.windows_perfos": [],
}  # fmt: skip

ROWS = [(type_, row) for type_, rows in TABLES.items() for row in rows]
EACH_ROW = pytest.mark.parametrize(("type_", "row"), ROWS, ids=[f"{type_}-{row.name}" for type_, row in ROWS])

# Filled in when absent, as the reference's examples show; nothing else is.
FILLED_IN = {"remote.http": {"method": "GET", "follow_redirects": True, "include_body": False}}

EXAMPLES: list[dict[str, Any]] = [
    # Create a check, test a check, test a check with debug, overview
    {"type": "remote.http", "details": {"url": "http://www.foo.com", "method": "GET"}, "label": "Website check 1",
     "monitoring_zones_poll": ["mzA"], "timeout": 30, "period": 100, "target_alias": "entity_ip_addresses_hash_key"},
    {"type": "remote.http", "details": {"url": "http://www.foo.com", "method": "GET"},
     "monitoring_zones_poll": ["mzA"], "timeout": 30, "target_alias": "default"},
    # Get a check, list checks, webhook payload
    {"type": "remote.http", "details": {"url": "http://www.foo.com", "method": "GET", "follow_redirects": True,
     "include_body": False}, "monitoring_zones_poll": ["mzA"], "target_hostname": "", "target_resolver": ""},
    {"type": "remote.http", "details": {"url": "http://www.foo.com", "body": "b", "method": "GET",
     "follow_redirects": True, "include_body": False}, "monitoring_zones_poll": ["mzOne"]},
    # Getting started
    {"details": {}, "label": "Website check 1", "monitoring_zones_poll": ["mzdfw"], "period": "60",
     "target_alias": "default", "timeout": 30, "type": "remote.ping"},
    # Server-side agent configuration in YAML
    {"type": "agent.filesystem", "details": {"target": "/"}},
    {"type": "agent.plugin", "details": {"file": "Test-LatencyServer2Server.sh",
     "args": ["10.10.10.123", "destination.com"]}},
    {"type": "agent.mysql", "details": {"host": "192.168.100.1", "port": 3306, "username": "raxmon",
     "password": "your_password_here"}},
    {"type": "agent.network", "details": {"target": "eth0"}},
    {"type": "agent.cpu"}, {"type": "agent.load_average"}, {"type": "agent.memory"},
]  # fmt: skip


def needed(type_: str) -> dict[str, Any]:
    """Details that a check of the type cannot be without."""
    return {row.name: row.kept[0][1] for row in TABLES[type_] if not row.optional}


def parsed(type_: str, details: Any) -> dict[str, Any]:
    body = {"type": type_, "details": details}
    values: dict[str, Any] = parse_new(CHECK.attributes_for(type_), body).values
    return dict(values["details"])


def refusal(type_: str, details: Any) -> Fault:
    with pytest.raises(Fault) as refused:
        parsed(type_, details)
    assert refused.value.kind == "badRequest"
    return refused.value


def test_the_catalogue_is_the_reference() -> None:
    assert set(CHECK_TYPES) == set(TABLES)


@pytest.mark.parametrize("type_", TABLES)
def test_a_type_has_the_attributes_of_its_table(type_: str) -> None:
    declared = {one.name: one.optional for one in CHECK_TYPES[type_].attributes}

    assert declared == {row.name: row.optional for row in TABLES[type_]}


@EACH_ROW
def test_a_value_that_fits_is_kept(type_: str, row: Row) -> None:
    for value, kept in row.kept:
        assert parsed(type_, needed(type_) | {row.name: value})[row.name] == kept
        assert type(parsed(type_, needed(type_) | {row.name: value})[row.name]) is type(kept)


@EACH_ROW
def test_a_value_that_does_not_fit_is_refused_by_its_name(type_: str, row: Row) -> None:
    for value in row.refused:
        message = refusal(type_, needed(type_) | {row.name: value}).message
        assert message.startswith(f"Validation error for key 'details.{row.name}"), value


@EACH_ROW
def test_only_an_optional_one_may_be_absent(type_: str, row: Row) -> None:
    details = {name: value for name, value in needed(type_).items() if name != row.name}

    for absent in (details, details | {row.name: None}):
        if row.optional:
            assert row.name not in parsed(type_, absent) or row.name in FILLED_IN[type_]
        else:
            fault = refusal(type_, absent)
            assert fault.message == f"Validation error for key 'details.{row.name}'"
            assert fault.details == f"Missing required key ({row.name})"


@pytest.mark.parametrize("type_", TABLES)
def test_details_come_back_as_they_were_given(type_: str) -> None:
    assert parsed(type_, needed(type_)) == needed(type_) | FILLED_IN.get(type_, {})


@pytest.mark.parametrize("type_", TABLES)
def test_what_no_table_names_is_refused(type_: str) -> None:
    fault = refusal(type_, needed(type_) | {"extract": "x"})

    assert fault.message == "Validation error for key 'details.extract'"


@pytest.mark.parametrize("type_", TABLES)
@pytest.mark.parametrize("details", ["x", 7, ["x"], True])
def test_details_are_an_object(type_: str, details: Any) -> None:
    assert refusal(type_, details).message == "Validation error for key 'details'"


@pytest.mark.parametrize("body", EXAMPLES)
def test_every_documented_check_is_accepted(body: dict[str, Any]) -> None:
    values = parse_new(CHECK.attributes_for(body["type"]), body).values

    assert values["details"] == FILLED_IN.get(body["type"], {}) | body.get("details", {})


@pytest.mark.parametrize(
    ("type_", "details", "assumed"),
    [
        ("remote.dns", {"query": "a", "record_type": "A"}, {"port": 53}),
        ("remote.ftp-banner", {}, {"port": 21}),
        ("remote.imap-banner", {"ssl": True}, {"port": 143}),
        ("remote.mssql-banner", {}, {"port": 1433, "ssl": False}),
        ("remote.mysql-banner", {}, {"port": 3306, "ssl": False}),
        ("remote.pop3-banner", {}, {"port": 110, "ssl": False}),
        ("remote.postgresql-banner", {}, {"port": 5432, "ssl": False}),
        ("remote.smtp-banner", {}, {"port": 25, "ssl": False}),
        ("remote.smtp", {"to": "a@b.c"}, {"port": 25, "starttls": False}),
        ("remote.ssh", {"port": 2222}, {}),
        ("remote.telnet-banner", {}, {"port": 23, "ssl": False}),
        ("remote.tcp", {"port": 7}, {"ssl": False}),
        ("remote.ping", {}, {"count": 6}),
        ("agent.mysql", {}, {}),
        ("agent.redis", {"hostname": "r"}, {}),
    ],
)
def test_a_probe_is_told_what_an_absent_detail_means(
    type_: str, details: dict[str, Any], assumed: dict[str, Any]
) -> None:
    assert CHECK_TYPES[type_].completed(details) == details | assumed


def test_every_password_is_a_secret() -> None:
    secret = {(type_.id, one.name) for type_ in CHECK_TYPES.values() for one in type_.attributes if one.secret}

    assert secret == {
        ("remote.http", "auth_password"), ("agent.mysql", "password"), ("agent.redis", "password"),
        ("agent.mssql_database", "password"), ("agent.mssql_version", "password"),
    }  # fmt: skip


def test_the_answer_is_made_of_the_declaration() -> None:
    assert CHECK_TYPES["remote.dns"].shown() == {
        "id": "remote.dns",
        "category": "remote",
        "type": "remote",
        "fields": [
            {"name": "port", "description": "Port number (default: 53)", "optional": True},
            {"name": "query", "description": "DNS query", "optional": False},
            {"name": "record_type", "description": "DNS record type", "optional": False},
        ],
    }
    perfos = CHECK_TYPES["agent.windows_perfos"].shown()
    assert (perfos["category"], perfos["fields"], perfos["supported_platforms"]) == ("agent", [], ("Windows",))


def test_only_agent_types_have_platforms() -> None:
    assert all(bool(one.supported_platforms) is not one.is_remote for one in CHECK_TYPES.values())
