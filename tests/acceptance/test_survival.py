"""What is promised across `kill -9`: acknowledged writes stay, and no state changes without being told."""

from __future__ import annotations

import json
import logging
import os
import random
import secrets
import statistics
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.flipper import Flipper
from tests.acceptance.lives import Site
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.waiting import until
from tests.acceptance.writer import Writer

KILLS = int(os.environ.get("VEDETTE_TEST_KILLS", "50"))
SEED = int(os.environ.get("VEDETTE_TEST_SEED", "0")) or secrets.randbelow(10**6) + 1
"""Which moments, calls and pauses; one of its own each time, printed by a run that fails."""
WRITERS, FLIPPERS = 2, 4
KILLED_WHILE_STARTING = 0.3
FIRST_OK = ("UNKNOWN", "OK")
"""Told to nobody."""
log = logging.getLogger(__name__)


@pytest.mark.timeout(60 + 4 * KILLS)
def test_kill_9_at_any_moment_loses_no_acknowledged_write_and_no_notification(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answer_after_s = 0.02  # long enough to be killed meanwhile
    server = Server(tmp_path / "var")
    site = Site(server)
    with server, Client.logged_in(server.api, server.credentials) as client:
        plan = client.tell(receiver.url)
        flippers = [Flipper(site, f"flipper-{n}", client, plan, SEED) for n in range(FLIPPERS)]
        clients = [Client(client.base, client.tenant, client.token) for _ in range(WRITERS)]
        writers = [Writer(site, f"writer-{n}", own, SEED) for n, own in enumerate(clients)]
        everybody: list[Flipper | Writer] = [*flippers, *writers]
        server.kill()
        for one in everybody:
            one.thread.start()
        try:
            starts_s = kill_in_a_loop(site)
            client.base = site.come_up().api
            until_all_go_on(flippers, writers)
        finally:
            site.stop()
            for one in everybody:
                one.thread.join()
            for used in clients:
                used.close()
        until_told(client, receiver, flippers)
        problems = [
            *(one.problem for one in everybody if one.problem is not None),
            *(problem for writer in writers for problem in unlike_the_ledger(client, writer)),
            *untold(client, receiver, flippers),
        ]
        server.terminate()
        assert server.ended() == 0
    counted = f"{sum(writer.ledger.acknowledged for writer in writers)} writes, {len(receiver.bodies)} webhooks"
    report = f"seed {SEED}, {KILLS} kills, starts {statistics.median(starts_s):.2f} s, {counted}"
    log.info(report)
    assert not problems, "\n".join([report, *problems])


def kill_in_a_loop(site: Site) -> list[float]:
    """Seconds that each start took which was let come up."""
    chance = random.Random(SEED)
    starts_s = []
    for _ in range(KILLS):
        if chance.random() < KILLED_WHILE_STARTING:
            site.server.launch()
            site.stopping.wait(chance.uniform(0, 0.6))
        else:
            began = time.monotonic()
            site.come_up()
            starts_s.append(time.monotonic() - began)
            site.stopping.wait(chance.uniform(0, 0.5))
        site.server.kill()
    return starts_s


def until_all_go_on(flippers: list[Flipper], writers: list[Writer]) -> None:
    """Until everybody was served by the last life, or has a problem to tell."""
    before = [len(one.acknowledged) for one in flippers] + [one.ledger.acknowledged for one in writers]

    def all_go_on() -> bool:
        now = [len(one.acknowledged) for one in flippers] + [one.ledger.acknowledged for one in writers]
        has_problem = any(one.problem for one in flippers) or any(one.problem for one in writers)
        return has_problem or all(new >= old + 3 for new, old in zip(now, before, strict=True))

    until(all_go_on, "everybody is served after the last start")


def until_told(client: Client, receiver: Receiver, flippers: list[Flipper]) -> None:
    """Gives what is on its way the time to come; `untold` judges what did not."""
    end = time.monotonic() + 20
    until(lambda: time.monotonic() > end or not untold(client, receiver, flippers), "told, or given up", 60)


def unlike_the_ledger(client: Client, writer: Writer) -> list[str]:
    """What is stored otherwise than was acknowledged."""
    found = {
        f"{collection}/{one['id']}": one["label"]
        for collection in ("entities", "notifications", "agent_tokens")
        for one in client.all(collection)
        if (one["label"] or "").startswith(f"{writer.name} ")
    }
    for entity in [path for path in found if path.startswith("entities/")]:
        found |= {f"{entity}/checks/{check['id']}": check["label"] for check in client.all(f"{entity}/checks")}
    ledger = writer.ledger
    wrong = [
        f"{path}: expected {' or '.join(sorted(str(outcome) for outcome in outcomes))}, found {found.get(path)}"
        for path, outcomes in ledger.outcomes.items()
        if found.get(path) not in outcomes
    ]
    unasked = [
        f"{path}: nobody created {label}"
        for path, label in found.items()
        if path not in ledger.outcomes and label not in ledger.unanswered
    ]
    return wrong + unasked


def untold(client: Client, receiver: Receiver, flippers: list[Flipper]) -> list[str]:
    """How the changelog, the acknowledged observations and the received webhooks disagree."""
    changes = client.all("changelogs/alarms")
    events = receiver.events
    problems = [problem for flipper in flippers for problem in of_one_alarm(flipper, changes, events)]
    bodies = defaultdict(set)
    for event in events:
        bodies[event["event_id"]].add(json.dumps(event, sort_keys=True))
    problems += [f"{event_id}: came with different contents" for event_id, of_it in bodies.items() if len(of_it) > 1]
    entries = Counter(json.loads(body)["log_entry_id"] for of_it in bodies.values() for body in of_it)
    problems += [f"change {entry}: told with {count} event ids" for entry, count in entries.items() if count > 1]
    return problems


def of_one_alarm(flipper: Flipper, all_changes: list[Any], all_events: list[Any]) -> list[str]:
    changes = [change for change in all_changes if change["alarm_id"] == flipper.alarm]
    told = [event["event_id"] for event in all_events if event["alarm"]["id"] == flipper.alarm]
    states = [change["state"] for change in changes]
    before = ["UNKNOWN", *states][: len(states)]
    expected = [event_id(change) for change in changes if (change["previous_state"], change["state"]) != FIRST_OK]
    changed_by = {int(change["status"].removeprefix("n=")) for change in changes}
    problems = [f"{one}: in the changelog, never received" for one in expected if one not in told]
    problems += [f"{one}: received, not in the changelog" for one in sorted(set(told) - set(expected))]
    problems += [f"post {n}: acknowledged, made no change" for n in sorted(flipper.must_have_changed() - changed_by)]
    if any(one == other for one, other in zip(before, states, strict=True)):
        problems.append(f"the states are {states}, expected CRITICAL and OK by turns")
    if [change["previous_state"] for change in changes] != before:
        problems.append("a change's previous state is not that of the change before")
    if not problems and list(dict.fromkeys(told)) != expected:
        problems.append(f"told in another order than it happened: {told}")
    return [f"{flipper.name}: {problem}" for problem in problems]


def event_id(change: Any) -> str:
    """As the reference says: account, entity, alarm, check, time, state."""
    ids = (change["entity_id"], change["alarm_id"], change["check_id"])
    return ":".join(["100001", *ids, str(change["timestamp"]), change["state"]])
