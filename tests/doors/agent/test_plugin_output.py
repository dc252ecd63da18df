"""What plugins print (wire protocol, 12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.checks.plugin_output import reading_of
from vedette.agent.reading import LONGEST_TOLD, fitting
from vedette.wire.metrics import WireMetric, metrics_of

TURKEY = """status Turkey thermometer returned valid response
metric internal_temperature uint32 165
metric ambient_temperature uint32 325
"""


def test_the_reference_s_example_is_read() -> None:
    reading = reading_of(TURKEY, 0)
    assert (reading.available, reading.status) == (True, "Turkey thermometer returned valid response")
    assert reading.metrics == {
        "internal_temperature": WireMetric("uint32", "165"),
        "ambient_temperature": WireMetric("uint32", "325"),
    }


@pytest.mark.parametrize(
    ("line", "metric"),
    [
        ("metric a int 5", WireMetric("int64", "5")),
        ("metric a float 0.5 percent", WireMetric("double", "0.5", "percent")),
        ("metric a gauge 7 bytes", WireMetric("gauge", "7", "bytes")),
        ("metric a string  two   words ", WireMetric("string", "two words")),
        ("metric a double nan", WireMetric("double", "nan")),
        ("  metric a int32 -1  ", WireMetric("int32", "-1")),
    ],
)
def test_each_type_has_its_form(line: str, metric: WireMetric) -> None:
    assert reading_of(line + "\n", 0).metrics == {"a": metric}


def test_the_last_line_counts_without_its_end_and_blank_lines_do_not() -> None:
    reading = reading_of("status fine\n\nmetric a int 5", 0)
    assert (reading.status, list(reading.metrics)) == ("fine", ["a"])


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\x0b", "\x1e"])
def test_a_line_ends_at_a_line_feed_and_nowhere_else(mark: str) -> None:
    reading = reading_of(f"status a{mark}b\r\nmetric a int 5\r\n", 0)
    assert (reading.status, list(reading.metrics)) == (f"a{mark}b", ["a"])


def test_what_is_too_long_for_a_line_of_the_protocol_is_told_instead() -> None:
    printed = "".join(f"metric {name} string {chr(1) * 60_000}\n" for name in "abcdefghijklmnop")
    reading = fitting(reading_of(printed, 0))
    assert (reading.available, reading.metrics) == (False, {})
    assert reading.status == f"The check said more than {LONGEST_TOLD} bytes"
    short = reading_of("metric a int 5\n", 0)
    assert fitting(short) is short


def test_a_dotted_name_keeps_its_dimension() -> None:
    metrics = reading_of("metric eth0.rx_bytes int64 5\n", 0).metrics
    assert list(metrics_of([(None, metrics)])) == ["eth0.rx_bytes"]


def test_what_is_no_number_is_left_out_and_the_rest_stays() -> None:
    assert list(reading_of("metric a int abc\nmetric b int 5\n", 0).metrics) == ["b"]


@pytest.mark.parametrize(("word", "rest"), [("ok", "all is well"), ("warn", "hm"), ("err", "")])
def test_a_cloudkick_status_also_becomes_the_legacy_state(word: str, rest: str) -> None:
    reading = reading_of(f"status {word} {rest}\nmetric a int 5\n", 0)
    assert reading.status == rest
    assert reading.metrics["legacy_state"] == WireMetric("string", word)


def test_the_first_status_counts_and_is_cut_at_256_bytes() -> None:
    assert reading_of("status " + "é" * 300 + "\nstatus other\n", 0).status == "é" * 128


def test_a_plugin_may_say_that_its_target_is_gone_and_when_it_looked() -> None:
    reading = reading_of("status gone\nstate unavailable\ntimestamp 1718000000123\n", 0)
    assert (reading.available, reading.status, reading.timestamp_ms) == (False, "gone", 1_718_000_000_123)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hello", "Unrecognized line 'hello'"),
        ("metric", "Invalid metric line ''"),
        ("metric a", "Invalid metric line 'a'"),
        ("metric a int", "Invalid metric line 'a int'"),
        ("metric a int 1 2 3", "Invalid metric line 'a int 1 2 3'"),
        ("metric a thing 1", "Invalid metric line 'a thing 1'"),
        ("metric a;b int 1", "Invalid metric line 'a;b int 1'"),
        ("state broken", "Invalid state 'broken'"),
        ("timestamp soon", "Invalid timestamp 'soon'"),
    ],
)
def test_a_wrong_line_makes_it_unavailable_and_is_told(line: str, complaint: str) -> None:
    reading = reading_of(f"status fine\nmetric good int 1\n{line}\n", 0)
    assert (reading.available, reading.metrics) == (False, {})
    assert reading.status.startswith(complaint)


@pytest.mark.parametrize(
    ("printed", "status"),
    [
        ("status not responding\n", "not responding"),
        ("metric a int 1\n", "Plugin exited with non-zero status code (code=3)"),
    ],
)
def test_a_plugin_that_fails_has_no_metrics(printed: str, status: str) -> None:
    reading = reading_of(printed, 3)
    assert (reading.available, reading.status, reading.metrics) == (False, status, {})


@given(st.text(max_size=200), st.integers(-10, 10))
def test_whatever_is_printed_makes_a_reading(printed: str, code: int) -> None:
    reading = reading_of(printed, code)
    assert len(metrics_of([(None, reading.metrics)])) == len(reading.metrics)
