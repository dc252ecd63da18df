"""A plain client of the API, for what a test needs around the thing it is about."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

EVER = 9_999_999_999_999


class Client:
    """Logged in as the first account; `base` changes when the server comes back on another port."""

    def __init__(self, base: str, tenant: str, token: str) -> None:
        self.base = base
        self.tenant = tenant
        self.token = token
        self._http = httpx.Client(trust_env=False, timeout=30)

    @classmethod
    def logged_in(cls, base: str, credentials: Mapping[str, str]) -> Self:
        form = {"username": credentials["username"], "apiKey": credentials["api_key"]}
        body = {"auth": {"RAX-KSKEY:apiKeyCredentials": form}}
        answer = httpx.post(f"{base}/v2.0/tokens", json=body, trust_env=False)
        assert answer.status_code == 200, answer.text
        return cls(base, credentials["tenant_id"], answer.json()["access"]["token"]["id"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def log_out(self) -> None:
        """The identity token ends."""
        answer = self._http.delete(f"{self.base}/v2.0/tokens/{self.token}", headers={"X-Auth-Token": self.token})
        assert answer.status_code == 204, answer.text

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Any call; the answer whatever it is."""
        url = f"{self.base}/v1.0/{self.tenant}/{path}"
        headers = {"X-Auth-Token": self.token}
        return self._http.request(method, url, json=body, params=query, headers=headers)

    def create(self, path: str, **body: Any) -> str:
        """The id of the new object."""
        answer = self.call("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Object-ID"]

    def update(self, path: str, **body: Any) -> None:
        answer = self.call("PUT", path, body)
        assert answer.status_code == 204, answer.text

    def delete(self, path: str) -> None:
        answer = self.call("DELETE", path)
        assert answer.status_code == 204, answer.text

    def get(self, path: str, **query: Any) -> Any:
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self, path: str, **query: Any) -> list[Any]:
        """Every object of a list, over its pages."""
        page = self.get(path, limit=1000, **query)
        found = list(page["values"])
        while page["metadata"]["next_marker"] is not None:
            page = self.get(path, limit=1000, marker=page["metadata"]["next_marker"], **query)
            found += page["values"]
        return found

    def points(self, entity: str, check: str, metric: str) -> list[Any]:
        """The plot of a metric at full resolution."""
        path = f"entities/{entity}/checks/{check}/metrics/{metric}/plot"
        return list(self.get(path, **{"from": 0, "to": EVER, "resolution": "FULL"})["values"])

    def tell(self, url: str) -> str:
        """A notification plan that tells a webhook of every state."""
        webhook = self.create("notifications", label="webhook", type="webhook", details={"url": url})
        return self.create(
            "notification_plans", label="all", critical_state=[webhook], warning_state=[webhook], ok_state=[webhook]
        )
