"""What must not be kept of a request: secrets in members, headers, urls and texts (api decisions: audits)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.notification_types import NOTIFICATION_TYPES
from vedette.domain.resources import ACCOUNT_ATTRIBUTES

REDACTED = "[redacted]"
_TOKEN = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}(?:\.[A-Za-z0-9:_-]{1,64})?\b", re.IGNORECASE)
_USER_OF_URL = re.compile(r"(://)[^/@\s\"\\]*@")
_DECLARED = (
    ACCOUNT_ATTRIBUTES,
    *(check_type.attributes for check_type in CHECK_TYPES.values()),
    *(notification_type.attributes for notification_type in NOTIFICATION_TYPES.values()),
)
_SECRET = frozenset({attribute.name for attributes in _DECLARED for attribute in attributes if attribute.secret}) | {
    "api_key", "apikey", "auth_password", "authorization", "cookie", "password", "proxy-authorization", "service_key",
    "token", "webhook_token", "x-auth-token", "x-forwarded-authorization",
}  # fmt: skip


def is_secret(name: str) -> bool:
    """Whether a member, header or query parameter of this name holds a secret."""
    return name.lower() in _SECRET


def redacted(value: Any) -> Any:
    """A JSON value without its secrets."""
    if isinstance(value, dict):
        return {name: REDACTED if item is not None and is_secret(name) else redacted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return redacted_text(value) if isinstance(value, str) else value


def redacted_text(text: str) -> str:
    """Agent and identity tokens are cut to 8 characters, users and passwords of urls are left out."""
    return _USER_OF_URL.sub(rf"\1{REDACTED}@", _TOKEN.sub(r"\1...", text))


def redacted_object(public: bytes) -> msgspec.Raw:
    """A stored JSON object without its secrets."""
    return msgspec.Raw(msgspec.json.encode(redacted(msgspec.json.decode(public))))
