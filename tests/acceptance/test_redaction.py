"""No secret is in anything that a server writes, whatever is done with it and wherever it is put by mistake.

Everything the processes wrote is searched: the database with its log, standard output and error at the level `debug`,
audits, the metrics page, refusals. Exempt are `credentials.json`, the key file and the TLS keys.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import ssl
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.acceptance.bare_agent import BareAgent, RefusedError
from tests.acceptance.client import Client
from tests.acceptance.host_agent import HostAgent
from tests.acceptance.leaks import Secrets
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server, run
from tests.acceptance.waiting import until
from tests.contracts import postgres_server
from tests.contracts.postgres_server import PostgresServer

FLAGS = ("--log-level", "debug", "--log-format", "json")
EXEMPT = {"credentials.json", "keys", "ca.key", "agent.pem", "api.pem"}
ALWAYS = "return new AlarmStatus(CRITICAL);"


class Tour:
    """Goes through the whole API and keeps what it was refused with."""

    def __init__(self, server: Server, known: Secrets) -> None:
        self.server = server
        self.known = known
        self.refusals: list[tuple[str, bytes]] = []
        credentials = server.credentials
        known.add("API key", credentials["api_key"])
        self.client = Client.logged_in(server.api, credentials)
        known.add("identity token", self.client.token)
        self.http = httpx.Client(base_url=server.api, trust_env=False, timeout=30)

    def close(self) -> None:
        self.client.close()
        self.http.close()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Any call with the token of the first account; what is refused is kept with its headers."""
        headers = {"X-Auth-Token": self.client.token} | more.pop("headers", {})
        answer = self.http.request(method, path, headers=headers, **more)
        if answer.status_code >= 400:
            shown = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
            self.refusals.append((f"the refusal of {method} {path[:60]}", shown.encode() + b"\n" + answer.content))
        return answer

    # -- rightly

    def use_every_secret_as_it_is_meant(self, receiver: Receiver) -> str:
        """The agent token that is left."""
        client, known = self.client, self.known
        client.update("account", webhook_token=known.add("webhook token", _word()))
        client.update("account", webhook_token=known.add("second webhook token", _word()))
        keys = {
            "pagerduty": {"service_key": known.add("service key", secrets.token_hex(16))},
            "victorops": {
                "api_key": known.add("VictorOps key", str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)))
            },
        }
        for kind, details in keys.items():
            notification = client.create("notifications", label=kind, type=kind, details=details)
            client.update(f"notifications/{notification}", label="again", details=details)
        self._checks(receiver)
        token = known.add("agent token", client.create("agent_tokens", label="web"))
        client.update(f"agent_tokens/{token}", label="again", metadata={"team": "a"})
        client.get(f"agent_tokens/{token}")
        client.all("agent_tokens")
        client.get("agent_tokens", marker=token, limit=1)
        gone = known.add("deleted agent token", client.create("agent_tokens"))
        client.delete(f"agent_tokens/{gone}")
        rotated = known.add("rotated agent token", client.create(f"agent_tokens/{token}/rotate", overlap=600))
        client.get(f"agent_tokens/{token}/agents")
        self.ask("POST", f"/v1.0/{client.tenant}/agent_tokens/{rotated}/rotate/finish")
        return rotated

    def _checks(self, receiver: Receiver) -> None:
        client, known = self.client, self.known
        entity = client.create("entities", label="web", agent_id="web", ip_addresses={"default": "127.0.0.1"})
        http = {"url": receiver.url, "auth_user": "x", "auth_password": known.add("check password", _word())}
        details = {
            "remote.http": http,
            "agent.mysql": {"username": "x", "password": known.add("MySQL password", _word())},
            "agent.redis": {"hostname": "localhost", "port": 6379, "password": known.add("Redis password", _word())},
        }
        for kind, wanted in details.items():
            zones = {"monitoring_zones_poll": ["mzdfw"], "target_alias": "default"} if kind == "remote.http" else {}
            check = client.create(
                f"entities/{entity}/checks", type=kind, period=30, timeout=10, details=wanted, **zones
            )
            client.update(f"entities/{entity}/checks/{check}", label="again", details=wanted)
            client.create(f"entities/{entity}/alarms", check_id=check, notification_plan_id=client.tell(receiver.url),
                          criteria=ALWAYS)  # fmt: skip

    def log_in_and_out(self) -> None:
        password = self.known.add("password", _word())
        where = ("--data-dir", str(self.server.data_dir), *self.server.flags[len(FLAGS) :])
        set_password = run("user", "set-password", "admin", *where, stdin=password)
        assert set_password.returncode == 0, set_password.stderr
        right = {"auth": {"passwordCredentials": {"username": "admin", "password": password}}}
        answer = self.http.post("/v2.0/tokens", json=right)
        self.client.token = self.known.add("second identity token", answer.json()["access"]["token"]["id"])
        third = self.http.post("/v2.0/tokens", json=right).json()["access"]["token"]["id"]
        self.known.add("revoked identity token", third)
        self.ask("GET", f"/v2.0/tokens/{third}")
        self.ask("DELETE", f"/v2.0/tokens/{third}")
        self.ask("GET", f"/v2.0/tokens/{third}")

    # -- wrongly

    def put_every_secret_where_it_does_not_belong(self) -> None:
        for secret in list(self.known.values.values()):
            self._in_addresses(secret)
            self._in_headers(secret)
            self._in_bodies(secret)
            self._in_log_ins(secret)

    def _in_addresses(self, secret: str) -> None:
        escaped = "".join(f"%{byte:02x}" for byte in secret.encode())
        root = f"/v1.0/{self.client.tenant}"
        paths = [
            f"/{secret}",
            f"/v1.0/{secret}/entities",
            f"{root}/{secret}",
            f"{root}/entities/{secret}",
            f"{root}/entities/{secret}/checks/{secret}",
            f"{root}/agent_tokens/{secret}x",
            f"{root}/agent_tokens/{escaped}x",
            f"{root}/notifications/{secret}",
            f"/v2.0/tokens/{secret}x",
            f"{root}/entities?password={secret}",
            f"{root}/entities?token={secret}&x={secret}",
            f"{root}/entities?{secret}",
            f"{root}/entities?limit={secret}",
            f"{root}/entities?marker={secret}&limit=1",
            f"{root}/audits?from={secret}",
            f"{root}/entities?X-Auth-Token={secret}&JSONP={secret}",
        ]
        for path in paths:
            if not _is_shown_whole(secret, path):
                for method in ("GET", "PUT", "POST", "DELETE", "PATCH"):
                    self.ask(method, path, json={} if method in ("PUT", "POST") else None)

    def _in_headers(self, secret: str) -> None:
        root = f"/v1.0/{self.client.tenant}/entities/none"
        basic = httpx.BasicAuth("ab", secret)
        for name in ("Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Whatever", "Idempotency-Key"):
            self.ask("PUT", root, json={}, headers={name: secret})
        self.ask("PUT", root, json={}, auth=basic)
        self.ask("PUT", root, json={}, headers={"X-Auth-Token": secret})
        self.ask("PUT", root, json={}, headers={"X-Auth-Token": secret + "0"})
        for name in ("Referer", "User-Agent", "X-Tenant-Id", "If-Match", "Content-Type", "Accept"):
            if _is_recognisable(secret):
                self.ask("PUT", root, json={}, headers={name: f"x/{secret}"})
        self.ask("PUT", root, json={}, headers={"Referer": f"http://x:{secret}@host/"})

    def _in_bodies(self, secret: str) -> None:
        """Bodies that are refused, or whose secret is a member that nobody knows: none is kept as somebody's data."""
        root = f"/v1.0/{self.client.tenant}"
        anywhere: list[Any] = [
            {"label": {"x": secret}}, {"label": "", "unknown": secret}, {"webhook_token": [secret]}, [secret], secret,
            {"label": 1, "api_key": secret}, {"webhookToken": secret, "webhook_token": 1},
            {"label": 1, "deep": {"deep": [{"secret": secret}]}},
            {"details": {"auth_password": [secret], "pass": secret}},
            {"label": 1, "metadata": {"password": secret, "x": [secret] if _is_recognisable(secret) else []}},
            {"label": 1, "type": "remote.http", "details": {"url": f"http://x:{secret}@no host/"}},
        ]  # fmt: skip
        if _is_recognisable(secret):
            anywhere += [{secret: secret, "label": 1}, {"metadata": {secret: [secret]}}, {"label": [secret]},
                         {"label": f"x{secret}" * 20}]  # fmt: skip
        for body in anywhere:
            for path in ("entities", "notifications", "notification_plans", "entities/none/checks"):
                self.ask("POST", f"{root}/{path}", json=body)
            self.ask("PUT", f"{root}/agent_tokens/none", json=body)
        for ignored in ({"unknown": secret}, {"token": secret}, {"label": None, "password": {"x": secret}}):
            self.ask("POST", f"{root}/agent_tokens", json=ignored)
            self.ask("PUT", f"{root}/account", json=ignored)
        for broken in (b'{"password": "%s"', b'{"token": "%s", }', b"%s", b"password=%s&x=1", b'"%s"'):
            self.ask("POST", f"{root}/entities", content=broken % secret.encode())

    def _in_log_ins(self, secret: str) -> None:
        for form in (
            {"passwordCredentials": {"username": "nobody", "password": secret}},
            {"passwordCredentials": {"username": secret, "password": "x"}},
            {"RAX-KSKEY:apiKeyCredentials": {"username": "nobody", "apiKey": secret + "0"}},
            {"token": {"id": secret + "0"}}, {secret: secret}, [secret],
        ):  # fmt: skip
            self.ask("POST", "/v2.0/tokens", json={"auth": form})
        self.ask("POST", "/v2.0/tokens", content=f'{{"auth": "{secret}"'.encode())

    def speak_no_http(self) -> None:
        host, port = self.server.api.removeprefix("http://").split(":")
        for secret in self.known.values.values():
            for lines in (
                f"{secret}\r\n\r\n", f"GET /{secret} HTTP/9\r\n\r\n", f"GET / HTTP/1.1\r\nbad {secret}\r\n\r\n",
                f"POST / HTTP/1.1\r\nContent-Length: {secret}\r\n\r\n",
            ):  # fmt: skip
                with socket.create_connection((host, int(port)), timeout=10) as raw:
                    raw.sendall(lines.encode())
                    raw.settimeout(5)
                    with suppress(OSError):
                        self.refusals.append(("the answer to no HTTP", raw.recv(65_536)))

    def be_a_bad_agent(self, good: str) -> None:
        """Tokens as something else, lines that are none, and at last wrong tokens: those are answered ever later."""
        address, ca = self.server.agent, self.server.ca_file
        with BareAgent(address, ca, good, "web") as agent:
            for secret in self.known.values.values():
                for method in ("check_metrics.post", f"x{secret}" if _is_recognisable(secret) else "x"):
                    try:
                        agent.ask(method, {"check_id": secret, "token": secret})
                    except RefusedError as refused:
                        self.refusals.append(("the refusal of a post", str(refused).encode()))
        for secret in self.known.values.values():
            method = secret if _is_recognisable(secret) else "x"
            line = f'{{"v": "1", "id": 1, "method": "{method}", "params": {{"token": "{secret}"'
            self._send_lines(address, ca, f"{line}\n", f"{line}}}}}\n")
        for token, agent_id in (
            (good, f"!{good}"),
            (good, good),
            (f"{good}0", "web"),
            (self.known.values["API key"], "x"),
        ):
            try:
                BareAgent(address, ca, token, agent_id).close()
            except RefusedError as refused:
                self.refusals.append(("the refusal of a handshake", str(refused).encode()))

    def _send_lines(self, address: tuple[str, int], ca: Path, *lines: str) -> None:
        """Over TLS, and without."""
        context = ssl.create_default_context(cafile=str(ca))
        for line in lines:
            with (
                suppress(OSError),
                socket.create_connection(address, timeout=10) as raw,
                context.wrap_socket(raw, server_hostname=address[0]) as wrapped,
            ):
                wrapped.sendall(line.encode())
                wrapped.settimeout(1)
                self.refusals.append(("the answer to bad lines", wrapped.recv(65_536)))
        with socket.create_connection(address, timeout=10) as raw, suppress(OSError):
            raw.sendall(lines[0].encode())
            raw.settimeout(1)
            raw.recv(65_536)

    # -- what there is to read

    def told(self) -> Iterator[tuple[str, bytes]]:
        """Refusals, audits, metrics, health."""
        yield from self.refusals
        yield "audits", json.dumps(self.client.all("audits")).encode()
        for path in ("/metrics", "/readyz", "/healthz"):
            answer = self.http.get(path)
            assert answer.status_code == 200
            yield path, answer.content


def _word() -> str:
    """A secret that looks like nothing in particular."""
    return f"sesame-{secrets.token_urlsafe(18)}"


def _is_recognisable(secret: str) -> bool:
    """What looks like a token is cut wherever it stands; an ordinary word only where a secret may be expected."""
    return len(secret.partition(".")[0]) >= 32 and "-" not in secret


def _is_shown_whole(secret: str, path: str) -> bool:
    """An ordinary word in an address: nobody can tell it from an id."""
    return not _is_recognisable(secret) and ("?" not in path or "marker=" in path or "from=" in path)


def everything_written(server: Server, *more: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the server, and what it printed."""
    for path in sorted(server.data_dir.rglob("*")):
        if path.is_file() and path.name not in EXEMPT:
            yield str(path.relative_to(server.data_dir)), path.read_bytes()
    yield "standard output", server.screen.encode()
    yield "the log", server.log.encode()
    for path in more:
        yield path.name, path.read_bytes()


def take_the_tour(tmp_path: Path, server: Server, receiver: Receiver, known: Secrets) -> list[str]:
    """What was found."""
    tour = Tour(server, known)
    try:
        where = ("--data-dir", str(server.data_dir), *server.flags[len(FLAGS) :])
        zone_token = run("zone", "token", "add", "mzdfw", "--json", *where)
        known.add("collector token", json.loads(zone_token.stdout)["token"])
        token = tour.use_every_secret_as_it_is_meant(receiver)
        tour.log_in_and_out()
        until(lambda: receiver.bodies, "a webhook", seen=lambda: server.log[-2000:])
        with HostAgent(tmp_path, server, token, "web", ("--log-level", "debug", "--log-format", "json")) as agent:
            agent.says("running")
            tour.put_every_secret_where_it_does_not_belong()
            tour.speak_no_http()
            tour.be_a_bad_agent(token)
            agent.terminated()
            output = agent.output.encode()
        told = [*tour.told(), ("the agent's output", output), *[("a webhook's body", body) for body in receiver.bodies]]
    finally:
        tour.close()
    return [leak for place, written in told for leak in known.found_in(place, written)]


@pytest.mark.timeout(300)
def test_no_secret_is_in_anything_that_is_written(tmp_path: Path, receiver: Receiver) -> None:
    known = Secrets()
    with Server(tmp_path / "var", *FLAGS) as server:
        leaks = take_the_tour(tmp_path, server, receiver, known)
        leaks += [leak for place, written in everything_written(server) for leak in known.found_in(place, written)]
        server.terminate()
        assert server.ended() == 0
        leaks += [leak for place, written in everything_written(server) for leak in known.found_in(place, written)]

    assert len(known.values) >= 15
    assert not leaks, "\n".join(dict.fromkeys(leaks))


@pytest.mark.timeout(300)
async def test_no_secret_is_in_postgresql_and_its_password_nowhere(tmp_path: Path, receiver: Receiver) -> None:
    known = Secrets()
    try:
        postgres = PostgresServer()
    except FileNotFoundError:
        pytest.skip(postgres_server.MISSING)
    try:
        await postgres.create("vedette")
        password = known.add("password of the database", _word())
        dsn = postgres.dsn("vedette").replace("postgres@", f"postgres:{password}@")
        with Server(tmp_path / "var", *FLAGS, "--database", dsn) as server:
            leaks = await asyncio.to_thread(take_the_tour, tmp_path, server, receiver, known)
            rows = await every_row(postgres.dsn("vedette"))
            postgres.stop()
            try:
                leaks += await asyncio.to_thread(_ask_without_a_database, server, known)
            finally:
                postgres.start()
            written = [*everything_written(server), *rows]
        leaks += [leak for place, text in written for leak in known.found_in(place, text)]
    finally:
        postgres.remove()

    assert not leaks, "\n".join(dict.fromkeys(leaks))


def _ask_without_a_database(server: Server, known: Secrets) -> list[str]:
    """What is answered, and logged, when the database is gone."""
    found = []
    for path in ("/v1.0/entities", "/readyz"):
        answer = httpx.get(server.api + path, headers={"X-Auth-Token": "0" * 64}, trust_env=False, timeout=60)
        assert answer.status_code == 503
        found += known.found_in(f"the answer to {path}", answer.content)
    return found


async def every_row(dsn: str) -> list[tuple[str, bytes]]:
    """All that is in the tables, bytes as they are."""
    connection = await asyncpg.connect(dsn)
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = []
    for (name,) in names:
        rows = await connection.fetch(f"SELECT * FROM {name}")  # noqa: S608 - names of our own tables
        values = [value for row in rows for value in row.values()]
        found.append((name, b"\n".join(one if isinstance(one, bytes) else str(one).encode() for one in values)))
    await connection.close()
    assert "audit" in [name for name, _ in found]
    return found
