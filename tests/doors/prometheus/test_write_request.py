import re

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doors.prometheus.official_format import decoded
from tests.doors.prometheus.samples import identity, sample, samples
from vedette.adapters.prometheus.labels import Identity, labels_of, name_of
from vedette.adapters.prometheus.write_request import Encoder, Sample, halves

PROMETHEUS_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def told(some: list[Sample]) -> dict[Identity, dict[int, float]]:
    """What a request of these says: of several points of one time the first counts."""
    series: dict[Identity, dict[int, float]] = {}
    for one in some:
        series.setdefault(one.series, {}).setdefault(one.at_ms, one.value)
    return series


@given(st.lists(samples, max_size=20))
def test_what_is_written_is_what_the_official_format_reads(some: list[Sample]) -> None:
    assert decoded(Encoder()(some)) == [
        (labels_of(series), sorted(points.items())) for series, points in told(some).items()
    ]


@given(st.lists(samples, max_size=10), st.lists(samples, max_size=10))
def test_two_requests_in_a_row_are_one_request_with_the_series_of_both(one: list[Sample], other: list[Sample]) -> None:
    encode = Encoder()

    assert decoded(encode(one) + encode(other)) == decoded(encode(one)) + decoded(encode(other))


@given(st.lists(samples, min_size=1, max_size=8), st.lists(st.integers(0, 10**15), min_size=1, max_size=8, unique=True))
def test_a_request_falls_into_halves_down_to_its_single_points(some: list[Sample], times: list[int]) -> None:
    request = Encoder()([*some, *[sample(at_ms) for at_ms in times]])

    def points(request: bytes) -> list[tuple[list[tuple[str, str]], tuple[int, float]]]:
        return [(labels, point) for labels, found in decoded(request) for point in found]

    def taken_apart(request: bytes) -> list[bytes]:
        parts = halves(request)
        return [request] if parts is None else [*taken_apart(parts[0]), *taken_apart(parts[1])]

    single = taken_apart(request)

    assert all(len(points(one)) == 1 for one in single)
    assert [point for one in single for point in points(one)] == points(request)


@given(samples)
def test_labels_are_sorted_without_empty_ones_and_the_name_is_one_that_prometheus_takes(one: Sample) -> None:
    labels = labels_of(one.series)

    assert labels == sorted(labels)
    assert all(text for _, text in labels)
    assert PROMETHEUS_NAME.fullmatch(dict(labels)["__name__"])
    assert dict(labels)["metric"] == one.series.metric


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("duration", "vedette_duration"),
        ("eth0.rx_bytes", "vedette_rx_bytes"),
        ("/dev/sda1.used-percent", "vedette_used_percent"),
        ("5m", "vedette_5m"),
        ("größe", "vedette_gr__e"),
    ],
)
def test_the_name_is_what_is_measured_without_its_dimension(metric: str, name: str) -> None:
    assert name_of(metric) == name


def test_an_unknown_unit_and_the_place_of_an_agent_are_no_labels() -> None:
    labels = dict(labels_of(identity(place="", metric="eth0.rx_bytes")._replace(unit="unknown")))

    assert "unit" not in labels
    assert "zone" not in labels
    assert labels["dimension"] == "eth0"


@given(st.binary(max_size=4096))
def test_snappy_gives_back_what_it_was_given(data: bytes) -> None:
    assert bytes(cramjam.snappy.decompress_raw(bytes(cramjam.snappy.compress_raw(data)))) == data
