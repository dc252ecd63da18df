"""What an agent token's policy takes."""

from __future__ import annotations

from typing import Any

import pytest

from vedette.domain.attributes import parse_new
from vedette.domain.faults import Fault
from vedette.domain.resources import AGENT_TOKEN_ATTRIBUTES
from vedette.domain.token_attributes import ROTATION_ATTRIBUTES

GOOD: list[tuple[str, Any, Any]] = [
    ("label", "", ""),
    ("label", "x" * 255, "x" * 255),
    ("expires_at", 1, 1),
    ("expires_at", "4102444800000", 4_102_444_800_000),
    ("allowed_agents", ["web-*"], ("web-*",)),
    ("allowed_agents", ["*", "a.b_c-?", "x" * 255], ("*", "a.b_c-?", "x" * 255)),
    ("allowed_networks", ["10.0.0.0/8"], ("10.0.0.0/8",)),
    ("allowed_networks", ["192.0.2.1"], ("192.0.2.1/32",)),
    ("allowed_networks", ["2001:DB8:0::/32", "::1"], ("2001:db8::/32", "::1/128")),
    ("allowed_networks", ["0.0.0.0/0", "::/0"], ("0.0.0.0/0", "::/0")),
    ("allowed_networks", ["::ffff:10.0.0.0/104"], ("10.0.0.0/8",)),
    ("allowed_networks", ["::ffff:192.0.2.1"], ("192.0.2.1/32",)),
    ("max_agents", 1, 1),
    ("max_agents", "1000000", 1_000_000),
    ("metadata", {"a": "b"}, {"a": "b"}),
    ("metadata", [], {}),
]

BAD: list[tuple[str, Any, str, str]] = [
    ("label", 1, "label", "between 0 and 255 characters"),
    ("label", "x" * 256, "label", "between 0 and 255 characters"),
    ("expires_at", 0, "expires_at", "an integer between 1 and"),
    ("expires_at", 1.5, "expires_at", "an integer"),
    ("expires_at", "2099-01-01", "expires_at", "an integer"),
    ("expires_at", True, "expires_at", "an integer"),
    ("allowed_agents", [], "allowed_agents", "1 to 64 different items, or null to allow all"),
    ("allowed_agents", "web-*", "allowed_agents", "an array"),
    ("allowed_agents", ["a"] * 2, "allowed_agents", "different items"),
    ("allowed_agents", [f"a{n}" for n in range(65)], "allowed_agents", "1 to 64"),
    ("allowed_agents", ["a", ""], "allowed_agents.1", "an agent id, in which * is any text"),
    ("allowed_agents", ["x" * 256], "allowed_agents.0", "an agent id"),
    ("allowed_agents", ["web[12]"], "allowed_agents.0", "an agent id"),
    ("allowed_agents", ["ü*"], "allowed_agents.0", "an agent id"),
    ("allowed_networks", ["10.1.2.3/8"], "allowed_networks.0", "CIDR notation without host bits, such as 10.0.0.0/8"),
    ("allowed_networks", ["2001:db8::1/32"], "allowed_networks.0", "without host bits"),
    ("allowed_networks", ["10.0.0.0/33"], "allowed_networks.0", "CIDR"),
    ("allowed_networks", ["10.0.0.0/255.0.0.0"], "allowed_networks.0", "CIDR"),
    ("allowed_networks", ["10.0.0.0/"], "allowed_networks.0", "CIDR"),
    ("allowed_networks", ["10.0.0.0/²"], "allowed_networks.0", "CIDR"),
    ("allowed_networks", ["fe80::1%eth0"], "allowed_networks.0", "CIDR"),
    ("allowed_networks", ["example.org"], "allowed_networks.0", "CIDR"),
    ("allowed_networks", [""], "allowed_networks.0", "CIDR"),
    ("allowed_networks", [5], "allowed_networks.0", "CIDR"),
    ("allowed_networks", ["10.0.0.0/8", "::ffff:10.0.0.0/104"], "allowed_networks", "different items"),
    ("allowed_networks", [], "allowed_networks", "1 to 64"),
    ("max_agents", 0, "max_agents", "between 1 and 1000000"),
    ("max_agents", 1_000_001, "max_agents", "between 1 and 1000000"),
    ("metadata", {"a": 1}, "metadata.a", "a string"),
    ("metadata", {"a": "x" * 256}, "metadata.a", "a string"),
]


@pytest.mark.parametrize(("name", "given", "kept"), GOOD)
def test_a_value_that_fits_is_kept_in_its_canonical_form(name: str, given: Any, kept: Any) -> None:
    assert parse_new(AGENT_TOKEN_ATTRIBUTES, {name: given}).values[name] == kept


@pytest.mark.parametrize(("name", "given", "key", "expected"), BAD)
def test_a_value_that_does_not_fit_is_named_with_what_was_expected(
    name: str, given: Any, key: str, expected: str
) -> None:
    with pytest.raises(Fault) as raised:
        parse_new(AGENT_TOKEN_ATTRIBUTES, {name: given})
    assert raised.value.message == f"Validation error for key '{key}'"
    assert expected in raised.value.details


def test_a_token_has_no_policy_unless_it_is_given_one() -> None:
    assert set(parse_new(AGENT_TOKEN_ATTRIBUTES, {}).values.values()) == {None}


@pytest.mark.parametrize(("given", "seconds"), [({}, 3600), ({"overlap": 0}, 0), ({"overlap": "60"}, 60)])
def test_the_overlap_of_a_rotation_is_an_hour_unless_it_is_said(given: dict[str, Any], seconds: int) -> None:
    assert parse_new(ROTATION_ATTRIBUTES, given).values == {"overlap": seconds}


@pytest.mark.parametrize("overlap", [-1, 30 * 24 * 3600 + 1, "soon", True, []])
def test_the_overlap_is_at_most_30_days(overlap: Any) -> None:
    with pytest.raises(Fault, match="badRequest: Validation error for key 'overlap'") as raised:
        parse_new(ROTATION_ATTRIBUTES, {"overlap": overlap})
    assert raised.value.details == "Expected an integer between 0 and 2592000"
