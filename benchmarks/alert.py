"""`alert`: from the deciding observation to the webhook at its receiver, idle and under load.

The observations are an agent's posts over TLS, for an agent's check needs nobody to agree and nothing to be confirmed:
what is measured is the way from the socket through log, evaluation, outbox and attempt to the receiver's socket. All
the while alarms of another tenant page to a receiver that takes connections and never answers.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import psutil

from benchmarks import alertmanager, objects, posts, servers
from benchmarks.pages import CRITERIA, Agent, Job, Seen
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table

PAIRS, SECONDS = 5, 8.0
CHECKS = 50  # that page; as many again of the other tenant
LOAD_AGENTS, LOAD_CHECKS = 20, 10
PAGES_S, DEAD_PAGES_S = 25.0, 5.0
SHARE = 0.8
P50_US, P99_US = 5_000, 50_000
_behind = """
SELECT (SELECT COALESCE(MAX(seq), 0) FROM observation) - (SELECT seq FROM reader_cursor WHERE name = 'evaluate')"""

Run = Callable[[float], Seen]
"""At so many posts a second besides."""


def run() -> Table:
    """Idle in turn with the peer, then at a share of what the server was just seen to take."""
    table = Table("alert: failing observation -> webhook received; another tenant's receiver is dead")
    with servers.vedette("--allow-network", "127.0.0.0/8") as credentials, _pages() as (ports, ask):
        job = _filled(credentials, ports)

        def once(posts_s: float) -> Seen:
            return ask(msgspec.structs.replace(job, posts_s=posts_s))

        once(0)  # what is loaded at first use is loaded
        idle, peer = _beside_peer(lambda: once(0))
        most_s = _most(credentials, job)
        loaded, busy = zip(*[_with_share(credentials["pid"], once, SHARE * most_s) for _ in range(PAIRS)], strict=True)
    table.rows += [*_rows("idle", idle), *_rows(f"at {SHARE:.0%} load", cast("Sequence[Seen]", loaded))]
    if peer:
        ours = [1e6 / statistics.median(seen.delays_us) for seen in idle]
        table.rows.append(Row("1 / median, idle", alertmanager.NAME, ours, [1 / delay_s for delay_s in peer], "/s", 10))
    table.notes += _notes(idle, cast("Sequence[Seen]", loaded), most_s, statistics.median(busy))
    return table


def _rows(what: str, rounds: Sequence[Seen]) -> Iterator[Row]:
    for name, share, aim in (("p50", 0.5, P50_US), ("p99", 0.99, P99_US)):
        yield Row(f"{what}: {name}", "-", [_quantile(seen, share) for seen in rounds], [], "us", aim, at_most=True)


def _quantile(seen: Seen, share: float) -> float:
    ordered = sorted(seen.delays_us)
    return ordered[int(share * len(ordered))]


def _notes(idle: Sequence[Seen], loaded: Sequence[Seen], most_s: float, busy: float) -> Iterator[str]:
    for what, rounds in (("idle", idle), ("loaded", loaded)):
        pages, lost = sum(len(seen.delays_us) for seen in rounds), sum(seen.lost for seen in rounds)
        late_us = statistics.median(seen.late_us for seen in rounds)
        yield f"{what}: {pages} pages, {lost} lost; 99 of 100 posts went off within {late_us:,.0f} us of their time"
    posts_s = statistics.median(seen.posts for seen in loaded) / SECONDS
    size = f"{posts.METRICS} metrics each"
    yield f"load: {posts_s:,.0f} posts/s, {size}, of {most_s:,.0f}/s that it takes; {busy:.0%} of its core was used"
    if not alertmanager.is_installed():
        yield alertmanager.MISSING


def _beside_peer(once: Callable[[], Seen]) -> tuple[list[Seen], list[float]]:
    """Ours, and the peer's medians in seconds if it is there; in turn."""
    if not alertmanager.is_installed():
        return [once() for _ in range(PAIRS)], []
    with alertmanager.paging() as flips:
        pairs = [(once(), statistics.median(flips())) for _ in range(PAIRS)]
    return [seen for seen, _ in pairs], [delay_s for _, delay_s in pairs]


@contextmanager
def _pages() -> Iterator[tuple[tuple[int, int], Callable[[Job], Seen]]]:
    """The ports of the receivers, and what does a job."""
    command = [sys.executable, "-m", "benchmarks.pages"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, said = process.stdin, process.stdout

        def ask(job: Job) -> Seen:
            given.write(msgspec.json.encode(job).decode() + "\n")
            given.flush()
            return msgspec.json.decode(said.readline(), type=Seen)

        alive, dead = json.loads(said.readline())
        try:
            yield (alive, dead), ask
        finally:
            given.close()


# What is watched


def _filled(credentials: dict[str, Any], ports: tuple[int, int]) -> Job:
    alive, dead = ports
    host, _, port = credentials["agent_endpoint"].rpartition(":")
    with _client(credentials["monitoring_url"], credentials["token"]) as alice:
        token = _agent_token(alice)
        paging = _agent(alice, token, "paging", CHECKS, _plan(alice, alive))
        quiet = _plan(alice, alive)  # its alarms never fail
        load = [_agent(alice, token, f"load-{number}", LOAD_CHECKS, quiet) for number in range(LOAD_AGENTS)]
    with _charlie(credentials) as charlie:
        other = _agent(charlie, _agent_token(charlie), "dead", CHECKS, _plan(charlie, dead))
    return Job(
        core=LOAD_CORE,
        host=host,
        port=int(port),
        ca_file=credentials["ca_file"],
        seconds=SECONDS,
        paging=paging,
        pages_s=PAGES_S,
        dead=other,
        dead_pages_s=DEAD_PAGES_S,
        load=load,
        posts_s=0,
    )


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"X-Auth-Token": token}, timeout=30)


def _charlie(credentials: dict[str, Any]) -> httpx.Client:
    """Another tenant's."""
    directory = credentials["directory"]
    _run("tenant", "add", "charlie", "--data-dir", directory)
    added = _run("user", "add", "charlie", "--tenant", "charlie", "--role", "admin", "--json", "--data-dir", directory)
    login = servers.log_in(credentials | json.loads(added))
    return _client(credentials["monitoring_url"].replace(f"/{credentials['tenant_id']}", "/charlie"), login)


def _run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "vedette", *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def _agent_token(client: httpx.Client) -> str:
    return objects.create(client, "/agent_tokens", {"label": "load"})


def _plan(client: httpx.Client, port: int) -> str:
    details = {"url": f"http://127.0.0.1:{port}/page"}
    hook = objects.create(client, "/notifications", {"label": "hook", "type": "webhook", "details": details})
    return objects.create(client, "/notification_plans", {"label": "page", "critical_state": [hook]})


def _agent(client: httpx.Client, token: str, agent_id: str, checks: int, plan: str) -> Agent:
    """An entity's, with checks that have an alarm each."""
    entity = objects.create(client, "/entities", objects.BODIES["entities"] | {"agent_id": agent_id})
    made = [objects.create(client, f"/entities/{entity}/checks", objects.BODIES["checks"]) for _ in range(checks)]
    for check in made:
        alarm = {"label": "page", "check_id": check, "criteria": CRITERIA, "notification_plan_id": plan}
        objects.create(client, f"/entities/{entity}/alarms", alarm)
    return Agent(token, agent_id, made)


# How much the server takes


def _most(credentials: dict[str, Any], job: Job) -> float:
    """Posts a second, acknowledged and evaluated, when agents post as fast as they are answered."""
    checks = {one.agent_id: list(one.checks) for one in job.load}
    load = posts.Job(job.host, job.port, job.ca_file, job.load[0].token, checks, SECONDS / 2, LOAD_CORE)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.posts"],
        input=msgspec.json.encode(load) + b"\ngo\n",
        stdout=subprocess.PIPE,
        check=True,
    )
    seen = msgspec.json.decode(done.stdout.splitlines()[-1], type=posts.Seen)
    return seen.posts / (seen.seconds + _caught_up_s(Path(credentials["directory"])))


def _caught_up_s(directory: Path) -> float:
    """Until evaluation has come to the end of the log."""
    ended_s = time.monotonic()
    with sqlite3.connect(f"file:{directory / 'vedette.db'}?mode=ro", uri=True) as database:
        while database.execute(_behind).fetchone()[0] > 0:
            time.sleep(0.01)
    return time.monotonic() - ended_s


def _with_share(pid: int, once: Run, posts_s: float) -> tuple[Seen, float]:
    """And what of its core the server used meanwhile."""
    process = psutil.Process(pid)
    before, began_s = process.cpu_times(), time.monotonic()
    seen = once(posts_s)
    after = process.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    return seen, used_s / (time.monotonic() - began_s)
