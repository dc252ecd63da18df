"""`vedette metrics export` and `import` against a running server."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.acceptance.bare_agent import BareAgent
from tests.acceptance.client import Client
from tests.acceptance.server import Server, run
from tests.doors.prometheus.metric_servers import PROMETHEUS, VICTORIA_METRICS, MetricServer, missing

DAY_MS = 24 * 3600 * 1000
HOUR_MS = 3600 * 1000


def checked(client: Client) -> tuple[str, str, str]:
    """Ids of an entity and its check, and the token of its agent."""
    entity = client.create("entities", label="h", agent_id="h")
    check = client.create(f"entities/{entity}/checks", type="agent.memory", period=30)
    return entity, check, client.create("agent_tokens", label="h")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def exported(server: Server, *flags: str) -> str:
    done = run("metrics", "export", "--data-dir", str(server.data_dir), *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported(server: Server, text: str, *flags: str) -> Any:
    return run("metrics", "import", "-", "--data-dir", str(server.data_dir), *flags, stdin=text)


def samples(text: str) -> dict[tuple[str, float], float]:
    """(metric, time) -> value, by an independent reader."""
    return {
        (sample.labels["metric"], float(sample.timestamp or 0)): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


def history(tenant: str, check: str, points: Mapping[int, float], metric: str = "n", unit: str = "count") -> str:
    labels = f'check="{check}",metric="{metric}",tenant="{tenant}",type="l",unit="{unit}"'
    lines = [f"vedette_{metric}{{{labels}}} {value} {at_ms / 1000:.3f}" for at_ms, value in points.items()]
    return "\n".join([f"# TYPE vedette_{metric} gauge", *lines, "# EOF", ""])


def test_what_is_exported_is_read_by_others_and_imported_again_changes_nothing(
    server: Server, client: Client, tmp_path: Path
) -> None:
    _, check, token = checked(client)
    began = now_ms() - 10_000
    with BareAgent(server.agent, server.ca_file, token, "h") as agent:
        for number in range(20):
            agent.answer(agent.send_post(check, at_ms=began + number * 100, n=number, **{"eth0.rx": number * 2}))
    file = tmp_path / "points"
    text = exported(server)
    exported(server, "--output", str(file))

    found = samples(text)
    assert file.read_text() == text
    assert sorted(value for (metric, _), value in found.items() if metric == "n") == list(range(20))
    assert len([value for (metric, _), value in found.items() if metric == "eth0.rx"]) == 20
    if promtool := shutil.which("promtool"):
        command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(file), str(tmp_path / "blocks")]
        subprocess.run(command, check=True, capture_output=True)
    again = imported(server, text)
    assert again.returncode == 0, again.stderr
    assert again.stdout.split() == ["POINTS", "ADDED", "ALREADY", "THERE", "NOT", "NUMBERS", "40", "0", "40", "0"]
    assert exported(server) == text


def test_old_points_are_plotted_rolled_up_and_no_alarm_hears_of_them(server: Server, client: Client) -> None:
    entity, check, _ = checked(client)
    criteria = "if (metric['n'] >= 0) { return new AlarmStatus(CRITICAL, 'bad'); } return new AlarmStatus(OK);"
    client.create(
        f"entities/{entity}/alarms", check_id=check, criteria=criteria, notification_plan_id="npTechnicalContactsEmail"
    )
    start = (now_ms() // DAY_MS - 40) * DAY_MS
    points = {start + hour * HOUR_MS: hour for hour in range(72)}
    recent = {now_ms() - 60_000: 1}
    done = imported(server, history(client.tenant, check, points | recent))
    assert done.returncode == 0, done.stderr

    def plotted() -> list[Any]:
        path = f"entities/{entity}/checks/{check}/metrics/n/plot"
        query = {"from": start, "to": start + 3 * DAY_MS, "resolution": "MIN1440", "select": ["average", "min", "max"]}
        return list(client.get(path, **query)["values"])

    expected = [
        {"timestamp": start + day * DAY_MS, "numPoints": 24, "average": day * 24 + 11.5, "min": day * 24,
         "max": day * 24 + 23}
        for day in range(3)
    ]  # fmt: skip
    assert plotted() == expected
    assert [metric["name"] for metric in client.get(f"entities/{entity}/checks/{check}/metrics")["values"]] == ["n"]
    assert imported(server, history(client.tenant, check, points)).returncode == 0
    assert plotted() == expected
    server.kill()
    server.start()
    client.base = server.api
    assert plotted() == expected
    assert client.all("changelogs/alarms") == []


SPOILT: list[tuple[Callable[[str], str], str]] = [
    (lambda text: text.replace(" 5 ", " five "), "line 7: 'five' is no number"),
    (lambda text: text.removesuffix("# EOF\n"), "line 11: the file ends without # EOF"),
    (lambda text: text.replace('check="ch', 'check="chX'), "line 2: tenant 100001 has no check chX"),
    (lambda text: text.replace('metric="n"', 'metric="n",zone="mzdfw"'), "line 2: check ch"),
]


def test_with_one_wrong_line_nothing_is_added_and_it_is_named(server: Server, client: Client) -> None:
    _, check, _ = checked(client)
    text = history(client.tenant, check, {now_ms() - 50_000 + n: n for n in range(10)})
    for spoil, said in SPOILT:
        done = imported(server, spoil(text))
        assert done.returncode == 1
        assert said in done.stderr
    assert samples(exported(server)) == {}
    assert imported(server, text).returncode == 0
    assert len(samples(exported(server))) == 10


@pytest.mark.parametrize("program", [VICTORIA_METRICS, PROMETHEUS])
def test_a_server_with_a_metric_store_has_its_import_there_too(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := missing(program):
        pytest.skip(reason)
    store = MetricServer(program, tmp_path / "store")
    monkeypatch.setenv("VEDETTE_METRICS_URL", store.url)
    try:
        with Server(tmp_path / "var") as server, Client.logged_in(server.api, server.credentials) as client:
            entity, check, _ = checked(client)
            points = {now_ms() - 4 * DAY_MS + n * 60_000: n for n in range(200)}
            assert imported(server, history(client.tenant, check, points)).returncode == 0
            store.settle()
            assert [point["average"] for point in client.points(entity, check, "n")] == list(range(200))
            store.kill()
            path = f"entities/{entity}/checks/{check}/metrics/n/plot"
            query = {"from": min(points) - 5, "to": now_ms(), "resolution": "MIN60"}
            answer = client.get(path, **query)
            assert answer["metadata"]["missing"][0]["from"] == min(points) - 5
            assert sum(point["numPoints"] for point in answer["values"]) == 200  # our own store has them, too
    finally:
        store.kill()
