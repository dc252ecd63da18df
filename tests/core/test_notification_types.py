"""Details of notifications, held against the tables of the reference (notification types)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.attribute_rows import Row, text, url
from vedette.domain.attributes import parse_change, parse_new
from vedette.domain.faults import Fault
from vedette.domain.notification_types import NOTIFICATION_TYPES
from vedette.domain.resources import NOTIFICATION

UUID = "6f1b5ed7-2f6b-4c37-9a0e-5d0c2f1c7f3e"

ADDRESS = Row(
    "address",
    ["test@example.com", "joe.blow+alerts@mail.example.org", "root@localhost", "a@b.c", "o'hara@example.org"],
    [
        "", "test", "test@", "@example.com", "a b@example.com", "a@b@example.com", "Joe <joe@example.org>",
        "a@-example.com", "a@example..com", "a@example.com\nBcc: x@example.com", "a@" + "x" * 64 + ".com",
        "a" * 65 + "@example.com", "a@" + "x.y" * 100, 7, ["test@example.com"],
    ],
)  # fmt: skip
SERVICE_KEY = Row(
    "service_key",
    ["abcd1234abcd1234abcd1234abcd1234", "a", "Z9"],
    ["", "x" * 33, "abc-def", "abc def", "é", 7, ["a"]],
)
PHONE_NUMBER = Row(
    "phone_number",
    ["+15551234567", "+123456", "+123456789012345"],
    ["", "15551234567", "+12345", "+1234567890123456", "+1 555 1234567", "+1-5551234567", "+1555123456a",
     "+١٢٣٤٥٦", 15551234567, "+123456\n"],
)  # fmt: skip
API_KEY = Row(
    "api_key",
    [UUID, UUID.upper()],
    [
        "", "api key", UUID[:-1], UUID + "0", UUID.replace("-", ""), UUID.replace("-4", "-1"),
        UUID.replace("-9", "-c"), f"{{{UUID}}}", 7,
    ],
)  # fmt: skip
ROUTING_KEY = Row("routing_key", ["ops", "Team-1_eu.west"], ["", "a b", "a/b", "é", 7, ["ops"], "ops\n"])

# The reference's tables; the names of VictorOps' as its answer to "list notification types" spells them.
TABLES: dict[str, list[Row]] = {
    "webhook": [url("url", 4096).required()],
    "email": [ADDRESS.required()],
    "pagerduty": [SERVICE_KEY.required(), url("service_endpoint", 4096)],
    "sms": [PHONE_NUMBER.required()],
    "managed": [],
    "technicalContactsEmail": [],
    "atomHopper": [text("category", 1, 4096).required()],
    "victorops": [API_KEY.required(), ROUTING_KEY],
}
ROWS = [(type_, row) for type_, rows in TABLES.items() for row in rows]
EACH_ROW = pytest.mark.parametrize(("type_", "row"), ROWS, ids=[f"{type_}-{row.name}" for type_, row in ROWS])

EXAMPLES: list[dict[str, Any]] = [
    {"label": "my webhook #1", "type": "webhook", "details": {"url": "https://systems.example.org/alert"}},
    {"label": "my email #1", "type": "email", "details": {"address": "test@example.com"}},
    {
        "label": "my PagerDuty #1",
        "type": "pagerduty",
        "details": {"service_key": "abcd1234abcd1234abcd1234abcd1234"},
    },
    {"label": "my SMS #1", "type": "sms", "details": {"phone_number": "+15551234567"}},
    {"details": {"address": "joe@example.org"}, "label": "Alert email 1", "type": "email"},
]
TEST_EXAMPLE = {"type": "webhook", "details": {"url": "http://my.web-server.com:5981/"}}


def needed(type_: str) -> dict[str, Any]:
    return {row.name: row.fits[0] for row in TABLES[type_] if not row.optional}


def parsed(type_: str, details: Any) -> dict[str, Any]:
    body = {"label": "l", "type": type_, "details": details}
    return dict(parse_new(NOTIFICATION.attributes_for(type_), body).values["details"])


def refusal(type_: str, details: Any) -> Fault:
    with pytest.raises(Fault) as refused:
        parsed(type_, details)
    assert refused.value.kind == "badRequest"
    return refused.value


def test_the_catalogue_is_the_reference() -> None:
    assert set(NOTIFICATION_TYPES) == set(TABLES)


@pytest.mark.parametrize("type_", TABLES)
def test_a_type_has_the_attributes_of_its_table(type_: str) -> None:
    declared = {one.name: one.optional for one in NOTIFICATION_TYPES[type_].attributes}

    assert declared == {row.name: row.optional for row in TABLES[type_]}


@EACH_ROW
def test_a_value_that_fits_is_kept(type_: str, row: Row) -> None:
    for value in row.fits:
        assert parsed(type_, needed(type_) | {row.name: value}) == needed(type_) | {row.name: value}


@EACH_ROW
def test_a_value_that_does_not_fit_is_refused_by_its_name(type_: str, row: Row) -> None:
    for value in row.refused:
        fault = refusal(type_, needed(type_) | {row.name: value})
        assert fault.message == f"Validation error for key 'details.{row.name}'", value


@EACH_ROW
def test_only_an_optional_one_may_be_absent(type_: str, row: Row) -> None:
    details = {name: value for name, value in needed(type_).items() if name != row.name}

    if row.optional:
        assert parsed(type_, details) == details
    else:
        assert refusal(type_, details).details == f"Missing required key ({row.name})"


@pytest.mark.parametrize("type_", TABLES)
def test_what_no_table_names_is_refused(type_: str) -> None:
    assert refusal(type_, needed(type_) | {"colour": "red"}).message == "Validation error for key 'details.colour'"


@pytest.mark.parametrize("body", EXAMPLES)
def test_every_documented_notification_is_accepted(body: dict[str, Any]) -> None:
    assert parse_new(NOTIFICATION.attributes_for(body["type"]), body).values == body | {"metadata": None}


def test_the_documented_test_is_accepted() -> None:
    assert NOTIFICATION_TYPES["webhook"].details.parse(TEST_EXAMPLE["details"], "details") == TEST_EXAMPLE["details"]


def test_the_documented_change_is_accepted() -> None:
    body = {"type": "webhook", "details": {"url": "https://systems.example.org/new_alert"}}

    changed = parse_change(NOTIFICATION.attributes_for("webhook"), body, EXAMPLES[0] | {"metadata": None})

    assert changed.values == EXAMPLES[0] | body | {"metadata": None}


def test_keys_of_other_services_are_secrets() -> None:
    secret = {(type_.id, one.name) for type_ in NOTIFICATION_TYPES.values() for one in type_.attributes if one.secret}

    assert secret == {("pagerduty", "service_key"), ("victorops", "api_key")}


def test_the_answer_is_made_of_the_declaration() -> None:
    assert NOTIFICATION_TYPES["webhook"].shown() == {
        "id": "webhook",
        "fields": [{"name": "url", "description": "An HTTP or HTTPS URL to POST to", "optional": False}],
    }
    assert NOTIFICATION_TYPES["managed"].shown() == {"id": "managed", "fields": None}
