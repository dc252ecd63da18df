"""JSON Schemas of bodies and answers, made from the attribute declarations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vedette.domain.attributes import Attribute, object_schema
from vedette.domain.documents import Kind
from vedette.domain.faults import CODES
from vedette.domain.resources import Resource

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
MOMENT: Schema = {"type": "integer", "description": "Milliseconds since the epoch"}
ANY_OBJECT: Schema = {"type": "object"}
FIELD: Schema = {
    "type": "object",
    "required": ["name", "description", "optional"],
    "properties": {"name": TEXT, "description": TEXT, "optional": {"type": "boolean"}},
}
METRIC: Schema = {
    "type": "object",
    "required": ["type", "data"],
    "properties": {"type": TEXT, "data": {"type": ["string", "number", "boolean"]}, "unit": TEXT},
}
SERIES: dict[str, Any] = {"lists": ANY_OBJECT, "query": ("from", "to", "reverse", "limit", "marker")}
_STAMPS: dict[str, Schema] = {"created_at": MOMENT, "updated_at": MOMENT}
_OR_NULL: Schema = {"type": ["string", "null"]}

FAULT: Schema = {
    "type": "object",
    "required": ["type", "code", "message", "details", "txnId", "request_id"],
    "properties": {
        "type": {"type": "string", "enum": sorted(CODES)},
        "code": {"type": "integer"},
        "message": TEXT,
        "details": {"type": ["string", "object", "null"]},
        "txnId": TEXT,
        "request_id": TEXT,
    },
}
IDENTITY_FAULT: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "integer"}, "message": TEXT},
    },
}


def creation_of(resource: Resource) -> Schema:
    """What creates an object; members that are not named here are ignored."""
    return _by_type(resource, object_schema(resource.attributes))


def change_of(attributes: Sequence[Attribute]) -> Schema:
    """A partial update: every member may be absent, and null where it can be unset."""
    schema = object_schema(attributes)
    properties = {a.name: _nullable(a, schema["properties"][a.name]) for a in attributes}
    return {"type": "object", "properties": properties}


def shown(resource: Resource) -> Schema:
    """An object as it is answered. A member that is not set is null."""
    schema = object_schema(resource.attributes)
    declared = {a.name: schema["properties"][a.name] for a in resource.attributes}
    properties = {
        a.name: {"anyOf": [declared[a.name], {"type": "null"}]} if a.optional else declared[a.name]
        for a in resource.attributes
    }
    parent = {"entity_id": TEXT} if resource.kind is Kind.ALARM else {}
    return {
        "type": "object",
        "properties": {"id": TEXT, **parent, **properties, **_STAMPS},
        "required": ["id", *properties],
    }


def object_of(attributes: Sequence[Attribute], more: Mapping[str, Schema]) -> Schema:
    """Another object as it is answered."""
    return {"type": "object", "properties": {**more, **change_of(attributes)["properties"], **_STAMPS}}


def page_of(item: Mapping[str, Any]) -> Schema:
    """A list with its metadata."""
    metadata = {
        "count": {"type": "integer"},
        "limit": {"type": ["integer", "null"]},
        "marker": _OR_NULL,
        "next_marker": _OR_NULL,
        "next_href": _OR_NULL,
    }
    return {
        "type": "object",
        "required": ["values", "metadata"],
        "properties": {
            "values": {"type": "array", "items": item},
            "metadata": {"type": "object", "required": list(metadata), "properties": metadata},
        },
    }


def _nullable(attribute: Attribute, schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]} if attribute.can_be_unset else schema


def _by_type(resource: Resource, schema: Schema) -> Schema:
    """`details` as each type has them."""
    if not resource.details:
        return schema
    cases = [
        {
            "if": {"properties": {"type": {"const": type_id}}},
            "then": {"properties": {"details": details.schema()}}
            | ({"required": ["details"]} if any(not one.optional for one in details.attributes) else {}),
        }
        for type_id, details in resource.details.items()
    ]
    return schema | {"allOf": cases}
