"""The OpenAPI 3.1 document, made from the routes and the attribute declarations: there is no second list.

Beside what the gate reads, a route's options may say for this document: `takes` (the schema of its body), `gives` (of
its answer), `lists` (of the items of its list), `query` (names of `PARAMETERS`), `by_token` (it judges the token
itself), `conditional` (it honours `If-Match`), `repeatable` (it honours `Idempotency-Key`), `tagged` (its answer has an
ETag), `faults` (codes beyond what follows from the rest).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from vedette import __version__
from vedette.api import jsonp, links, repeatable, schemas
from vedette.api.answer import Answer
from vedette.api.faults import JSON
from vedette.rollups.resolutions import Resolution
from vedette.services.metrics import STATISTICS

_SCRIPT = {"application/javascript": {"schema": {"type": "string"}}}
"""What JSONP makes of an answer."""
_PATH_PARAMETER = re.compile(r"{([a-z_]+):str}")
_TEXT = {"type": "string"}
_MOMENT = {"type": "integer", "description": "Milliseconds since the epoch"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100, "description": "Items a page"},
    "marker": _TEXT | {"description": "Id of the first item of the page"},
    "id": {"type": "array", "items": _TEXT, "description": "Only these"},
    "label": _TEXT | {"description": "Only those with this label"},
    "from": _MOMENT,
    "to": _MOMENT,
    "reverse": {"type": "boolean", "default": False, "description": "Newest first"},
    "at": _MOMENT,
    "entityId": _TEXT,
    "uri": {"type": "array", "items": _TEXT, "description": "Entities with any of these uris"},
    "agentId": {"type": "array", "items": _TEXT, "description": "Entities bound to any of these agents"},
    "include": {"type": "array", "items": _TEXT, "description": "Types of host info"},
    "keep": {"type": "boolean", "default": False, "description": "Disable what would be deleted with it"},
    "debug": {"type": "boolean", "default": False, "description": "Show what the probe saw"},
    "mode": {"type": "string", "description": "full: with the reason and the votes of every step"},
    "points": {"type": "integer", "minimum": 0, "description": "How many points are wanted"},
    "resolution": {"type": "string", "enum": [one.value for one in Resolution]},
    "select": {"type": "array", "items": {"type": "string", "enum": list(STATISTICS)}},
    "JSONP": _TEXT
    | {
        "pattern": jsonp.PATTERN,
        "description": "Answer with a script that calls this; then the query may have the token, as X-Auth-Token",
    },
    "_who": _TEXT | {"maxLength": 255, "description": "Who does it, for the audit"},
    "_why": _TEXT | {"maxLength": 255, "description": "Why, for the audit"},
}
_REQUEST_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "conditional": ("If-Match", _TEXT | {"description": "ETags of the object as it was seen"}),
    "repeatable": (
        "Idempotency-Key",
        _TEXT
        | {
            "pattern": repeatable.PATTERN,
            "description": "Sent again within 24 hours, the same request is answered as before and not done again",
        },
    ),
}
"""By a route's option."""
_FAULTS = {
    400: "The request is not valid",
    401: "No valid token",
    403: "Another tenant's, or more than the role allows",
    404: "There is no such object",
    406: "Only JSON is spoken",
    412: "The object has been changed",
    413: "Too large",
    415: "Only JSON is spoken",
    429: "Too many requests",
    500: "An internal failure",
    501: "This server, or the zone asked for, cannot do it",
    503: "Overload, or a store that cannot be reached; nothing has happened",
}


def route(routes: Sequence[HTTPRouteHandler]) -> HTTPRouteHandler:
    """`/openapi.json`, made once."""
    made: list[bytes] = []

    @get("/openapi.json", operation_id="openapi", opt={"gives": schemas.ANY_OBJECT})
    async def openapi() -> Answer:
        """This document."""
        if not made:
            made.append(msgspec.json.encode(document([*routes, openapi])))
        return Answer(made[0], media_type=JSON)

    return openapi


def document(routes: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """Every operation of the routes."""
    paths: dict[str, dict[str, Any]] = {}
    for handler in routes:
        for place, path in enumerate(sorted(handler.paths)):
            shown = paths.setdefault(_PATH_PARAMETER.sub(r"{\1}", path), {})
            for method in sorted(handler.http_methods):
                shown[method.lower()] = _operation(handler, method, path, place)
    links.add(paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vedette",
            "version": __version__,
            "description": "What is below `/v1.0/` answers below `/v1.0/{tenantId}/` too.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {"Fault": schemas.FAULT, "IdentityFault": schemas.IDENTITY_FAULT},
            "responses": {
                **{f"Fault{code}": _fault(text, "Fault") for code, text in _FAULTS.items()},
                **{f"IdentityFault{code}": _fault(text, "IdentityFault") for code, text in _FAULTS.items()},
            },
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
    }


def _operation(handler: HTTPRouteHandler, method: str, path: str, place: int) -> dict[str, Any]:
    options = handler.opt
    name = f"{handler.operation_id}" + (f"_{place + 1}" if place else "") + ("_head" if method == "HEAD" else "")
    operation: dict[str, Any] = {
        "operationId": name,
        "parameters": [*_path_parameters(path), *_query_parameters(options, method), *_header_parameters(options)],
        "responses": _success(options, handler.status_code, method) | _faults(options, method, path),
    }
    summary = (handler.fn.__doc__ or "").strip().partition("\n")[0]
    if summary:
        operation["summary"] = summary
    if "takes" in options:
        operation["requestBody"] = {"required": True, "content": _json(options["takes"])}
    if "needs" in options or "by_token" in options:
        operation["security"] = [{"token": []}]
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in _PATH_PARAMETER.findall(path)]


def _query_parameters(options: Mapping[str, Any], method: str) -> list[dict[str, Any]]:
    names = [*options.get("query", ()), *(("_who", "_why") if "app" in options else ())]
    names += ["JSONP"] if _is_script_too(options, method) else []
    return [{"name": name, "in": "query", "schema": PARAMETERS[name]} for name in names]


def _header_parameters(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    honoured = [header for option, header in _REQUEST_HEADERS.items() if option in options]
    return [{"name": name, "in": "header", "schema": schema} for name, schema in honoured]


def _is_script_too(options: Mapping[str, Any], method: str) -> bool:
    """Whether it answers to JSONP."""
    return method == "GET" and "needs" in options


def _success(options: Mapping[str, Any], status: int, method: str) -> dict[str, Any]:
    if "lists" in options:
        return {"200": {"description": "A page", "content": _json(schemas.page_of(options["lists"])) | _SCRIPT}}
    if "gives" in options:
        content = {} if method == "HEAD" else {"content": _json(options["gives"])}
        if _is_script_too(options, method):
            content["content"] |= _SCRIPT
        return {"200": {"description": "As asked"} | content | _tag(options)}
    if method == "POST" and status == HTTP_201_CREATED:
        return {"201": {"description": "Created", "headers": _headers("Location", "X-Object-ID")}}
    if method == "PUT":
        return {"204": {"description": "Changed", "headers": _headers("Location")}}
    return {str(status): {"description": "Done" if status == HTTP_204_NO_CONTENT else "As asked"}}


def _tag(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"headers": _headers("ETag")} if "tagged" in options else {}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"required": True, "schema": _TEXT} for name in names}


def _faults(options: Mapping[str, Any], method: str, path: str) -> dict[str, Any]:
    codes = {500, 503, 406}
    if "needs" in options or "by_token" in options:
        codes |= {401, 403, 429}
    if "takes" in options:
        codes |= {400, 413, 415, 429}
    if "query" in options or "repeatable" in options or _is_script_too(options, method):
        codes.add(400)
    codes |= options.get("faults", frozenset())
    if _PATH_PARAMETER.search(path):
        codes.add(404)
    if method == "DELETE":
        codes.add(400)
    if "conditional" in options:
        codes |= {400, 412}
    kind = "IdentityFault" if path.startswith("/v2.0") else "Fault"
    if kind == "IdentityFault" and "takes" in options:
        codes.add(401)
    return {str(code): {"$ref": f"#/components/responses/{kind}{code}"} for code in sorted(codes)}


def _fault(text: str, schema: str) -> dict[str, Any]:
    script = _SCRIPT if schema == "Fault" else {}
    return {"description": text, "content": _json({"$ref": f"#/components/schemas/{schema}"}) | script}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
