"""Rotation of agent tokens, and the setting that shows a token only once; over both databases."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.waiting import until
from tests.doors.api.house import Caller, Cast, House
from vedette.adapters.local.clock import now_ms
from vedette.app.storage import open_stores
from vedette.domain.history import Change

WHOLE: dict[str, Any] = {
    "label": "db hosts",
    "allowed_agents": ["db-*"],
    "allowed_networks": ["10.0.0.0/8"],
    "max_agents": 3,
    "metadata": {"team": "db"},
}
HOUR_MS = 3_600_000
FAR = 4_102_444_800_000


@pytest.fixture
def cast(stored_house: House) -> Cast:
    return stored_house.cast()


@pytest.fixture
def alice(cast: Cast) -> Caller:
    return cast.alice


def rotate(caller: Caller, token: str, **body: Any) -> str:
    return caller.create(f"/agent_tokens/{token}/rotate", **body)


def finish(caller: Caller, token: str) -> None:
    assert caller.call("POST", f"/agent_tokens/{token}/rotate/finish").status_code == 204


def test_the_new_token_has_the_same_label_policy_and_metadata(alice: Caller) -> None:
    old = alice.create("/agent_tokens", **WHOLE)
    new = rotate(alice, old)
    assert re.fullmatch(rf"[0-9a-f]{{64}}\.{alice.tenant}", new)
    assert new != old
    shown = alice.get(f"/agent_tokens/{new}")
    assert {name: shown[name] for name in WHOLE} == WHOLE
    assert "expires_at" not in shown


@pytest.mark.parametrize(("body", "overlap_ms"), [({}, HOUR_MS), ({"overlap": 60}, 60_000), ({"overlap": "0"}, 0)])
def test_the_old_token_ends_with_the_overlap(alice: Caller, body: dict[str, Any], overlap_ms: int) -> None:
    old = alice.create("/agent_tokens", **WHOLE)
    before = now_ms()
    new = rotate(alice, old, **body)
    if overlap_ms == 0:
        return  # it may be gone already
    shown = alice.get(f"/agent_tokens/{old}")
    assert before + overlap_ms <= shown["expires_at"] <= now_ms() + overlap_ms
    assert {name: shown[name] for name in WHOLE} == WHOLE
    assert alice.get(f"/agent_tokens/{new}")["rotation"]["ends_at"] == shown["expires_at"]


def test_an_overlap_ends_by_itself(alice: Caller) -> None:
    old = alice.create("/agent_tokens")
    new = rotate(alice, old, overlap=0)
    until(lambda: alice.call("GET", f"/agent_tokens/{old}").status_code == 404, "the old token is removed", 10)
    assert "rotation" not in alice.get(f"/agent_tokens/{new}")
    assert [one["id"] for one in alice.get("/agent_tokens")["values"]] == [new]


def test_a_token_never_lives_longer_for_being_rotated(alice: Caller) -> None:
    end = now_ms() + 60_000
    old = alice.create("/agent_tokens", expires_at=end)
    new = rotate(alice, old, overlap=3600)
    assert alice.get(f"/agent_tokens/{old}")["expires_at"] == end
    assert alice.get(f"/agent_tokens/{new}")["expires_at"] == end  # the policy is the same


def test_both_tokens_show_the_rotation_by_the_ids_the_caller_sees(cast: Cast) -> None:
    old = cast.alice.create("/agent_tokens")
    new = rotate(cast.alice, old)
    ids = {token: cast.bob.get(f"/agent_tokens/{token}")["id"] for token in (old, new)}
    for caller, shown in ((cast.alice, {old: old, new: new}), (cast.bob, ids)):
        for token in (old, new):
            rotation = caller.get(f"/agent_tokens/{token}")["rotation"]
            assert rotation == {
                "state": "overlap",
                "from": shown[old],
                "to": shown[new],
                "ends_at": caller.get(f"/agent_tokens/{old}")["expires_at"],
                "agents": {"old": 0, "new": 0},
            }
    listed = {one["id"]: one["rotation"]["to"] for one in cast.alice.get("/agent_tokens")["values"]}
    assert listed == {old: new, new: new}


def test_a_creator_may_rotate(cast: Cast) -> None:
    old = cast.alice.create("/agent_tokens")
    new = rotate(cast.carol, old)
    assert cast.carol.get(f"/agent_tokens/{new}")["token"] == new


@pytest.mark.parametrize("which", ["old", "new"])
def test_finishing_ends_the_overlap_now_named_by_either_token(alice: Caller, which: str) -> None:
    old = alice.create("/agent_tokens")
    new = rotate(alice, old)
    finish(alice, {"old": old, "new": new}[which])
    assert [one["id"] for one in alice.get("/agent_tokens")["values"]] == [new]
    assert "rotation" not in alice.get(f"/agent_tokens/{new}")
    assert alice.refused("GET", f"/agent_tokens/{old}")["type"] == "notFoundError"


def test_what_is_not_being_rotated_cannot_be_finished(alice: Caller) -> None:
    token = alice.create("/agent_tokens")
    fault = alice.refused("POST", f"/agent_tokens/{token}/rotate/finish")
    assert (fault["code"], fault["type"]) == (400, "badRequest")
    assert fault["message"] == f"The agent token {token[:8]}... is not being rotated"


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("old", "The agent token {} has already been rotated"),
        ("new", "The rotation to the agent token {} has not ended"),
    ],
)
def test_a_token_in_a_rotation_cannot_be_rotated_again(alice: Caller, which: str, message: str) -> None:
    old = alice.create("/agent_tokens")
    token = {"old": old, "new": rotate(alice, old)}[which]
    fault = alice.refused("POST", f"/agent_tokens/{token}/rotate")
    assert (fault["code"], fault["type"], fault["message"]) == (400, "badRequest", message.format(token[:8] + "..."))
    assert len(alice.get("/agent_tokens")["values"]) == 2


def test_a_finished_rotation_can_be_followed_by_another(alice: Caller) -> None:
    first = alice.create("/agent_tokens", label="kept")
    second = rotate(alice, first)
    finish(alice, second)
    third = rotate(alice, second)
    assert alice.get(f"/agent_tokens/{third}")["label"] == "kept"


def test_deleting_the_old_token_ends_the_rotation(alice: Caller) -> None:
    old = alice.create("/agent_tokens")
    new = rotate(alice, old)
    alice.delete(f"/agent_tokens/{old}")
    assert "rotation" not in alice.get(f"/agent_tokens/{new}")
    rotate(alice, new)


def test_deleting_the_new_token_leaves_the_old_one_its_end_and_nothing_to_wait_for(alice: Caller) -> None:
    old = alice.create("/agent_tokens")
    new = rotate(alice, old)
    end = alice.get(f"/agent_tokens/{old}")["expires_at"]
    alice.delete(f"/agent_tokens/{new}")
    shown = alice.get(f"/agent_tokens/{old}")
    assert "rotation" not in shown
    assert shown["expires_at"] == end
    alice.update(f"/agent_tokens/{old}", expires_at=None)


def test_the_end_of_a_rotated_token_can_be_moved_and_not_taken_away(alice: Caller) -> None:
    old = alice.create("/agent_tokens")
    new = rotate(alice, old)
    alice.update(f"/agent_tokens/{old}", expires_at=FAR)
    assert alice.get(f"/agent_tokens/{new}")["rotation"]["ends_at"] == FAR
    fault = alice.refused("PUT", f"/agent_tokens/{old}", {"expires_at": None})
    assert fault["message"] == "Validation error for key 'expires_at'"
    assert fault["details"].endswith("the token has been rotated and must end")


def test_every_step_of_a_rotation_is_in_the_changes_feed_for_both_tokens(cast: Cast, stored_house: House) -> None:
    old = cast.alice.create("/agent_tokens")
    start = asyncio.run(_last_change(stored_house))
    new = rotate(cast.alice, old)
    ids = {cast.bob.get(f"/agent_tokens/{token}")["id"] for token in (old, new)}
    rotated = asyncio.run(_changes(stored_house, start))
    assert {(one.tenant_id, one.kind, one.id) for one in rotated} == {
        (cast.alice.tenant, "agent_token", key) for key in ids
    }
    finish(cast.alice, old)
    assert {one.id for one in asyncio.run(_changes(stored_house, rotated[-1].seq))} == ids


async def _last_change(house: House) -> int:
    async with open_stores(house.config) as stores:
        return await stores.documents.last_change()


async def _changes(house: House, after: int) -> list[Change]:
    async with open_stores(house.config) as stores:
        return list(await stores.documents.changes(after, 100))


# -- shown once


@pytest.fixture(scope="module")
def secretive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(_directory(tmp_path_factory), token_reveal="once") as running:
        yield running


def _directory(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("secretive") / "var"


def test_where_a_token_is_shown_once_nothing_shows_it_after_its_creation(secretive: House) -> None:
    alice = secretive.cast().alice
    created = alice.call("POST", "/agent_tokens", {"label": "kept"})
    token = created.headers["X-Object-ID"]
    assert re.fullmatch(rf"[0-9a-f]{{64}}\.{alice.tenant}", token)
    key = created.headers["Location"].rpartition("/")[2]
    assert re.fullmatch("at[0-9A-Za-z]{10}", key)
    answers = [
        alice.call("GET", f"/agent_tokens/{token}"),
        alice.call("GET", f"/agent_tokens/{key}"),
        alice.call("GET", "/agent_tokens"),
        alice.call("PUT", f"/agent_tokens/{token}", {"label": "new"}),
        alice.call("GET", f"/agent_tokens/{token}/agents"),
    ]
    for answer in answers:
        assert answer.is_success
        assert token[:8] not in answer.text + str(answer.headers)
    assert answers[0].json() == answers[1].json() == answers[2].json()["values"][0]
    assert answers[0].json()["id"] == key
    assert answers[3].headers["Location"].endswith(f"/agent_tokens/{key}")


def test_where_a_token_is_shown_once_rotation_shows_the_new_one_once(secretive: House) -> None:
    alice = secretive.cast().alice
    old = alice.create("/agent_tokens")
    created = alice.call("POST", f"/agent_tokens/{old}/rotate")
    new, key = created.headers["X-Object-ID"], created.headers["Location"].rpartition("/")[2]
    assert alice.get(f"/agent_tokens/{new}")["rotation"]["to"] == key
    assert new[:8] not in alice.call("GET", "/agent_tokens").text


def test_where_a_token_is_shown_once_pages_go_by_public_id(secretive: House) -> None:
    alice = secretive.cast().alice
    for _ in range(3):
        alice.create("/agent_tokens")
    first = alice.get("/agent_tokens", limit=2)
    assert first["metadata"]["next_marker"].startswith("at")
    second = alice.get("/agent_tokens", limit=2, marker=first["metadata"]["next_marker"])
    ids = [one["id"] for page in (first, second) for one in page["values"]]
    assert ids == sorted(set(ids))
    assert len(ids) == 3
