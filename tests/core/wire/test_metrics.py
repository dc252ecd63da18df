"""Metrics in all the forms agents write them (wire protocol, 7)."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.domain.metrics import Metric, type_letters
from vedette.wire.envelope import MalformedMessage
from vedette.wire.metrics import Pair, WireMetric, metric_of, metrics_of, number_of, timestamp_ms


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        ("int64", "20480", ("l", 20480)),
        ("int64", "-5", ("l", -5)),
        ("int64", "0xfffffffffffffffb", ("l", -5)),
        ("int32", "0xffffffffffffffff", ("i", -1)),
        ("uint64", "0xffffffffffffffff", ("L", 2**64 - 1)),
        ("gauge", "0x1f4", ("L", 500)),
        ("gauge", "0X1F4", ("L", 500)),
        ("int64", "1e+14", ("l", 10**14)),
        ("double", "1.2345678901235e+14", ("D", 1.2345678901235e14)),
        ("double", ".0123", ("D", 0.0123)),
        ("double", "2", ("D", 2.0)),
        ("double", "inf", ("D", math.inf)),
        ("double", "-inf", ("D", -math.inf)),
        ("int64", "0.0134", ("D", 0.0134)),
        ("int64", "inf", ("D", math.inf)),
        ("uint32", "7", ("I", 7)),
        ("gauge", "-5", ("l", -5)),
        ("int64", str(2**63), ("L", 2**63)),
        ("int64", str(2**64), ("D", float(2**64))),
        ("double", "plenty", ("s", "plenty")),
        ("double", "1_000", ("s", "1_000")),
        ("int64", "", ("s", "")),
        ("string", "0x10", ("s", "0x10")),
        ("bool", "true", ("b", "true")),
        ("undefined", "x", ("s", "x")),
    ],
)
def test_a_value_is_read_by_its_type(type_: str, text: str, expected: tuple[str, Any]) -> None:
    metric = metric_of(WireMetric(type_, text))
    assert (metric.type, metric.value) == expected
    assert type(metric.value) is type(expected[1])


@pytest.mark.parametrize("text", ["nan", "-nan", "NaN"])
def test_a_value_that_is_no_number_is_kept_as_such(text: str) -> None:
    metric = metric_of(WireMetric("double", text))
    assert metric.type == "D"
    assert isinstance(metric.value, float)
    assert math.isnan(metric.value)


def test_a_value_may_come_bare_and_a_unit_may_be_missing_or_empty() -> None:
    assert metric_of(WireMetric("int64", 7)) == Metric("l", 7, "unknown")
    assert metric_of(WireMetric("bool", True, "")) == Metric("b", "true", "unknown")
    assert metric_of(WireMetric("string", None, "options")) == Metric("s", "", "options")


def read(text: str) -> dict[str, Metric]:
    return metrics_of(msgspec.json.decode(text, type=list[Pair]))


def test_a_dimension_goes_before_the_name() -> None:
    assert read('[["core",{"queries":{"t":"gauge","v":"0x1"}}],[null,{"a":{"t":"int64","v":"2"}}]]') == {
        "core.queries": Metric("L", 1),
        "a": Metric("l", 2),
    }


def test_an_empty_map_may_come_as_an_empty_list() -> None:
    assert read('[["eth0",[]],[null,{}]]') == {}


def test_of_one_name_the_last_counts() -> None:
    assert read('[[null,{"a":{"t":"int64","v":"1"}}],[null,{"a":{"t":"int64","v":"2"}}]]') == {"a": Metric("l", 2)}


@pytest.mark.parametrize(
    "text",
    [
        '[[null,["a"]]]',
        '[[null,{"":{"t":"int64","v":"1"}}]]',
        '[[null,{"%s":{"t":"int64","v":"1"}}]]' % ("n" * 257),
        "[[null,{{{}}}]]".format(",".join(f'"m{n}":{{"t":"int64","v":"1"}}' for n in range(1001))),
    ],
)
def test_what_is_too_much_or_no_map_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage, match="metrics: expected"):
        read(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1718000300000, 1718000300000),
        (1718000300, 1718000300000),
        (1718000300.5, 1718000300500),
        ("1718000300000", 1718000300000),
        ("soon", None),
        (None, None),
        (0, None),
        (-5, None),
        (1e300, None),
        (math.nan, None),
    ],
)
def test_times_are_milliseconds_or_those_of_old_agents_seconds(value: Any, expected: int | None) -> None:
    assert timestamp_ms(value) == expected


@given(st.sampled_from([*type_letters, "x"]), st.text(max_size=80))
def test_any_text_becomes_a_metric_that_the_log_can_hold(type_: str, text: str) -> None:
    metric = metric_of(WireMetric(type_, text, text))
    assert metric.type in type_letters.values()
    if isinstance(metric.value, int):
        assert -(2**63) <= metric.value < 2**64
    msgspec.msgpack.encode(metric)


@given(st.integers(-(2**63), 2**63 - 1))
def test_hexadecimal_is_two_s_complement(number: int) -> None:
    assert metric_of(WireMetric("int64", hex(number % 2**64))).value == number


@given(st.integers(-(2**70), 2**70))
def test_decimal_text_reads_as_itself(number: int) -> None:
    assert number_of(str(number)) == number
