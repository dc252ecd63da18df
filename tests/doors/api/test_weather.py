"""Bad weather: a store that cannot be reached, too much load, an error of our own, limits that are used up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.waiting import until
from tests.doors.api.house import Caller, Cast, House
from vedette.adapters.sqlite.database import SqliteDatabase
from vedette.app.load import Load
from vedette.ports.unit import StoreUnavailable, Write


class Weather:
    """What goes wrong at the moment."""

    writes_fail = False
    reads_fail = False
    overload: str | None = None

    def clear(self) -> None:
        self.writes_fail = self.reads_fail = False
        self.overload = None


_weather = Weather()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One whose weather can be made."""
    commit, fetch = SqliteDatabase.commit, SqliteDatabase.fetch

    async def committing(self: SqliteDatabase, *writes: Write) -> None:
        if _weather.writes_fail:
            raise StoreUnavailable("the disk is full")
        await commit(self, *writes)

    async def fetching(self: SqliteDatabase, sql: str, params: Any) -> Any:
        if _weather.reads_fail:
            raise StoreUnavailable("the disk is gone")
        if params.get("id") == "en_bug":
            raise RuntimeError("a bug about en_bug")
        return await fetch(self, sql, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "commit", committing)
        patch.setattr(SqliteDatabase, "fetch", fetching)
        patch.setattr(Load, "overloaded", lambda _self: _weather.overload)
        with House(tmp_path_factory.mktemp("house") / "var") as running:
            yield running


@pytest.fixture
def weather() -> Iterator[Weather]:
    yield _weather
    _weather.clear()


def test_a_store_that_cannot_write_is_a_503_and_nothing_has_happened(cast: Cast, weather: Weather) -> None:
    entity = cast.alice.entity(label="before")
    weather.writes_fail = True

    faults = [
        cast.alice.refused("POST", "/entities", {"label": "x"}),
        cast.alice.refused("PUT", f"/entities/{entity}", {"label": "after"}),
        cast.alice.refused("DELETE", f"/entities/{entity}"),
        cast.alice.refused("POST", "/agent_tokens", {}),
        cast.alice.refused("PUT", "/account", {"metadata": {"a": "b"}}),
    ]
    not_valid = cast.alice.refused("POST", "/entities", {})
    weather.clear()

    assert {(fault["type"], fault["code"]) for fault in faults} == {("systemFailureError", 503)}
    assert not_valid["code"] == 400
    assert [item["label"] for item in cast.alice.get("/entities")["values"]] == ["before"]
    assert cast.alice.get("/agent_tokens")["values"] == []
    assert [audit["statusCode"] for audit in cast.alice.audits()] == [201]


def test_a_store_that_cannot_read_is_a_503_with_retry_after(cast: Cast, weather: Weather) -> None:
    weather.reads_fail = True

    answer = cast.alice.call("GET", "/entities")
    ready = httpx.get(f"{cast.alice.api}/readyz", trust_env=False)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "disk" not in answer.text
    assert ready.status_code == 503


def test_overload_is_a_503_before_any_work_and_health_is_never_shed(cast: Cast, weather: Weather) -> None:
    weather.overload = "Requests wait 3.0 s"

    answer = cast.alice.call("POST", "/entities", {"label": "x"})
    log_in = httpx.post(f"{cast.alice.api}/v2.0/tokens", json={}, trust_env=False)
    health = [
        httpx.get(f"{cast.alice.api}{path}", trust_env=False).status_code
        for path in ("/healthz", "/readyz", "/metrics")
    ]
    weather.clear()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["type"] == "systemFailureError"
    assert answer.json()["txnId"] == answer.headers["X-Response-Id"]
    assert (log_in.status_code, list(log_in.json())) == (503, ["serviceUnavailable"])
    assert health == [200, 200, 200]
    assert cast.alice.get("/entities")["values"] == []
    assert cast.alice.audits() == []


def test_a_bug_is_a_500_that_tells_nothing_but_the_transaction(cast: Cast) -> None:
    answer = cast.alice.call("GET", "/entities/en_bug")

    assert answer.status_code == 500
    assert answer.json() == {
        "type": "internalError", "code": 500, "message": "The system suffered an internal failure", "details": None,
        "txnId": answer.headers["X-Response-Id"], "request_id": answer.headers["X-Response-Id"],
    }  # fmt: skip
    assert "RuntimeError" not in answer.text


def _again(house: House, caller: Caller) -> Caller:
    """The same caller at a server that was started anew."""
    return house.caller(caller.login, caller.token)


def test_limits_survive_a_restart_and_are_429_when_used_up(tmp_path: Path) -> None:
    with House(tmp_path / "var") as first:
        cast = first.cast()
        first.limit(cast.alice.tenant, **{"rate.global": 6})
        for _ in range(3):
            cast.alice.get("/entities")
        until(lambda: first.used(cast.alice.tenant) == 3, "the counters are written down")
    with House(tmp_path / "var") as second:
        alice, bob = _again(second, cast.alice), _again(second, cast.bob)
        used = [int(bob.call("GET", "/entities").headers["X-RateLimit-Used"]) for _ in range(3)]

        refused = alice.call("POST", "/entities", {"label": "x"})

        assert used == [4, 5, 6]
        assert (refused.status_code, refused.json()["type"]) == (429, "rateLimitReached")
        assert 0 < int(refused.headers["Retry-After"]) <= 24 * 3600
        assert refused.headers["Reply-After"] == refused.headers["Retry-After"]
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert _again(second, cast.charlie).call("GET", "/entities").status_code == 200


def test_refused_requests_count_too(tmp_path: Path) -> None:
    with House(tmp_path / "var") as first:
        bob = first.cast().bob

        used = [
            int(bob.call("POST", "/entities", body).headers["X-RateLimit-Used"]) for body in ({"label": "x"}, b"{", b"")
        ]

        assert used == [1, 2, 3]
