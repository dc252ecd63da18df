"""Who may do what to agent tokens with which body, as a table (reference: agent tokens; role-based access control)."""

from __future__ import annotations

from typing import Any, NamedTuple

OPERATIONS = {
    "create": ("POST", "/agent_tokens"),
    "list": ("GET", "/agent_tokens"),
    "show": ("GET", "/agent_tokens/{token}"),
    "update": ("PUT", "/agent_tokens/{token}"),
    "delete": ("DELETE", "/agent_tokens/{token}"),
    "agents": ("GET", "/agent_tokens/{token}/agents"),
    "rotate": ("POST", "/agent_tokens/{token}/rotate"),
    "finish": ("POST", "/agent_tokens/{token}/rotate/finish"),
}

# What each caller gets with a body that is right. Words are the faults below.
_CALLERS = """
                  create  list    show    update  delete  agents  rotate  finish
admin             201     200     200     204     204     200     201     204
creator           201     200     200     204     role    200     201     204
observer          role    200     200     role    role    200     role    role
no_role           role    role    role    role    role    role    role    role
stranger          tenant  tenant  tenant  tenant  tenant  tenant  tenant  tenant
stranger_at_home  201     200     nothing nothing nothing parent  nothing nothing
expired           who     who     who     who     who     who     who     who
unknown           who     who     who     who     who     who     who     who
nobody            who     who     who     who     who     who     who     who
"""

# What each body does to those who may. `-` stands for what the table of callers says.
_SHAPES = """
                  create  update  rotate
empty_object      -       -       -
label             -       -       -
no_label          -       -       -
whole             -       -       -
unknown_only      -       -       -
no_body           body    body    -
empty_text        body    body    -
null              body    body    -
list              body    body    body
number            body    body    body
not_json          body    body    body
half              body    body    body
not_utf8          body    body    body
too_deep          body    body    body
too_large         large   large   large
label_number      key     key     -
label_long        key     key     -
past              key     key     -
no_agents         key     key     -
host_bits         key     key     -
no_maximum        key     key     -
overlap_long      -       -       key
overlap_text      -       -       key
xml               xml     xml     xml
wants_xml         json    json    json
"""

FAULTS = {
    "body": (400, "badRequest"),
    "key": (400, "badRequest"),
    "who": (401, "unauthorizedError"),
    "role": (403, "missingCapabilitiesError"),
    "tenant": (403, "forbiddenError"),
    "nothing": (404, "notFoundError"),
    "parent": (404, "parentNotFoundError"),
    "json": (406, "badRequest"),
    "large": (413, "requestTooLargeError"),
    "xml": (415, "badRequest"),
}

_WHOLE = {
    "label": "db hosts",
    "expires_at": 4_102_444_800_000,
    "allowed_agents": ["db-*", "web?"],
    "allowed_networks": ["10.0.0.0/8", "2001:db8::/32"],
    "max_agents": 3,
    "metadata": {"team": "db"},
}

BODIES: dict[str, Any] = {
    "empty_object": {},
    "label": {"label": "a label"},
    "no_label": {"label": None},
    "whole": _WHOLE,
    "unknown_only": {"lable": "a typing error", "id": "x", "token": "y"},
    "no_body": None,
    "empty_text": b"",
    "null": b"null",
    "list": b"[]",
    "number": b"1",
    "not_json": b"label=x",
    "half": b'{"label": "x"',
    "not_utf8": b'{"label": "\xff"}',
    "too_deep": b'{"a":' * 33 + b"1" + b"}" * 33,
    "too_large": b'{"label": "' + b"x" * (256 * 1024) + b'"}',
    "label_number": {"label": 5},
    "label_long": {"label": "x" * 256},
    "past": {"expires_at": 1},
    "no_agents": {"allowed_agents": []},
    "host_bits": {"allowed_networks": ["10.1.2.3/8"]},
    "no_maximum": {"max_agents": 0},
    "overlap_long": {"overlap": 30 * 24 * 3600 + 1},
    "overlap_text": {"overlap": "soon"},
    "xml": b"<agent_token/>",
    "wants_xml": {},
}

HEADERS = {"xml": {"Content-Type": "application/xml"}, "wants_xml": {"Accept": "application/xml"}}

KEYS = {
    "label_number": "label",
    "label_long": "label",
    "past": "expires_at",
    "no_agents": "allowed_agents",
    "host_bits": "allowed_networks.0",
    "no_maximum": "max_agents",
    "overlap_long": "overlap",
    "overlap_text": "overlap",
}

# In this order a request is looked at: whose body is too large is not asked for a role.
_STAGES = ("who", "large", "json", "xml", "tenant", "role")


def _grid(text: str) -> dict[str, dict[str, str]]:
    head, *rows = [line.split() for line in text.strip().splitlines()]
    return {name: dict(zip(head, cells, strict=True)) for name, *cells in rows}


CALLERS = _grid(_CALLERS)
SHAPES = _grid(_SHAPES)


def verdict(attempt: Attempt) -> str:
    """A status, or a word of `FAULTS`."""
    operation, caller, shape = attempt
    by_caller = CALLERS[caller][operation]
    by_shape = SHAPES[shape].get(operation, "-")
    if by_shape == "-":
        return by_caller
    staged = next((stage for stage in _STAGES if stage in {by_caller, by_shape}), None)
    if staged is not None:
        return staged
    # A change can only be judged beside the object it is to change.
    return by_caller if (by_caller, by_shape, operation) == ("nothing", "key", "update") else by_shape


class Attempt(NamedTuple):
    """One row of the table."""

    operation: str
    caller: str
    shape: str

    def __str__(self) -> str:
        return "-".join(self)


ATTEMPTS = [
    Attempt(operation, caller, shape)
    for operation in OPERATIONS
    for caller in CALLERS
    for shape in (SHAPES if operation in {"create", "update", "rotate"} else ["no_body"])
]
