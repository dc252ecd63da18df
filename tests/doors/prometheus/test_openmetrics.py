from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.doors.prometheus.samples import identities, identity
from vedette.adapters.prometheus import openmetrics
from vedette.adapters.prometheus.labels import Identity, labels_of, name_of
from vedette.adapters.prometheus.openmetrics import Line, Malformed

POINTS = st.dictionaries(st.integers(0, 10**14), st.floats(), max_size=5).map(lambda points: sorted(points.items()))
LINE = 'vedette_duration{check="chA",metric="duration",tenant="alices",type="D"}'


def families(text: str) -> list[Any]:
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def written(some: dict[Identity, list[tuple[int, float]]]) -> str:
    text, family = "", ""
    for one in openmetrics.families(list(some)):
        if name_of(one.metric) != family:
            family = name_of(one.metric)
            text += openmetrics.head(family)
        text += "".join(openmetrics.lines(one, some[one]))
    return text + "# EOF\n"


def read(text: str) -> list[Line | None]:
    return list(openmetrics.read(text.splitlines(keepends=True)))


@given(st.dictionaries(identities, POINTS, max_size=5))
def test_an_independent_reader_finds_what_was_written(some: dict[Identity, list[tuple[int, float]]]) -> None:
    text = written(some)
    found = [sample for family in families(text) for sample in family.samples]

    expected = [(one, point) for one in openmetrics.families(list(some)) for point in some[one]]
    assert len(found) == len(expected)
    for sample, (one, (at_ms, value)) in zip(found, expected, strict=True):
        assert {"__name__": sample.name, **sample.labels} == dict(labels_of(one))
        assert sample.value == value or (math.isnan(sample.value) and math.isnan(value))
        assert sample.timestamp is not None
        assert round(float(sample.timestamp) * 1000) == at_ms


@given(st.dictionaries(identities, POINTS, max_size=5))
def test_we_find_it_again_too(some: dict[Identity, list[tuple[int, float]]]) -> None:
    # Lines are ended by line feeds only; other separators of lines may stand in names.
    found = list(openmetrics.read(line + "\n" for line in written(some).split("\n")[:-1]))
    expected = [(one, point) for one in openmetrics.families(list(some)) for point in some[one]]
    assert len(found) == len(expected)
    for line, (one, (at_ms, value)) in zip(found, expected, strict=True):
        if line is None:
            assert math.isnan(value)
            continue
        assert (line.check_id, line.place, line.metric, line.type) == (one.check_id, one.place, one.metric, one.type)
        assert (line.tenant_id, line.unit, line.at_ms, line.value) == (one.tenant_id, one.unit, at_ms, value)


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), 0, 2**53 + 1])
def test_integers_of_64_bits_lose_nothing(value: int) -> None:
    one = identity()._replace(type="L")
    (line,) = read(written({one: [(1_000, value)]}))
    assert line is not None
    assert (line.value, type(line.value)) == (value, int)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{} 1 2", "line 2: it begins with no metric name"),
        ("vedette_duration 1 2", "line 2: label check is missing"),
        ('vedette_duration{check="chA"} 1 2', "line 2: label metric is missing"),
        (f"{LINE} 1", "line 2: number or time is missing"),
        (f"{LINE}", "line 2: number or time is missing"),
        (f"{LINE} one 2", "line 2: 'one' is no number"),
        (f"{LINE} 1_0 2", "line 2: '1_0' is no number"),
        (f"{LINE.replace('D', 'L')} {2**64} 2", "line 2: '18446744073709551616' has more than 64 bits"),
        (f"{LINE.replace('D', 'l')} -{2**63 + 1} 2", "line 2: '-9223372036854775809' has more than 64 bits"),
        (f"{LINE} 1 yesterday", "line 2: 'yesterday' is no time"),
        (f"{LINE} 1 -5", "line 2: '-5' is no time"),
        (f"{LINE} 1 2 3", "line 2: number or time is missing"),
        ('vedette_duration{check="chA} 1 2', "line 2: the label at character 18 is none"),
        ('vedette_duration{check="chA",metric="m",type="s"} 1 2', "line 2: type 's' is no type of a number"),
        ("# EOF\nvedette_duration 1 2", "line 3: something follows # EOF"),
    ],
)
def test_a_wrong_line_is_named_with_what_was_expected(line: str, wrong: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(f"# TYPE vedette_duration gauge\n{line}\n# EOF\n")
    assert str(caught.value).startswith(wrong)
    assert "; expected " in str(caught.value)


def test_a_file_that_was_cut_off_is_refused() -> None:
    with pytest.raises(Malformed, match=r"line 1: the file ends without # EOF"):
        read(f"{LINE} 1 2\n")
    with pytest.raises(Malformed, match="line 0"):
        read("")


def test_what_others_write_is_read_too() -> None:
    text = f'# HELP x y\n# UNIT x seconds\n\n{LINE} 1e3  1.5 # {{a="b"}} 1\n{LINE} +Inf 1700000000.123456\n# EOF'
    assert [(line.value, line.at_ms) for line in read(text) if line] == [(1000.0, 1500), (math.inf, 1700000000123)]


@given(st.text(), st.text())
def test_whatever_stands_in_a_file_is_a_point_or_named(start: str, end: str) -> None:
    said = "line 1: "
    try:
        found = list(openmetrics.read([f"{start}{LINE}{end}\n", "# EOF"]))
    except Malformed as error:
        found, said = [], str(error)
    assert said.startswith("line 1: ")
    assert all(line is None or line.number == 1 for line in found)


@pytest.mark.parametrize(
    ("labels", "time", "wrong"),
    [
        (f'metric="{"m" * 257}"', "1", "label metric is too long; expected 256"),
        (f'metric="m",unit="{"u" * 65}"', "1", "label unit is too long; expected 64"),
        ('metric="m"', "253370764801", "'253370764801' is too far in the future"),
        ('metric="m"', "\u0661", "'\u0661' is no time"),
    ],
)
def test_what_no_metric_of_ours_can_be_is_refused(labels: str, time: str, wrong: str) -> None:
    with pytest.raises(Malformed, match=re.escape(f"line 1: {wrong}")):
        read(f'vedette_m{{check="chA",{labels}}} 1 {time}\n# EOF\n')
