"""The attribute tables of the reference, row by row, with values on the bounds that they name.

Rows below a blank line in a table are this server's own. `<name>` stands for one of the stage's ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.core.attribute_rows import Row, boolean, host, text
from vedette.domain.attributes import Attribute
from vedette.domain.resources import (
    ACCOUNT_ATTRIBUTES,
    AGENT_TOKEN_ATTRIBUTES,
    ALARM,
    CHECK,
    ENTITY,
    NOTIFICATION,
    PLAN,
    PRIVATE_ZONE,
    SUPPRESSION,
)


class Table(NamedTuple):
    """One table: where its objects are made, what else they need, and its rows."""

    collection: str
    base: Mapping[str, Any]
    rows: tuple[Row, ...]
    declared: tuple[Attribute, ...]
    excludes: Mapping[str, tuple[str, ...]] = {}  # attribute -> what of `base` cannot be beside it
    includes: Mapping[str, Mapping[str, Any]] = {}  # attribute -> what it needs beside it


def _many(count: int) -> dict[str, str]:
    return {f"key {number}": "value" for number in range(count)}


_NO_HASHES = ["text", 7, True, ["a"], _many(257), {"": "x"}, {"k" * 256: "x"}]


def _metadata() -> Row:
    """Hash of 0 to 256 strings between 1 and 255 characters long, with such keys."""
    fits = [{}, {"k" * 255: "v" * 255}, {"é": "ü"}, _many(256), []]
    refused = [*_NO_HASHES, {"a": ""}, {"a": "v" * 256}, {"a": 7}, {"a": {}}, {"a": ["x"]}]
    return Row("metadata", fits, refused, comes_back=[*fits[:4], {}])


def _loose_metadata() -> Row:
    """The same with any plain values."""
    return Row("metadata", [{}, {"k" * 255: "v" * 300}, {"a": 7, "b": True}, _many(256)], [*_NO_HASHES, {"a": {}}])


def _range(name: str, low: int, high: int) -> Row:
    """Integer between `low` and `high`."""
    refused = [low - 1, high + 1, "soon", low + 0.5, True, [low], {}, ""]
    return Row(name, [low, high, str(low)], refused, comes_back=[low, high, low])


def _ids(name: str, *fits: list[str]) -> Row:
    """Array of ids of things that are there."""
    return Row(name, list(fits), ["text", 7, {}, [7], [""], ["xxNone"], [fits[0][0], fits[0][0]]])


_ADDRESSES = {f"address {number}": "192.0.2.1" for number in range(65)}
_URL = {"url": "https://example.org/hook"}
_CRITERIA = 'return new AlarmStatus(OK, "fine");'
_UNKNOWN_PLACE = [*_NO_HASHES[:4]]
_STATES: tuple[list[str], ...] = ([], ["<notification>"], ["<notification>", "ntTechnicalContactsEmail"])

TABLES = {
    "entities": Table(
        "/entities", {"label": "web"}, (
            text("label", 1, 255).required(),
            Row("agent_id", ["a", "Web-1.example_org", "x" * 255], ["", "x" * 256, "a b", "a/b", "ä", 7, ["a"]]),
            Row("ip_addresses",
                [{}, {"x" * 64: "2001:db8::1"}, dict(list(_ADDRESSES.items())[:64]), []],
                ["text", 7, ["192.0.2.1"], _ADDRESSES, {"": "192.0.2.1"}, {"x" * 65: "192.0.2.1"}, {"a": "host"},
                 {"a": "192.0.2.300"}, {"a": 7}, {"a": ""}],
                comes_back=[{}, {"x" * 64: "2001:db8::1"}, dict(list(_ADDRESSES.items())[:64]), {}]),
            boolean("managed"),
            _metadata(),
            Row("uri", ["x", "https://example.org/servers/1"], ["", 7, ["x"], "a\0b"]),
        ), ENTITY.attributes,
    ),
    "checks": Table(
        "/entities/<entity>/checks",
        {"type": "remote.http", "details": {"url": "http://example.org/"}, "monitoring_zones_poll": ["mzdfw"],
         "target_alias": "default", "period": 1800}, (
            Row("type", ["remote.http"], ["", "remote.nothing", "REMOTE.HTTP", 7, ["remote.http"], "x" * 65],
                optional=False),
            Row("details", [{"url": "http://example.org/", "method": "GET", "follow_redirects": True,
                             "include_body": False}], ["text", 7, ["a"], _many(257), {"nothing": "x"}]),
            boolean("disabled"),
            text("label", 1, 255),
            _loose_metadata(),
            _range("period", 30, 1800),
            Row("timeout", [2, 1799, "30"], [1, 1800, 1801, 0, -1, "soon", 2.5, True], comes_back=[2, 1799, 30]),
            _ids("monitoring_zones_poll", ["mzdfw"], ["mzdfw", "mzlon", "mzord"], ["<zone>"]),
            Row("target_alias", ["default", "b"], ["x" * 65, 7, ["default"]]),
            host("target_hostname")._replace(
                refused=[value for value in host("target_hostname").refused if value != ""]),
            Row("target_resolver", ["IPv4", "IPv6", ""], ["ipv4", "4", 4, ["IPv4"]], comes_back=["IPv4", "IPv6", None]),
        ), CHECK.attributes, excludes={"target_hostname": ("target_alias",)},
    ),
    "alarms": Table(
        "/entities/<entity>/alarms", {"check_id": "<check>", "notification_plan_id": "<plan>"}, (
            Row("check_id", ["<check>", "<remote>"], ["", "chNone", "<entity>", 7, ["<check>"]], optional=False),
            Row("notification_plan_id", ["<plan>", "npTechnicalContactsEmail"],
                ["", "npNone", "<notification>", 7, ["<plan>"]], optional=False),
            Row("criteria", [_CRITERIA, _CRITERIA.ljust(16_384)],
                [_CRITERIA.ljust(16_385), "if (", "OK", 7, [_CRITERIA]]),
            boolean("disabled"),
            text("label", 1, 255),
            _loose_metadata(),
        ), ALARM.attributes,
    ),
    "notifications": Table(
        "/notifications", {"label": "hook", "type": "webhook", "details": _URL}, (
            Row("details", [_URL], [{}, "text", 7, ["a"], _many(257), {"url": ""}, {"url": "x" * 4097}],
                optional=False),
            text("label", 1, 255).required(),
            Row("type", ["webhook"], ["", "pigeon", "WEBHOOK", 7, ["webhook"]], optional=False),
            _metadata(),
        ), NOTIFICATION.attributes,
    ),
    "notification_plans": Table(
        "/notification_plans", {"label": "plan"}, (
            text("label", 1, 255).required(),
            Row("critical_state", list(_STATES), ["text", 7, {}, [7], ["ntNone"], ["<plan>"]]),
            _metadata(),
            Row("ok_state", list(_STATES), ["text", 7, {}, [7], ["ntNone"], ["<plan>"]]),
            Row("warning_state", list(_STATES), ["text", 7, {}, [7], ["ntNone"], ["<plan>"]]),
        ), PLAN.attributes,
    ),
    "monitoring_zones": Table(
        "/monitoring_zones", {"label": "Zone A"}, (
            text("label", 1, 255).required(),

            _range("maximum_checks", 0, 1_000_000),
            _range("maximum_agents", 0, 1_000_000),
            boolean("disabled"),
            _metadata(),
        ), PRIVATE_ZONE.attributes,
    ),
    "suppressions": Table(
        "/suppressions", {"entities": ["<entity>"], "start_time": "<later>", "end_time": "<far>"}, (
            _ids("alarms", ["<entity>:<alarm>"]),
            _ids("checks", ["<entity>:<check>"]),
            Row("end_time", ["<later>", "<far>"], [-1, 1, "soon", 1.5, True, ["<far>"], 10**15]),
            _ids("entities", ["<entity>"]),
            text("label", 1, 255),
            _ids("notification_plans", ["<plan>"], ["<plan>", "npTechnicalContactsEmail"]),
            Row("start_time", ["<later>", "<far>"], [-1, 1, "soon", 1.5, True, ["<later>"], 10**15]),

            Row("recurrence", ["FREQ=DAILY"], ["", "FREQ=NEVER", "daily", 7, ["FREQ=DAILY"], "x" * 256]),
            Row("timezone", ["Europe/Paris", "UTC"], ["", "Mars/Olympus", 7, "x" * 65]),
        ), SUPPRESSION.attributes, includes={"timezone": {"recurrence": "FREQ=DAILY"}},
    ),
    "agent_tokens": Table(
        "/agent_tokens", {}, (
            Row("label", ["", "x", "y" * 255], ["x" * 256, 7, True, ["x"], "a\0b"]),

            Row("expires_at", ["<later>"], [0, -1, "soon", 1.5, True]),
            Row("allowed_agents", [["web-*"], ["a?", "b"]], [[], "web", [7], [""], ["a b"], ["a", "a"]]),
            Row("allowed_networks", [["192.0.2.0/24", "2001:db8::/32"]], [[], "192.0.2.1", ["192.0.2.1/8"], [7]]),
            _range("max_agents", 1, 1_000_000),
            _metadata(),
        ), AGENT_TOKEN_ATTRIBUTES,
    ),
}  # fmt: skip

ACCOUNT = (_metadata(), text("webhook_token", 10, 64))
ACCOUNT_DECLARED = ACCOUNT_ATTRIBUTES
