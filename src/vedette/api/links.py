"""Links of the OpenAPI document: what can be done with an object that was just created."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PARAMETER = re.compile(r"{([a-z_]+)}")


def add(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Adds them to every answer 201 that names an object: all operations on its address and below."""
    for path, operations in paths.items():
        created = operations.get("post", {}).get("responses", {}).get("201")
        links = _links(path, paths) if created is not None else {}
        if created is not None and links:
            created["links"] = links


def _links(collection: str, paths: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    parents = {f"path.{name}": f"$request.path.{name}" for name in _PARAMETER.findall(collection)}
    return {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {**parents, f"path.{key}": "$response.header.X-Object-ID"},
        }
        for path, key in _items(collection, paths)
        for operation in paths[path].values()
    }


def _items(collection: str, paths: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(address of an object of the collection or of something below it, the parameter that is the object's id)."""
    first = re.compile(re.escape(collection) + r"/{([a-z_]+)}(?:/|$)")
    matches = [(path, first.match(path)) for path in paths]
    return [(path, match.group(1)) for path, match in matches if match is not None]
