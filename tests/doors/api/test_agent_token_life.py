"""The life of an agent token: policy, conditions, use, deletion, what is recorded of it; over both databases."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest

from tests.contracts.examples import agent, connection
from tests.doors.api.house import Caller, Cast, House
from vedette.adapters.local.clock import now_ms
from vedette.adapters.sql.stores import Stores
from vedette.app.storage import open_stores
from vedette.domain.tokens import TokenUse
from vedette.ports.agents import ProcessBeat

DOCUMENTED = {"id", "token", "label", "created_at", "updated_at"}
FAR = 4_102_444_800_000
WHOLE: dict[str, Any] = {
    "label": "db hosts",
    "expires_at": FAR,
    "allowed_agents": ["db-*"],
    "allowed_networks": ["10.0.0.0/8"],
    "max_agents": 3,
    "metadata": {"team": "db"},
}


@pytest.fixture
def cast(stored_house: House) -> Cast:
    return stored_house.cast()


@pytest.fixture
def alice(cast: Cast) -> Caller:
    return cast.alice


def public_id(cast: Cast, token: str) -> str:
    """As Bob sees it, who sees no secrets."""
    found: str = cast.bob.get(f"/agent_tokens/{token}")["id"]
    return found


# -- what is answered


def test_a_plain_token_shows_what_is_documented_and_nothing_else(alice: Caller) -> None:
    token = alice.create("/agent_tokens", label="aLabel")
    shown = alice.get(f"/agent_tokens/{token}")
    assert set(shown) == DOCUMENTED
    assert shown["id"] == shown["token"] == token
    assert re.fullmatch(rf"[0-9a-f]{{64}}\.{alice.tenant}", token)
    assert alice.get("/agent_tokens")["values"] == [shown]


def test_a_policy_is_shown_as_it_was_given(alice: Caller) -> None:
    token = alice.create("/agent_tokens", **WHOLE)
    shown = alice.get(f"/agent_tokens/{token}")
    assert {name: shown[name] for name in WHOLE} == WHOLE
    assert set(shown) == DOCUMENTED | set(WHOLE)


def test_who_sees_no_secrets_gets_a_public_id_that_every_path_takes(cast: Cast) -> None:
    token = cast.alice.create("/agent_tokens", **WHOLE)
    key = public_id(cast, token)
    assert re.fullmatch("at[0-9A-Za-z]{10}", key)
    for path in (f"/agent_tokens/{token}", f"/agent_tokens/{key}"):
        shown = cast.bob.get(path)
        assert shown["id"] == key
        assert set(shown) == (DOCUMENTED | set(WHOLE)) - {"token"}
    assert token[:8] not in cast.bob.call("GET", "/agent_tokens").text
    assert cast.carol.get(f"/agent_tokens/{key}")["token"] == token
    assert cast.alice.update(f"/agent_tokens/{key}", label="x").headers["Location"].endswith(f"/{token}")
    assert cast.alice.get(f"/agent_tokens/{key}/agents")["values"] == []
    cast.alice.delete(f"/agent_tokens/{key}")
    assert cast.alice.refused("GET", f"/agent_tokens/{token}")["code"] == 404


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_pages_hold_every_token_once_in_the_order_of_the_ids_the_caller_sees(cast: Cast, who: str) -> None:
    caller: Caller = getattr(cast, who)
    for _ in range(7):
        cast.alice.create("/agent_tokens")
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = caller.get("/agent_tokens", **query)
        seen += [token["id"] for token in page["values"]]
        assert page["metadata"]["count"] == len(page["values"])
        if page["metadata"]["next_marker"] is None:
            break
        assert f"marker={page['metadata']['next_marker']}" in page["metadata"]["next_href"]
        query["marker"] = page["metadata"]["next_marker"]
    assert len(seen) == 7
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1.0", ""])
@pytest.mark.parametrize("path", ["/agent_tokens", "/agent_tokens/{token}/agents"])
def test_a_limit_is_1_to_1000(alice: Caller, path: str, limit: str) -> None:
    token = alice.create("/agent_tokens")
    assert alice.refused("GET", path.format(token=token), params={"limit": limit})["type"] == "invalidLimit"


# -- partial updates


def test_an_update_leaves_alone_what_it_does_not_name(alice: Caller) -> None:
    token = alice.create("/agent_tokens", **WHOLE)
    alice.update(f"/agent_tokens/{token}", max_agents=4)
    shown = alice.get(f"/agent_tokens/{token}")
    assert {name: shown[name] for name in WHOLE} == WHOLE | {"max_agents": 4}


@pytest.mark.parametrize("name", WHOLE)
def test_null_unsets(alice: Caller, name: str) -> None:
    token = alice.create("/agent_tokens", **WHOLE)
    alice.update(f"/agent_tokens/{token}", **{name: None})
    shown = alice.get(f"/agent_tokens/{token}")
    assert shown.get(name) is None
    assert (name in shown) == (name == "label")  # the one that is documented is always there
    assert {other: shown[other] for other in WHOLE if other != name} == {
        other: value for other, value in WHOLE.items() if other != name
    }


@pytest.mark.parametrize("body", [{}, WHOLE, {"label": "db hosts"}, {"max_agents": "3"}, {"nonsense": 1}])
def test_a_body_that_changes_nothing_is_done_and_is_no_change(alice: Caller, body: dict[str, Any]) -> None:
    token = alice.create("/agent_tokens", **WHOLE)
    before = alice.call("GET", f"/agent_tokens/{token}")
    alice.update(f"/agent_tokens/{token}", **body)
    after = alice.call("GET", f"/agent_tokens/{token}")
    assert (after.json(), after.headers["ETag"]) == (before.json(), before.headers["ETag"])


def test_a_whole_token_can_be_sent_back(alice: Caller) -> None:
    token = alice.create("/agent_tokens", **WHOLE)
    shown = alice.get(f"/agent_tokens/{token}")
    answer = alice.update(f"/agent_tokens/{token}", **shown)
    assert answer.headers["X-Ignored-Attributes"] == "id, token, created_at, updated_at"
    assert alice.get(f"/agent_tokens/{token}") == shown


def test_a_token_that_has_expired_stays_listed_and_can_be_sent_back_or_prolonged(
    alice: Caller, stored_house: House
) -> None:
    token = alice.create("/agent_tokens")
    _expire(stored_house, alice, token)
    shown = alice.get(f"/agent_tokens/{token}")
    assert shown["expires_at"] == 1
    assert alice.get("/agent_tokens")["values"] == [shown]
    alice.update(f"/agent_tokens/{token}", **shown | {"label": "new"})
    assert alice.refused("PUT", f"/agent_tokens/{token}", {"expires_at": 2})["details"].startswith(
        "Expected a time in the future"
    )
    alice.update(f"/agent_tokens/{token}", expires_at=None)
    assert "expires_at" not in alice.get(f"/agent_tokens/{token}")


def _expire(house: House, caller: Caller, token: str) -> None:
    """As time would."""

    async def expire() -> None:
        async with open_stores(house.config) as stores:
            (row,) = await stores.tokens.list_by_public_id(caller.tenant, None, 2)
            policy = type(row.policy)(expires_at=1)
            after = type(row)(**{name: getattr(row, name) for name in row.__struct_fields__} | {"policy": policy})
            await stores.commit(stores.tokens.update(after, row.revision))

    assert len(caller.get("/agent_tokens")["values"]) == 1, token
    asyncio.run(expire())


# -- conditions


def conditional(caller: Caller, method: str, token: str, if_match: str) -> httpx.Response:
    body = {"label": "mine"} if method == "PUT" else None
    return caller.call(method, f"/agent_tokens/{token}", body, headers={"If-Match": if_match})


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("form", ["{}", "*", '"7", {}', '{} ,"x",,', '"a,b",{}'])
def test_a_write_is_done_when_the_etag_is_the_objects(alice: Caller, method: str, form: str) -> None:
    token = alice.create("/agent_tokens")
    alice.update(f"/agent_tokens/{token}", label="theirs")
    tag = alice.call("GET", f"/agent_tokens/{token}").headers["ETag"]
    assert conditional(alice, method, token, form.format(tag)).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '""'])
def test_a_write_for_another_state_of_the_object_is_refused(cast: Cast, method: str, form: str) -> None:
    token = cast.alice.create("/agent_tokens")
    tag = cast.alice.call("GET", f"/agent_tokens/{token}").headers["ETag"]
    cast.carol.update(f"/agent_tokens/{token}", label="theirs")
    answer = conditional(cast.alice, method, token, form.format(tag))
    assert (answer.status_code, answer.json()["type"], answer.json()["code"]) == (412, "badRequest", 412)
    shown = cast.alice.call("GET", f"/agent_tokens/{token}")
    assert shown.json()["label"] == "theirs"
    assert shown.headers["ETag"] in answer.json()["details"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_weak_etag_never_matches(alice: Caller, method: str) -> None:
    token = alice.create("/agent_tokens")
    tag = alice.call("GET", f"/agent_tokens/{token}").headers["ETag"]
    assert conditional(alice, method, token, f"W/{tag}").status_code == 412


@pytest.mark.parametrize("header", ["3", '"3', "", ",", '"1" "2"', "*, *", '"' + "1" * 2000 + '"'])
def test_a_condition_that_is_none_is_a_bad_request(alice: Caller, header: str) -> None:
    token = alice.create("/agent_tokens")
    answer = conditional(alice, "DELETE", token, header)
    assert (answer.status_code, answer.json()["type"]) == (400, "badRequest")
    assert "Expected * or a list of ETags" in answer.json()["details"]
    assert alice.get(f"/agent_tokens/{token}")["id"] == token


def test_of_writers_that_saw_the_same_state_one_wins(alice: Caller) -> None:
    token = alice.create("/agent_tokens")
    tag = alice.call("GET", f"/agent_tokens/{token}").headers["ETag"]
    statuses = asyncio.run(_put_at_once(alice, token, tag, 8))
    assert sorted(statuses) == [204] + [412] * 7


async def _put_at_once(caller: Caller, token: str, tag: str, many: int) -> list[int]:
    headers = {"X-Auth-Token": caller.token, "If-Match": tag}
    async with httpx.AsyncClient(base_url=str(caller.http.base_url), trust_env=False, headers=headers) as client:
        answers = await asyncio.gather(
            *(client.put(f"/agent_tokens/{token}", json={"label": f"writer {n}"}) for n in range(many))
        )
    return [answer.status_code for answer in answers]


def test_without_a_condition_concurrent_updates_are_all_done(alice: Caller) -> None:
    token = alice.create("/agent_tokens")

    async def put_all() -> list[int]:
        headers = {"X-Auth-Token": alice.token}
        async with httpx.AsyncClient(base_url=str(alice.http.base_url), trust_env=False, headers=headers) as client:
            bodies = [{"label": "a"}, {"max_agents": 2}, {"metadata": {"a": "b"}}, {"allowed_agents": ["x"]}]
            answers = await asyncio.gather(*(client.put(f"/agent_tokens/{token}", json=body) for body in bodies))
            return [answer.status_code for answer in answers]

    assert asyncio.run(put_all()) == [204] * 4
    shown = alice.get(f"/agent_tokens/{token}")
    assert (shown["label"], shown["max_agents"], shown["metadata"], shown["allowed_agents"]) == (
        "a", 2, {"a": "b"}, ["x"],
    )  # fmt: skip


def test_the_etag_tells_of_changes_and_not_of_use(cast: Cast, stored_house: House) -> None:
    token = cast.alice.create("/agent_tokens")
    first = cast.alice.call("GET", f"/agent_tokens/{token}").headers["ETag"]
    use(stored_house, cast, token)
    assert cast.bob.call("GET", f"/agent_tokens/{token}").headers["ETag"] == first
    cast.alice.update(f"/agent_tokens/{token}", label="new")
    assert cast.alice.call("GET", f"/agent_tokens/{token}").headers["ETag"] != first


# -- use


def use(house: House, cast: Cast, token: str, connections: int = 0) -> int:
    """As the agent endpoint writes it down; when."""
    key, at_ms = public_id_unseen(house, cast, token), now_ms()

    async def write() -> None:
        async with open_stores(house.config) as stores:
            await stores.commit(
                stores.tokens.used([TokenUse(public_id=key, at_ms=at_ms, agent_id="web-1", ip="192.0.2.7")])
            )
            await _connect(stores, cast, key, connections, at_ms)

    asyncio.run(write())
    return at_ms


async def _connect(stores: Stores, cast: Cast, key: str, connections: int, at_ms: int) -> None:
    process = f"p-{cast.alice.tenant}"
    await stores.commit(stores.agents.beat(ProcessBeat(id=process, at_ms=at_ms, newest_key=1)))
    rows = [
        connection(f"cn{cast.alice.tenant}{key}{n}", process_id=process, tenant_id=cast.alice.tenant,
                   token_public_id=key, agent_id=f"web-{n % 2}", since_ms=at_ms - n)
        for n in range(connections)
    ]  # fmt: skip
    await stores.commit(stores.agents.connected(rows))


def public_id_unseen(house: House, cast: Cast, token: str) -> str:
    """Without asking the API, which would remember for a second that nobody has used the token."""

    async def find() -> str:
        async with open_stores(house.config) as stores:
            rows = await stores.tokens.list(cast.alice.tenant, token[:8], 1)
            return next(row.public_id for row in rows if row.sort_key == token[:8])

    return asyncio.run(find())


def test_a_used_token_shows_when_by_whom_and_how_many_are_connected(cast: Cast, stored_house: House) -> None:
    used, unused = cast.alice.create("/agent_tokens"), cast.alice.create("/agent_tokens")
    at_ms = use(stored_house, cast, used, connections=3)
    activity = {
        "last_used_at": at_ms, "last_used_agent_id": "web-1", "last_used_ip": "192.0.2.7", "connection_count": 3,
    }  # fmt: skip
    shown = cast.alice.get(f"/agent_tokens/{used}")
    assert {name: value for name, value in shown.items() if name not in DOCUMENTED} == activity
    listed = {token["id"]: token for token in cast.alice.get("/agent_tokens")["values"]}
    assert listed[used] == shown
    assert set(listed[unused]) == DOCUMENTED
    assert {name: cast.bob.get(f"/agent_tokens/{used}")[name] for name in activity} == activity


def test_a_used_token_that_nobody_is_connected_by_counts_none(cast: Cast, stored_house: House) -> None:
    token = cast.alice.create("/agent_tokens")
    use(stored_house, cast, token)
    assert cast.alice.get(f"/agent_tokens/{token}")["connection_count"] == 0


def test_who_uses_a_token_is_listed_by_agent(cast: Cast, stored_house: House) -> None:
    token, other = cast.alice.create("/agent_tokens"), cast.alice.create("/agent_tokens")
    key, tenant = public_id_unseen(stored_house, cast, token), cast.alice.tenant
    rows = [
        agent("gone", tenant_id=tenant, token_public_id=key, last_connected_ms=5, ip="192.0.2.9", version="1.1"),
        agent("web-0", tenant_id=tenant, token_public_id=key, last_connected_ms=6, ip="192.0.2.1", version="1.2"),
        agent("web-1", tenant_id=tenant, token_public_id="atOther", last_connected_ms=7),
    ]

    async def write() -> None:
        async with open_stores(stored_house.config) as stores:
            await stores.commit(stores.agents.seen(rows))
            await _connect(stores, cast, key, 2, now_ms())

    asyncio.run(write())
    before = now_ms()
    page = cast.alice.get(f"/agent_tokens/{token}/agents")
    gone, first, second = page["values"]
    assert gone == {"id": "gone", "connected": False, "last_seen": 5, "last_ip": "192.0.2.9", "version": "1.1"}
    assert before <= first.pop("last_seen") <= now_ms()
    assert first == {"id": "web-0", "connected": True, "last_ip": "192.0.2.1", "version": "1.2"}
    # Connected by this token, and by another one since: as its connection says.
    assert second | {"last_seen": 0} == {
        "id": "web-1", "connected": True, "last_seen": 0, "last_ip": "192.0.2.1", "version": "1.0",
    }  # fmt: skip
    assert page["metadata"] == {"count": 3, "limit": 100, "marker": None, "next_marker": None, "next_href": None}
    assert cast.alice.get(f"/agent_tokens/{other}/agents")["values"] == []


def test_the_agents_of_a_token_are_paged(cast: Cast, stored_house: House) -> None:
    token = cast.alice.create("/agent_tokens")
    key, tenant = public_id_unseen(stored_house, cast, token), cast.alice.tenant
    rows = [agent(f"a{n}", tenant_id=tenant, token_public_id=key) for n in range(3)]

    async def write() -> None:
        async with open_stores(stored_house.config) as stores:
            await stores.commit(stores.agents.seen(rows))
            await _connect(stores, cast, key, 2, now_ms())

    asyncio.run(write())
    path = f"/agent_tokens/{token}/agents"
    first = cast.bob.get(path, limit=2)
    assert [one["id"] for one in first["values"]] == ["a0", "a1"]
    assert first["metadata"]["next_marker"] == "a2"
    assert first["metadata"]["next_href"].endswith(f"{path}?limit=2&marker=a2")
    second = cast.bob.get(path, limit=2, marker="a2")
    assert [(one["id"], one["connected"]) for one in second["values"]] == [("a2", False), ("web-0", True)]
    third = cast.bob.get(path, limit=2, marker=second["metadata"]["next_marker"])
    assert [one["id"] for one in third["values"]] == ["web-1"]
    assert third["metadata"]["next_marker"] is None


# -- what is recorded


def test_audits_show_the_token_as_it_was_and_no_secret(alice: Caller) -> None:
    token = alice.create("/agent_tokens", **WHOLE)
    alice.update(f"/agent_tokens/{token}", max_agents=None)
    new = alice.create(f"/agent_tokens/{token}/rotate", overlap=60)
    alice.call("POST", f"/agent_tokens/{token}/rotate/finish")
    alice.delete(f"/agent_tokens/{new}")
    entries = alice.audits()
    assert [(one["method"], one["statusCode"], one["app"]) for one in entries] == [
        ("POST", 201, "agent_tokens"),
        ("PUT", 204, "agent_tokens"),
        ("POST", 201, "agent_tokens"),
        ("POST", 204, "agent_tokens"),
        ("DELETE", 204, "agent_tokens"),
    ]
    (before,) = entries[1]["previous_state"]
    assert {name: before[name] for name in WHOLE} == WHOLE
    assert before["id"] == before["token"] == f"{token[:8]}..."
    assert [one["id"] for one in entries[4]["previous_state"]] == [f"{new[:8]}..."]
    text = alice.call("GET", "/audits", params={"limit": 1000}).text
    assert token[8:] not in text
    assert new[8:] not in text
