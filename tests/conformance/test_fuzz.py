"""Anything that can be said to the server: no internal failure, nothing but documented answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup

from tests.conformance import fuzzing
from tests.conformance.case import filled
from tests.conformance.operations import ADDITIONAL, ONE_ROUTE, OPERATIONS, OUTSIDE, unnamed
from tests.conformance.stage import Stage
from tests.conformance.test_documented_operations import CASES
from tests.doors.api.house import by_key

pytestmark = [
    # The library's own ways of making things up are not ours to judge.
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning"),
    pytest.mark.timeout(3600),
]
_BELOW_TENANT = {operation.address for operation in OPERATIONS if "/host_info/" not in operation.path}
ADDRESSES = sorted({(method, f"/v1.0{path}") for method, path in _BELOW_TENANT | ADDITIONAL | {ONE_ROUTE}} | OUTSIDE)


# Whose id stands in an address, where changing the usual one would spoil it for others, or it is of the wrong kind.
_INSTEAD = {
    ("PUT", "/v1.0/entities/{}"): {"entity": "<changing>"},
    ("POST", "/v1.0/agent_tokens/{}/rotate"): {"token": "<turning>"},
    ("POST", "/v1.0/agent_tokens/{}/rotate/finish"): {"token": "<turned>"},
    ("POST", "/v1.0/monitoring_zones/{}/traceroute"): {"zone": "mzdfw"},
}
_CREATIONS = [
    ("POST", f"/v1.0/{collection}")
    for collection in (
        *("agent_installers", "agent_tokens", "entities", "entities/{}/alarms", "entities/{}/checks"),
        *("monitoring_zones", "notification_plans", "notifications", "suppressions"),
    )
]
# What is asked of agents, which this server cannot do yet.
_DECLINED = frozenset(address for address in ADDRESSES if "host_info" in address[1] or address[1].endswith("/targets"))
_CAN_ONLY_BE_REFUSED = _DECLINED | {("POST", "/v1.0/agents/{}/upgrade")}


class Attack(NamedTuple):
    """Alice, the document, and requests that are right."""

    api: str
    ids: dict[str, Any]
    session: requests.Session
    operations: dict[tuple[str, str], Any]
    examples: dict[tuple[str, str], tuple[Any, Mapping[str, Any]]]


@pytest.fixture(scope="module")
def attack(stage: Stage) -> Iterator[Attack]:
    alice, house = stage.cast.alice, stage.house
    # What goes out to others is tried as often as it must be; the rest without end.
    outwards = dict.fromkeys(("rate.test_check", "rate.traceroute", "rate.test_notification"), 4 * fuzzing.EXAMPLES)
    house.limit(alice.tenant, **{"rate.global": 0, "checks": 10**6, **outwards})
    turned = alice.create("/agent_tokens", label="turned")
    alice.create(f"/agent_tokens/{turned}/rotate")
    ids = stage.ids | {
        "changing": alice.entity(),
        "turned": turned,
        "turning": alice.create("/agent_tokens", label="turning"),
        "installer": alice.create("/agent_installers", entity_id=stage.ids["entity"]),
        "identity-token": house.log_in(alice.login).token,
        "spare-identity-token": house.log_in(alice.login).token,
    }
    examples = fuzzing.examples(CASES) | {
        ("POST", "/v2.0/tokens"): (by_key(alice.login), {}),
        ("POST", "/v1.0/entities/{}/alarms/{}/backtest"): ({"from": int(time.time() * 1000) - 3_600_000}, {}),
    }
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Auth-Token"] = alice.token
        yield Attack(house.api, ids, session, fuzzing.operations(fuzzing.loaded(house.api)), examples)


@pytest.mark.parametrize("address", ADDRESSES, ids=" ".join)
def test_no_request_gets_an_undocumented_answer(attack: Attack, address: tuple[str, str]) -> None:
    operation = attack.operations[address]
    example = attack.examples.get(address, (None, {}))
    ids = attack.ids | filled(_INSTEAD.get(address, {}), attack.ids)
    seen: set[int] = set()

    @fuzzing.SETTINGS
    @given(case=fuzzing.requests_of(operation), is_led=st.sampled_from((True, True, False)), pick=st.integers(0, 12))
    def ask(case: Any, *, is_led: bool, pick: int) -> None:
        if is_led:
            fuzzing.led_somewhere(case, ids)
            fuzzing.mended(case, example, ids, pick)
        seen.add(fuzzing.status_of(case, attack.api, attack.session))

    ask()
    assert seen & {200, 201, 204} or address in _CAN_ONLY_BE_REFUSED, f"only {seen}: nothing was tried in earnest"


@pytest.mark.parametrize("address", _CREATIONS, ids=" ".join)
def test_what_was_just_created_is_used_in_any_order(attack: Attack, address: tuple[str, str]) -> None:
    """Follows the document's links: what can be done with an object, and with what would be below it."""
    creation, (body, query) = attack.operations[address], attack.examples[address]
    links = creation.definition.raw["responses"]["201"]["links"]
    by_name = {one.definition.raw["operationId"]: one for one in attack.operations.values()}
    steps = st.one_of([fuzzing.requests_of(by_name[name]) for name in sorted(links)])
    seen: set[tuple[str, int]] = set()

    @fuzzing.SETTINGS
    @given(cases=st.lists(st.tuples(steps, st.integers(0, 12)), min_size=2, max_size=6))
    def follow(cases: list[tuple[Any, int]]) -> None:
        first = creation.Case(body=filled(body, attack.ids), query=filled(dict(query), attack.ids), path_parameters={})
        fuzzing.led_somewhere(first, attack.ids)
        answer = first.call(base_url=attack.api, session=attack.session)
        assert answer.status_code == 201, answer.text
        made = {"$response.header.X-Object-ID": answer.headers["x-object-id"][0]}
        made |= {f"$request.path.{name}": value for name, value in first.path_parameters.items()}
        for case, pick in cases:
            link = links[case.operation.definition.raw["operationId"]]
            case.path_parameters |= {name[5:]: made[source] for name, source in link["parameters"].items()}
            there = (case.operation.method.upper(), unnamed(case.operation.path))
            fuzzing.mended(case, attack.examples.get(there, (None, {})), attack.ids, pick)
            seen.add((there[0], fuzzing.status_of(case, attack.api, attack.session)))

    follow()
    assert ("GET", 200) in seen


def test_every_creation_leads_somewhere(attack: Attack) -> None:
    linked = {
        address
        for address, operation in attack.operations.items()
        if "links" in operation.definition.raw["responses"].get("201", {})
    }

    assert linked == set(_CREATIONS)


@pytest.mark.parametrize("left_out", ["status", "member", "header"])
def test_what_is_not_documented_is_noticed(attack: Attack, left_out: str) -> None:
    """The proof that the tests above can fail."""
    document = json.loads(httpx.get(f"{attack.api}/openapi.json", trust_env=False).content)
    shown = document["paths"]["/v1.0/entities/{key}"]["get"]["responses"]
    if left_out == "status":
        del shown["200"]
    elif left_out == "member":
        shown["200"]["content"]["application/json"]["schema"]["required"].append("nothing")
    else:
        shown["200"]["headers"]["X-Nothing"] = {"required": True, "schema": {"type": "string"}}
    operation = fuzzing.operations(fuzzing.of(document))["GET", "/v1.0/entities/{}"]
    case = operation.Case(path_parameters={"key": attack.ids["entity"]})

    with pytest.raises(FailureGroup):
        fuzzing.status_of(case, attack.api, attack.session)
