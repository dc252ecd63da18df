from __future__ import annotations

from typing import Any

import pytest

from vedette.criteria import compile_criteria
from vedette.domain.alarm_examples import ALARM_EXAMPLES, INTEGER, STRING, WHOLE, AlarmExample
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.faults import Fault

DOCUMENTED = {
    "remote.http_body_match_1": {"string": STRING},
    "remote.http_body_match_missing_string": {},
    "remote.http_connection_time": {"warning_threshold": INTEGER, "critical_threshold": INTEGER},
    "remote.http_status_code": {},
    "remote.http_cert_expiration": {"warning_threshold": INTEGER, "critical_threshold": INTEGER},
    "remote.dns_address_match": {"address": STRING},
    "remote.ssh_fingerprint_match": {"fingerprint": STRING},
    "remote.ping_packet_loss": {},
    "remote.tcp_connection_time": {"warning_threshold": INTEGER, "critical_threshold": INTEGER},
    "remote.dns_spf_record_include_match": {"domain": STRING},
    "remote.dns_dkim_public_key_match": {"public_key": STRING},
    "agent.cpu_usage_average": {"warning_threshold": WHOLE, "critical_threshold": WHOLE},
    "agent.memory_usage": {},
    "agent.filesystem_usage": {"warning_threshold": WHOLE, "critical_threshold": WHOLE},
    "agent.high_load_average": {"warning_threshold": WHOLE, "critical_threshold": WHOLE},
    "agent.network_transmit_rate": {"interface": STRING, "warning_threshold": WHOLE, "critical_threshold": WHOLE},
    "agent.network_receive_rate": {"interface": STRING, "warning_threshold": WHOLE, "critical_threshold": WHOLE},
    "agent.mysql_threads_connected_threshold": {"threads.connected.threshold": WHOLE},
}
EXAMPLES = pytest.mark.parametrize("example", ALARM_EXAMPLES.values(), ids=list(ALARM_EXAMPLES))


def values(example: AlarmExample, text: str = "eth0") -> dict[str, Any]:
    return {field.name: text if field.type == STRING else 42 for field in example.fields}


def test_every_documented_example_is_there_with_its_fields() -> None:
    found = {key: {field.name: field.type for field in one.fields} for key, one in ALARM_EXAMPLES.items()}
    assert found == DOCUMENTED


@EXAMPLES
def test_an_example_belongs_to_a_check_type_that_its_id_begins_with(example: AlarmExample) -> None:
    assert example.check_type in CHECK_TYPES
    assert example.id.startswith(f"{example.check_type}_") or example.id == "agent.high_load_average"


@EXAMPLES
def test_an_example_with_its_values_is_criteria(example: AlarmExample) -> None:
    criteria = compile_criteria(example.bound(values(example)))
    assert criteria.warnings == ()
    assert "${" not in criteria.text


@EXAMPLES
@pytest.mark.parametrize("text", ["it's", 'say "so"', "\\d+\\.", "${string}", "' } return OK #", "line\nbreak", "#{x}"])
def test_text_cannot_leave_its_quotes(example: AlarmExample, text: str) -> None:
    plain, odd = (compile_criteria(example.bound(values(example, one))) for one in ("eth0", text))
    assert odd.metric_names == plain.metric_names


def test_numbers_may_come_as_text_and_with_zeros_before_them() -> None:
    example = ALARM_EXAMPLES["agent.cpu_usage_average"]
    bound = example.bound({"warning_threshold": "080", "critical_threshold": 90})
    assert "> 80)" in bound
    assert "> 90)" in bound


def test_an_integer_may_be_below_nothing_and_a_whole_number_may_not() -> None:
    below = {"warning_threshold": -1, "critical_threshold": "-2"}
    assert "> -1)" in ALARM_EXAMPLES["remote.tcp_connection_time"].bound(below)
    with pytest.raises(Fault, match=r"values\.warning_threshold"):
        ALARM_EXAMPLES["agent.cpu_usage_average"].bound(below)


@pytest.mark.parametrize("value", ["", "x", "1.5", 1.5, True, [], {}, "9" * 19, "٣"])
def test_what_is_no_number_is_refused_by_name(value: Any) -> None:
    given = {"warning_threshold": 1, "critical_threshold": value}
    with pytest.raises(Fault, match=r"Validation error for key 'values\.critical_threshold'"):
        ALARM_EXAMPLES["remote.http_connection_time"].bound(given)


@pytest.mark.parametrize("value", [None, "", 5, [], "x" * 256, "a\0b"])
def test_what_is_no_text_is_refused_by_name(value: Any) -> None:
    with pytest.raises(Fault, match=r"Validation error for key 'values\.string'"):
        ALARM_EXAMPLES["remote.http_body_match_1"].bound({"string": value})
