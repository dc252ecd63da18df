"""`/openapi.json`: made from the routes and the attribute declarations, so that it cannot lag behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.doors.api.house import House
from tests.doors.api.test_resources import EXAMPLES
from vedette.domain.resources import RESOURCES

_OPEN = {
    *((path, "get") for path in ("/", "/v1.0", "/v2.0", "/healthz", "/readyz", "/metrics", "/openapi.json")),
    ("/v2.0/tokens", "post"),
    ("/v1.0/agent_installers/{key}", "get"),  # the address is the key
}
_METHODS = {"get", "head", "put", "post", "delete", "options", "patch", "trace"}


@pytest.fixture(scope="module")
def document(house: House) -> dict[str, Any]:
    answer = httpx.get(f"{house.api}/openapi.json", trust_env=False)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    loaded: dict[str, Any] = answer.json()
    return loaded


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _within(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in it."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _within(inner)


def test_it_says_what_it_is(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert set(document) == {"openapi", "info", "paths", "components"}
    assert {"title", "version"} <= set(document["info"])


def test_the_answer_is_the_same_bytes_every_time(house: House) -> None:
    first, second = (httpx.get(f"{house.api}/openapi.json", trust_env=False).content for _ in range(2))

    assert first == second


def test_every_operation_is_complete_and_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = []
    for path, method, operation in _operations(document):
        names.append(operation["operationId"])
        assert method in _METHODS
        in_path = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))
        assert all(one["required"] for one in operation["parameters"] if one["in"] == "path")
        assert all(re.fullmatch(r"[1-5]\d\d", code) for code in operation["responses"])
        assert any(code.startswith("2") for code in operation["responses"])
        for answer in operation["responses"].values():
            assert "$ref" in answer or answer["description"]
        assert ("requestBody" in operation) <= (method in {"post", "put"})
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = {one["$ref"] for one in _within(document) if "$ref" in one}

    assert references
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_every_schema_uses_only_what_json_schema_has(document: dict[str, Any]) -> None:
    types = {"string", "integer", "number", "boolean", "object", "array", "null"}
    patterns = []
    for schema in _within(document):
        given = schema.get("type", "object")
        if isinstance(given, str | list) and "in" not in schema:
            assert set([given] if isinstance(given, str) else given) <= types
        if isinstance(schema.get("pattern"), str):
            patterns.append(schema["pattern"])
    assert patterns
    for pattern in patterns:
        re.compile(pattern)
        assert not re.search(r"\(\?[a-zA-Z]|\\[AZz]|\(\?P", pattern), "JSON Schema's expressions have no such thing"


def test_every_route_of_the_server_is_described(house: House, document: dict[str, Any]) -> None:
    """The router knows all there is: it names the methods of every address in its 405."""
    for path, operations in document["paths"].items():
        address = re.sub(r"{\w+}", "x", path)
        allowed = httpx.request("PATCH", f"{house.api}{address}", trust_env=False).headers["Allow"]
        assert {method.upper() for method in operations} == set(allowed.split(", "))
    assert {"/openapi.json", "/healthz", "/v2.0/tokens", "/v1.0/audits", "/v1.0/agent_tokens/{key}"} <= set(
        document["paths"]
    )


@pytest.mark.parametrize("plural", EXAMPLES)
def test_bodies_have_the_declared_attributes(document: dict[str, Any], plural: str) -> None:
    resource = next((one for one in RESOURCES.values() if one.plural == plural), None)
    created, changed = (
        operation["requestBody"]["content"]["application/json"]["schema"]
        for path, method, operation in _operations(document)
        if "requestBody" in operation
        and operation["operationId"]
        in {f"create_{plural}", f"update_{plural}", f"create_{plural[:-1]}", f"update_{plural[:-1]}"}
    )

    assert created["properties"]
    if resource is not None:
        assert list(created["properties"]) == [attribute.name for attribute in resource.attributes]
        assert created["required"] == [attribute.name for attribute in resource.attributes if not attribute.optional]
    assert "required" not in changed


def test_what_needs_a_token_says_so(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        is_open = (path, method) in _OPEN
        assert operation.get("security") == (None if is_open else [{"token": []}])
        assert ("401" in operation["responses"]) is (not is_open or path == "/v2.0/tokens")
    scheme = document["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-Auth-Token")


def test_lists_have_their_paging_parameters(document: dict[str, Any]) -> None:
    for path in ("/v1.0/entities", "/v1.0/agent_tokens", "/v1.0/audits", "/v1.0/monitoring_zones"):
        names = {one["name"] for one in document["paths"][path]["get"]["parameters"]}
        assert {"limit", "marker"} <= names
    assert "from" in json.dumps(document["paths"]["/v1.0/audits"]["get"]["parameters"])
