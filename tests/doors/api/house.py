"""A whole server in this process, and the fixed cast of callers: Alice administers a tenant, Carol creates in it, Bob
only looks, Charlie is another tenant's."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import httpx
import msgspec
import uvloop

from vedette.adapters.local import keyring
from vedette.adapters.local.clock import now_ms
from vedette.adapters.local.entropy import entropy
from vedette.app import App
from vedette.app.storage import open_stores
from vedette.config import Config, load
from vedette.domain.ids import TenantId
from vedette.services.accounts import AccountBook, Login

Result = TypeVar("Result")


class Caller:
    """Somebody with an identity token."""

    def __init__(self, api: str, login: Login, token: str) -> None:
        self.api = api
        self.login = login
        self.tenant = login.tenant_id
        self.token = token
        self.http = httpx.Client(base_url=f"{api}/v1.0/{self.tenant}", trust_env=False, timeout=30)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Any call below the tenant's address; a body of bytes goes out as it is."""
        headers = {"X-Auth-Token": self.token} | more.pop("headers", {})
        content = {} if body is None else {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.http.request(method, path, headers=headers, **content, **more)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.call("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, path: str, **body: Any) -> str:
        """The id of the new object."""
        answer = self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Object-ID"]

    def update(self, path: str, **body: Any) -> httpx.Response:
        answer = self.call("PUT", path, body)
        assert answer.status_code == 204, answer.text
        return answer

    def delete(self, path: str) -> httpx.Response:
        answer = self.call("DELETE", path)
        assert answer.status_code == 204, answer.text
        return answer

    def refused(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """The fault of a call that must not succeed, checked for what all faults have."""
        answer = self.call(method, path, body, **more)
        fault: dict[str, Any] = answer.json()
        assert answer.status_code == fault["code"] >= 400, answer.text
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert set(fault) == {"type", "code", "message", "details", "txnId", "request_id"}
        assert fault["txnId"] == fault["request_id"] == answer.headers["X-Response-Id"]
        return fault

    # What a test needs around the thing it is about.

    def entity(self, **more: Any) -> str:
        return self.create("/entities", **{"label": "web1", "ip_addresses": {"default": "192.0.2.1"}} | more)

    def check(self, entity: str, **more: Any) -> str:
        return self.create(f"/entities/{entity}/checks", **http_check() | more)

    def notification(self, **more: Any) -> str:
        url = {"url": "https://example.org/hook"}
        return self.create("/notifications", **{"label": "hook", "type": "webhook", "details": url} | more)

    def plan(self, **more: Any) -> str:
        return self.create("/notification_plans", **{"label": "plan"} | more)

    def alarm(self, entity: str, check: str, plan: str, **more: Any) -> str:
        body = {"check_id": check, "notification_plan_id": plan}
        return self.create(f"/entities/{entity}/alarms", **body | more)

    def audits(self) -> list[dict[str, Any]]:
        """All of the tenant's, oldest first."""
        return list(self.get("/audits", limit=1000)["values"])


def http_check(**more: Any) -> dict[str, Any]:
    check = {
        "type": "remote.http",
        "details": {"url": "http://example.org/"},
        "monitoring_zones_poll": ["mzdfw"],
        "target_alias": "default",
    }
    return check | more


class Cast(NamedTuple):
    """Everybody has a token."""

    alice: Caller
    bob: Caller
    carol: Caller
    charlie: Caller


class House:
    """An `App` on its own event loop in a thread of its own; stopped when the block ends."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        flags = {"data_dir": str(data_dir), "http": "127.0.0.1:0", "agent": "127.0.0.1:0"} | settings
        self.config: Config = load(flags, config_file=None)
        self._numbers = itertools.count(1)
        self._callers = ExitStack()

    def __enter__(self) -> Self:
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="house", daemon=True)
        self._thread.start()
        self.app = App(self.config)
        try:
            self.run(self.app.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._callers.close()
        try:
            self.run(self.app.stop())
        finally:
            self._end()

    def _end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """In the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    @property
    def api(self) -> str:
        return self.app.api_url

    @property
    def address(self) -> tuple[str, int]:
        assert self.app.http is not None
        return self.app.http.host, self.app.http.port

    def cast(self) -> Cast:
        """A new tenant with its people, and Charlie in one of his own: nothing of another test is there."""
        number = next(self._numbers)
        roles = {"alice": "monitoring:admin", "bob": "monitoring:observer", "carol": "monitoring:creator"}
        people = [(f"{name}{number}", f"ours{number}", role) for name, role in roles.items()]
        logins = asyncio.run(self._add([*people, (f"charlie{number}", f"theirs{number}", "admin")]))
        return Cast(*(self.log_in(login) for login in logins))

    async def _add(self, people: list[tuple[str, str, str]]) -> list[Login]:
        """As the command line does, beside the running server."""
        keys = keyring.load(self.config.data_dir / "keys", None, entropy, may_create=False)
        async with open_stores(self.config) as stores:
            book = AccountBook(stores.accounts, stores.commit, keys, clock=now_ms, entropy=entropy)
            for tenant in dict.fromkeys(tenant for _, tenant, _ in people):
                await book.add_tenant(tenant)
            return [await book.add_user(name, tenant, [role]) for name, tenant, role in people]

    def log_in(self, login: Login) -> Caller:
        answer = httpx.post(f"{self.api}/v2.0/tokens", json=by_key(login), trust_env=False)
        assert answer.status_code == 200, answer.text
        return self.caller(login, answer.json()["access"]["token"]["id"])

    def caller(self, login: Login, token: str) -> Caller:
        caller = Caller(self.api, login, token)
        self._callers.enter_context(caller.http)
        return caller

    def used(self, tenant: TenantId) -> int:
        """How many requests of a tenant are written down."""

        async def count() -> int:
            async with open_stores(self.config) as stores:
                return sum(one.used for one in await stores.accounts.rate_counts() if one.tenant_id == tenant)

        return asyncio.run(count())

    def limit(self, tenant: TenantId, **limits: int) -> None:
        """Sets a tenant's own limits, as an operator does."""

        async def update() -> None:
            async with open_stores(self.config) as stores:
                found = await stores.accounts.find_tenant(tenant)
                assert found is not None
                changed = msgspec.structs.replace(found, revision=found.revision + 1, limits=limits)
                await stores.commit(stores.accounts.update_tenant(changed, found.revision))

        asyncio.run(update())


def by_key(login: Login) -> dict[str, Any]:
    return {"auth": {"RAX-KSKEY:apiKeyCredentials": {"username": login.username, "apiKey": login.api_key}}}
