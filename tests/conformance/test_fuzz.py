"""Anything that can be said to the server: no internal failure, nothing but documented answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance import fuzzing
from tests.conformance.operations import ADDITIONAL, ONE_ROUTE, OPERATIONS, OUTSIDE
from tests.conformance.stage import Stage

_BELOW_TENANT = {operation.address for operation in OPERATIONS if "/host_info/" not in operation.path}
ADDRESSES = sorted({(method, f"/v1.0{path}") for method, path in _BELOW_TENANT | ADDITIONAL | {ONE_ROUTE}} | OUTSIDE)


class Attack(NamedTuple):
    """Alice and the document."""

    stage: Stage
    session: requests.Session
    operations: dict[tuple[str, str], Any]


@pytest.fixture(scope="module")
def attack(stage: Stage) -> Iterator[Attack]:
    alice = stage.cast.alice
    # What goes out to others is tried a few times; the rest without end.
    outwards = dict.fromkeys(("rate.test_check", "rate.traceroute", "rate.test_notification"), 5)
    stage.house.limit(alice.tenant, **{"rate.global": 0, **outwards})
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Auth-Token"] = alice.token
        yield Attack(stage, session, fuzzing.operations(fuzzing.loaded(stage.house.api)))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("address", ADDRESSES, ids=" ".join)
def test_no_request_gets_an_undocumented_answer(attack: Attack, address: tuple[str, str]) -> None:
    operation = attack.operations[address]

    @fuzzing.SETTINGS
    @given(case=fuzzing.requests_of(operation), is_led=st.booleans())
    def ask(case: Any, *, is_led: bool) -> None:
        if is_led and address[0] != "DELETE":
            fuzzing.led_somewhere(case, attack.stage.ids)
        wrong = fuzzing.wrong_with(case, attack.stage.house.api, attack.session)
        assert wrong is None, wrong

    ask()
