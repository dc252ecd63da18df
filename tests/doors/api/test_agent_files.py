"""Checks and alarms that come from files on an agent's host: uploaded over TLS, seen through the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.acceptance.bare_agent import BareAgent, RefusedError
from tests.doors.api.house import Caller, Cast, House

MEMORY = dedent("""\
    type    : agent.memory
    label   : Memory
    period  : 60
    timeout : 10
    alarms  :
        low:
            label: Memory usage
            notification_plan_id: npManaged
            criteria: |
                if (percentage(metric['actual_used'], metric['total']) > 90) {
                  return new AlarmStatus(CRITICAL, "Memory usage is high");
                }
                return new AlarmStatus(OK, "Memory usage is fine");
    """)
LOAD = "type: agent.load_average\nlabel: Load\n"
CHECK_OF_MEMORY = '{"check":"default","filename":"memory.yaml"}'
ALARM_OF_MEMORY = '{"alarm":"low","filename":"memory.yaml"}'


class Host:
    """Alice's entity `web-1` and a connection of its agent."""

    def __init__(self, house: House, alice: Caller) -> None:
        assert house.app.agent is not None
        assert house.app.credentials is not None
        self.alice = alice
        self.entity = alice.entity(agent_id="web-1")
        address = (house.app.agent.host, house.app.agent.port)
        token = alice.create("/agent_tokens", label="web-1")
        self.agent = BareAgent(address, Path(house.app.credentials.ca_file), token, "web-1")

    def upload(self, **files: Any) -> list[tuple[str, str, str]]:
        """(type, what was done, handle) of what went well; the names lack `.yaml`."""
        return [(one["type"], one["location"], one["handle"]) for one in self.outcomes(**files) if one["success"]]

    def outcomes(self, **files: Any) -> list[dict[str, Any]]:
        data = {f"{name}.yaml": text for name, text in files.items()}
        result = self.agent.ask("config_file.post", {"config_data": data} if data else {"dummy": 1})
        assert result["success"] == all(one["success"] for one in result["values"])
        return list(result["values"])

    def problem(self, **files: Any) -> dict[str, Any]:
        """The only thing that went wrong."""
        (failed,) = [one for one in self.outcomes(**files) if not one["success"]]
        return dict(failed)

    def checks(self) -> list[dict[str, Any]]:
        return list(self.alice.get(f"/entities/{self.entity}/checks")["values"])

    def alarms(self) -> list[dict[str, Any]]:
        return list(self.alice.get(f"/entities/{self.entity}/alarms")["values"])


@pytest.fixture
def host(house: House, cast: Cast) -> Iterator[Host]:
    host = Host(house, cast.alice)
    yield host
    host.agent.close()


def test_a_file_makes_a_check_and_its_alarms(host: Host) -> None:
    done = host.upload(memory=MEMORY)

    assert done == [
        ("file", "parsing", "memory.yaml"),
        ("check", "created", CHECK_OF_MEMORY),
        ("alarm", "created", ALARM_OF_MEMORY),
    ]
    (check,), (alarm,) = host.checks(), host.alarms()
    assert (check["type"], check["label"], check["timeout"]) == ("agent.memory", "Memory", 10)
    assert (alarm["check_id"], alarm["label"]) == (check["id"], "Memory usage")
    assert (check["confd_name"], alarm["confd_name"]) == (CHECK_OF_MEMORY, ALARM_OF_MEMORY)
    assert all(len(bytes.fromhex(one["confd_hash"])) == 20 for one in (check, alarm))


def test_the_same_again_changes_nothing(host: Host) -> None:
    host.upload(memory=MEMORY)
    before = (host.checks(), host.alarms())

    done = host.upload(memory=MEMORY)

    assert [location for _, location, _ in done] == ["parsing", "unchanged", "unchanged"]
    assert (host.checks(), host.alarms()) == before


def test_a_file_is_the_whole_definition(host: Host) -> None:
    host.upload(memory=MEMORY)
    (before,) = host.checks()

    done = host.upload(memory="type: agent.memory\nlabel: RAM\n")

    assert done == [
        ("file", "parsing", "memory.yaml"),
        ("check", "updated", CHECK_OF_MEMORY),
        ("alarm", "removed", ALARM_OF_MEMORY),
    ]
    (check,) = host.checks()
    assert (check["id"], check["label"], check["timeout"]) == (before["id"], "RAM", 30)
    assert host.alarms() == []


def test_a_file_that_is_gone_takes_what_it_made_and_nothing_else(host: Host) -> None:
    by_hand = host.alice.check(host.entity)
    host.upload(memory=MEMORY, load=LOAD)

    done = host.upload(load=LOAD)

    assert ("check", "removed", CHECK_OF_MEMORY) in done
    assert ("alarm", "removed", ALARM_OF_MEMORY) in done
    assert {check["id"] == by_hand or check["label"] for check in host.checks()} == {True, "Load"}
    assert host.upload() == [("check", "removed", '{"check":"default","filename":"load.yaml"}')]
    assert [check["id"] for check in host.checks()] == [by_hand]


def test_what_people_change_is_restored_by_the_next_upload(host: Host) -> None:
    host.upload(memory=MEMORY)
    (check,) = host.checks()
    address = f"/entities/{host.entity}/checks/{check['id']}"

    host.alice.update(address, label="mine", confd_name="mine", confd_hash="mine")
    changed = host.alice.get(address)
    assert (changed["label"], changed["confd_name"], changed["confd_hash"]) == ("mine", CHECK_OF_MEMORY, "0")

    done = host.upload(memory=MEMORY)

    assert ("check", "updated", CHECK_OF_MEMORY) in done
    restored = host.alice.get(address)
    assert (restored["label"], restored["confd_hash"]) == ("Memory", check["confd_hash"])


def test_a_change_that_changes_no_value_keeps_the_hash(host: Host) -> None:
    host.upload(memory=MEMORY)
    (check,) = host.checks()

    host.alice.update(f"/entities/{host.entity}/checks/{check['id']}", label="Memory")

    assert host.checks() == [check]


def test_another_type_is_another_check(host: Host) -> None:
    host.upload(memory=MEMORY)
    (before,) = host.checks()

    done = host.upload(memory=MEMORY.replace("agent.memory", "agent.cpu"))

    (check,), (alarm,) = host.checks(), host.alarms()
    assert (check["type"], alarm["check_id"]) == ("agent.cpu", check["id"])
    assert check["id"] != before["id"]
    assert [location for _, location, _ in done] == ["parsing", "created", "created", "removed", "removed"]


@pytest.mark.parametrize("text", ["type: [", None, []])
def test_what_a_file_made_stays_while_it_cannot_be_read(host: Host, text: Any) -> None:
    host.upload(memory=MEMORY)
    before = (host.checks(), host.alarms())

    failed = host.problem(memory=text)

    assert (failed["type"], failed["location"], failed["handle"]) == ("file", "parsing", "memory.yaml")
    assert (host.checks(), host.alarms()) == before


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("type: agent.memory\nperiod: 5\n", (2, 9), "Validation error for key 'period'"),
        ("type: agent.memory\nalarms:\n  low:\n    label: x\n", (4, 5), "notification_plan_id"),
        ("type: agent.plugin\ndetails:\n  file: [1]\n", (3, 9), "Validation error for key 'details.file'"),
        ("label: x\n", (1, 1), "Missing required key (type)"),
        ("type: agent.memory\nperod: 60\n", (2, 8), "perod is not a member of checks"),
        (MEMORY.replace("usage is high", "usage is\n#{used}% high"), (13, 13), "This is not YAML"),
        (MEMORY.replace("metric['total']", "metric[\u2018total']"), (10, 58), "criteria: "),
        (MEMORY.replace("> 90)", "> > 90)"), (10, 70), "criteria: "),
        (MEMORY.replace("npManaged", "npNone"), (8, 31), 'Object "NotificationPlan" with key "npNone" does not exist'),
    ],
)
def test_an_error_names_the_file_the_line_and_the_column(
    host: Host, text: str, where: tuple[int, int], what: str
) -> None:
    err = host.problem(memory=text)["err"]

    assert (err["line"], err["column"]) == where
    assert err["message"].startswith(f"memory.yaml, line {where[0]}, column {where[1]}: ")
    assert what in err["message"]


def test_one_bad_alarm_keeps_nothing_else_back(host: Host) -> None:
    bad = "    bad:\n        criteria: nonsense\n        notification_plan_id: npManaged\n"

    outcomes = host.outcomes(memory=MEMORY + bad, load=LOAD)

    assert [(one["type"], one["location"]) for one in outcomes if not one["success"]] == [("alarm", "creating")]
    assert {check["label"] for check in host.checks()} == {"Memory", "Load"}
    assert [alarm["label"] for alarm in host.alarms()] == ["Memory usage"]


def test_uploads_are_audited_and_show_no_secret(host: Host) -> None:
    details = "details: {username: raxmon, password: sesame-1}"

    host.upload(mysql=f"type: agent.mysql\n{details}\n")

    shown = json.dumps(host.alice.audits())
    assert "agent web-1" in shown
    assert "sesame-1" not in shown
    (check,) = host.checks()
    assert host.upload(mysql=f"type: agent.mysql\n{details.replace('-1', '-2')}\n")[1][1] == "updated"
    (after,) = host.checks()
    assert after["confd_hash"] != check["confd_hash"]


def test_an_agent_that_no_entity_is_bound_to_is_refused(host: Host) -> None:
    host.alice.update(f"/entities/{host.entity}", agent_id=None)

    with pytest.raises(RefusedError, match="no entity is bound"):
        host.outcomes(memory=MEMORY)


def test_an_upload_that_is_not_understood_removes_nothing(host: Host) -> None:
    host.upload(memory=MEMORY)

    with pytest.raises(RefusedError, match="config_data"):
        host.agent.ask("config_file.post", {"config_data": "x"})

    assert len(host.checks()) == 1
