"""A case: the documented request of one operation with values of our own, and what must come of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conformance.operations import OPERATIONS
from tests.conformance.shapes import misfit
from tests.doors.api.house import Caller

_NAME = re.compile("<([a-z-]+)>")
_BY_NAME = {operation.name: operation for operation in OPERATIONS}


@dataclass(frozen=True)
class Case:
    """`path`, `body` and `query` name the stage's ids in angle brackets: `/entities/<entity>`."""

    operation: str
    path: str
    status: int = 200
    shape: Any = None  # None: no body
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    prefix: str | None = None  # of the id of what is created
    location: str | None = None  # what `Location` says below the tenant, where that is not the path

    @property
    def method(self) -> str:
        return _BY_NAME[self.operation].method

    @property
    def names_ids(self) -> bool:
        """Whether it is about objects of a tenant."""
        return bool(_NAME.search(self.path))

    def sent(self, caller: Caller, ids: Mapping[str, Any]) -> httpx.Response:
        """The answer to a caller who asks with these ids."""
        return caller.call(
            self.method, filled(self.path, ids), filled(self.body, ids), params=filled(dict(self.query), ids)
        )


def filled(value: Any, ids: Mapping[str, Any]) -> Any:
    """With ids in place of their names; a name by itself stands for the id as it is, a number too."""
    if isinstance(value, dict):
        return {name: filled(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    if not isinstance(value, str):
        return value
    whole = _NAME.fullmatch(value)
    return ids[whole.group(1)] if whole else _NAME.sub(lambda match: str(ids[match.group(1)]), value)


def judge(case: Case, answer: httpx.Response, ids: Mapping[str, Any], caller: Caller) -> str | None:
    """What is wrong with an answer."""
    if answer.status_code != case.status:
        return f"{answer.status_code}, not {case.status}: {answer.text}"
    return _headers(case, answer, ids, caller) or _body(case, answer)


def _headers(case: Case, answer: httpx.Response, ids: Mapping[str, Any], caller: Caller) -> str | None:
    common = ["X-Response-Id", *(f"X-RateLimit-{name}" for name in ("Limit", "Used", "Remaining", "Window", "Type"))]
    missing = [name for name in common if name not in answer.headers]
    if missing:
        return f"no header {', '.join(missing)}"
    place = answer.headers.get("Location", "")
    path = f"{caller.api}/v1.0/{caller.tenant}" + filled(case.location or case.path.rstrip("/"), ids)
    if case.status == 201:
        key = answer.headers.get("X-Object-ID", "")
        is_right = key.startswith(case.prefix or "") and place == f"{path}/{key}"
        return None if is_right else f"Location {place!r} of {key!r}"
    if case.method == "PUT":
        return None if place == path else f"Location {place!r}, not {path!r}"
    return None


def _body(case: Case, answer: httpx.Response) -> str | None:
    if case.shape is None:
        return None if answer.content == b"" else f"a body: {answer.text}"
    if answer.headers["Content-Type"] != "application/json; charset=utf-8":
        return f"Content-Type {answer.headers['Content-Type']}"
    return misfit(json.loads(answer.content), case.shape)
