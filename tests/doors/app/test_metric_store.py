from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from vedette.app.collecting import egress_policy
from vedette.app.metric_store import listeners, look_for_stores, metric_store, outside
from vedette.config import Config, HostPort, load


def configured(**flags: str) -> Config:
    return load(flags, environment={})


def test_without_a_url_there_is_no_store() -> None:
    assert metric_store(Config()) is None
    assert outside(Config()) is None
    assert listeners(Config()) == []


def test_points_are_written_below_the_url_unless_it_is_said_where() -> None:
    one = metric_store(configured(metrics_url="http://store.example:8428/prometheus/"))
    assert one is not None
    assert one.write_url == "http://store.example:8428/prometheus/api/v1/write"
    assert one.read_url == "http://store.example:8428/prometheus"
    other = metric_store(configured(metrics_url="http://a.example", metrics_write_url="http://b.example/api/v1/push"))
    assert other is not None
    assert (other.write_url, other.read_url) == ("http://b.example/api/v1/push", "http://a.example")


def test_nobody_probes_a_metric_store_whatever_is_allowed() -> None:
    config = load(
        {"metrics_url": "http://127.0.0.1:8428", "metrics_write_url": "https://[2001:db8::5]/w",
         "remote_write": "http://192.0.2.7/w", "allow_network": ("0.0.0.0/0", "::/0")},
        environment={},
    )  # fmt: skip
    policy = egress_policy(config, listeners(config))
    denied = [("127.0.0.1", 8428), ("::1", 8428), ("127.9.9.9", 8428), ("2001:db8::5", 443), ("192.0.2.7", 80)]
    assert [one for one in denied if policy.permits(ip_address(one[0]), one[1])] == []
    assert policy.permits(ip_address("192.0.2.7"), 81)
    assert policy.permits(ip_address("127.0.0.1"), 80)


async def test_a_store_that_moves_to_another_address_is_out_of_reach_there_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = "192.0.2.7"

    def moving(_host: str, port: int, **_more: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", moving)
    config = load({"metrics_url": "http://store.example:8428", "allow_network": ("0.0.0.0/0",)}, environment={})
    policy = egress_policy(config, listeners(config))
    address = "192.0.2.8"
    assert policy.permits(ip_address("192.0.2.8"), 8428)
    await look_for_stores(config, policy)
    assert not policy.permits(ip_address("192.0.2.7"), 8428)
    assert not policy.permits(ip_address("192.0.2.8"), 8428)


def test_a_store_whose_name_has_no_address_keeps_no_server_from_starting(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def literals_only(host: str, *rest: Any, **more: Any) -> Any:
        if host == "store.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", literals_only)
    config = configured(metrics_url="http://store.invalid:8428", remote_write="http://192.0.2.7:9/w")
    assert listeners(config) == [HostPort("192.0.2.7", 9)]
    assert "store.invalid" in "".join(capfd.readouterr())
