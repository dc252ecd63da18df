"""What is recorded of a write request, with every secret redacted: in headers, url and payload alike."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from vedette.services.redaction import redacted_body, redacted_headers, redacted_parameter, redacted_path
from vedette.services.requests import AuditDraft

if TYPE_CHECKING:
    from litestar.types import Scope

_MOST_TEXT = 255
_MOST_HEADER = 1024


def draft(scope: Scope, app: str, method: str) -> AuditDraft:
    """What is known before the body is read."""
    query = scope["query_string"].decode("latin-1")
    given = parse_qsl(query, keep_blank_values=True) if query else ()
    shown = dict(redacted_parameter(name, value) for name, value in given)
    return AuditDraft(
        app=app,
        method=method,
        url=redacted_path(scope["raw_path"].decode("latin-1")),
        query=shown or None,
        headers=redacted_headers(scope["headers"], _MOST_HEADER),
        payload=None,
        who=shown.get("_who", "")[:_MOST_TEXT] or None,
        why=shown.get("_why", "")[:_MOST_TEXT] or None,
    )


def with_body(draft: AuditDraft, body: bytes) -> AuditDraft:
    """The draft with what was sent, once that is read."""
    return msgspec.structs.replace(draft, payload=payload(body)) if body else draft


def payload(body: bytes) -> str:
    """The body as text, secrets in it redacted; what is no JSON object is not kept, for nobody knows what is in it."""
    try:
        value = msgspec.json.decode(body)
        if not isinstance(value, dict):
            return f"[{len(body)} bytes that are not a JSON object]"
        return msgspec.json.encode(redacted_body(value)).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError):
        return f"[{len(body)} bytes that are not JSON]"
