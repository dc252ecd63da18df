"""`api`: tokens and objects over HTTP with authentication, limits and audit, beside handlers that do nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks import icinga, objects, servers
from benchmarks.load import Load, measure
from benchmarks.servers import LOAD_CORE
from benchmarks.table import Row, Table

PAIRS = 5
SECONDS = 1.5
TOKENS = MOST_LISTED = 1000
CONNECTIONS = 32


def run() -> Table:
    """GET and PUT of one agent token, creation of objects, and lists of 1,000."""
    table = Table("api: durability on (SQLite, synchronous=FULL), one core for the server")
    with servers.noop() as noop_port, servers.vedette() as credentials:
        tokens = _make_tokens(credentials)
        gets = [_request(credentials, "GET", f"/agent_tokens/{token}") for token in tokens[:CONNECTIONS]]
        puts = [
            _request(credentials, "PUT", f"/agent_tokens/{token}", f'{{"label": "{label}"}}')
            for label in ("one", "two")
            for token in tokens[: CONNECTIONS + 1]
        ]
        table.rows.append(_beside_noop("GET one token", credentials, noop_port, gets, aim=0.5))
        table.rows.append(_beside_noop("PUT one token", credentials, noop_port, puts, aim=0.3))
        table.rows.append(_list(credentials, "tokens", "/agent_tokens"))
        if icinga.is_installed():
            with icinga.icinga() as peer:
                table.rows.append(_beside_icinga(credentials, peer, gets))
        else:
            table.notes.append(icinga.MISSING)
        # Last: thousands of checks are then probed beside what is measured.
        posts = _creations(credentials)
        table.rows.append(_beside_noop("POST entity, check, alarm in turn", credentials, noop_port, posts, aim=None))
        table.rows.append(_list(credentials, "entities", "/entities"))
    return table


def _make_tokens(credentials: dict[str, Any]) -> list[str]:
    url = credentials["monitoring_url"] + "/agent_tokens"
    with httpx.Client(headers={"X-Auth-Token": credentials["token"]}) as client:
        answers = (client.post(url, json={"label": f"token {number}"}) for number in range(TOKENS))
        return [answer.raise_for_status().headers["x-object-id"] for answer in answers]


def _creations(credentials: dict[str, Any]) -> list[str]:
    """Requests that create an entity, a check, an alarm, and so on; at least a page of entities is there already."""
    bodies = objects.BODIES
    with httpx.Client(base_url=credentials["monitoring_url"], headers={"X-Auth-Token": credentials["token"]}) as client:
        made = [objects.create(client, "/entities", bodies["entities"]) for _ in range(MOST_LISTED)]
        below = f"/entities/{made[0]}"
        check = objects.create(client, f"{below}/checks", bodies["checks"])
    alarm = bodies["alarms"] | {"check_id": check}
    return [
        _request(credentials, "POST", path, json.dumps(body))
        for path, body in (
            ("/entities", bodies["entities"]), (f"{below}/checks", bodies["checks"]), (f"{below}/alarms", alarm)
        )
    ]  # fmt: skip


def _request(credentials: dict[str, Any], method: str, path: str, body: str = "") -> str:
    where = urlsplit(credentials["monitoring_url"])
    head = f"{method} {where.path}{path} HTTP/1.1\r\nHost: {where.netloc}\r\nX-Auth-Token: {credentials['token']}\r\n"
    return head + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"


def _beside_noop(
    what: str, credentials: dict[str, Any], noop_port: int, requests: Sequence[str], aim: float | None
) -> Row:
    port = urlsplit(credentials["monitoring_url"]).port
    assert port is not None
    ours, theirs = [], []
    for _ in range(PAIRS):
        theirs.append(_rate(noop_port, requests))
        ours.append(_rate(port, requests))
    return Row(what, "no-op handler", ours, theirs, "/s", aim)


def _beside_icinga(credentials: dict[str, Any], peer: int, requests: Sequence[str]) -> Row:
    """One object by its API, both with authentication; its over TLS, for it speaks nothing else."""
    port = urlsplit(credentials["monitoring_url"]).port
    assert port is not None
    ours, theirs = [], []
    for _ in range(PAIRS):
        load = Load("127.0.0.1", peer, [icinga.REQUEST], CONNECTIONS, SECONDS, is_tls=True)
        theirs.append(measure(load, LOAD_CORE).requests_s)
        ours.append(_rate(port, requests))
    return Row("GET one token", "Icinga 2, GET one host", ours, theirs, "/s", aim=15)


def _rate(port: int, requests: Sequence[str]) -> float:
    measured = measure(Load("127.0.0.1", port, requests, CONNECTIONS, SECONDS), LOAD_CORE)
    if measured.failures:
        raise RuntimeError(f"{measured.failures} answers were not 2xx")
    return measured.requests_s


def _list(credentials: dict[str, Any], what: str, path: str) -> Row:
    port = urlsplit(credentials["monitoring_url"]).port
    assert port is not None
    requests = [_request(credentials, "GET", f"{path}?limit=1000")]
    load = Load("127.0.0.1", port, requests, 4, SECONDS)
    return Row(
        f"list of 1,000 {what}", "-", [measure(load, LOAD_CORE).megabytes_s for _ in range(PAIRS)], [], "MB/s", 50
    )
