"""What must not be kept of a request: secrets in members, headers, urls and texts (api decisions: audits)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, AnyStr, TypeVar
from urllib.parse import quote, unquote

import msgspec

from vedette.domain.attributes import Attribute, Hash
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.notification_types import NOTIFICATION_TYPES
from vedette.domain.redaction import without_keys, without_tokens
from vedette.domain.resources import ACCOUNT_ATTRIBUTES, AGENT_TOKEN_ATTRIBUTES, RESOURCES
from vedette.domain.token_attributes import ROTATION_ATTRIBUTES

REDACTED = "[redacted]"
_USER_OF_URL = re.compile(r"(://)[^/\s\"\\]*@")
_LONGEST_SEGMENT = 64
_DECLARED: tuple[Attribute, ...] = (
    *ACCOUNT_ATTRIBUTES,
    *AGENT_TOKEN_ATTRIBUTES,
    *ROTATION_ATTRIBUTES,
    *(attribute for resource in RESOURCES.values() for attribute in resource.attributes),
    *(attribute for check_type in CHECK_TYPES.values() for attribute in check_type.attributes),
    *(attribute for notification_type in NOTIFICATION_TYPES.values() for attribute in notification_type.attributes),
)
_SECRET = frozenset(attribute.name for attribute in _DECLARED if attribute.secret)
_SECRET_NAME = re.compile(
    r"token|passw(?:or)?d|passphrase|pwd|secret|credential|authorization|cookie|signature"
    r"|(?:api|auth|service|access|private|encryption)[-_ ]?key"
)
_OURS = frozenset(
    {"id", "entity_id", "created_at", "updated_at", "active_suppressions", "scheduled_suppressions", "timestamp"}
)
_KNOWN = frozenset(attribute.name for attribute in _DECLARED) | _OURS
_FREE = frozenset(attribute.name for attribute in _DECLARED if isinstance(attribute.type, Hash))
_HARMLESS_HEADERS = frozenset(
    {
        "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection",
        "content-encoding", "content-length", "content-type", "date", "expect", "forwarded", "host", "if-match",
        "if-none-match", "origin", "pragma", "referer", "te", "traceparent", "tracestate", "transfer-encoding",
        "upgrade-insecure-requests", "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
        "x-forwarded-proto", "x-real-ip", "x-request-id", "x-requested-with", "x-tenant-id",
    }
)  # fmt: skip
_HARMLESS_QUERY = frozenset({"_who", "_why", "keep"})
_SHORTENED = re.compile(r"[0-9a-f]{8}\.\.\.")
_Text = Callable[[str], str]
_T = TypeVar("_T")
_LONGEST_REMEMBERED = 256  # characters
_MOST_REMEMBERED = 4096


def _remembering(decide: Callable[..., _T]) -> Callable[..., _T]:
    """Remembers what was decided of short texts: the same few names, headers and paths come with every request."""
    remembered = lru_cache(_MOST_REMEMBERED)(decide)

    def deciding(*texts: AnyStr) -> _T:
        return (remembered if sum(map(len, texts)) <= _LONGEST_REMEMBERED else decide)(*texts)

    return deciding


@_remembering
def is_secret(name: str) -> bool:
    """Whether a member of this name holds a secret."""
    lower = name.lower()
    return lower in _SECRET or _SECRET_NAME.search(lower) is not None


_OPEN = frozenset(name for name in _KNOWN if not is_secret(name))


def redacted(value: Any) -> Any:
    """A JSON value of ours without its secrets."""
    return _redacted(value, redacted_text)


def _redacted(value: Any, text: _Text) -> Any:
    if isinstance(value, dict):
        return {
            name if name in _KNOWN else text(name): REDACTED
            if name not in _OPEN and _hides(name, item)
            else (None if item is None else _redacted(item, text))
            for name, item in value.items()
        }
    if isinstance(value, str):
        return text(value)
    return [_redacted(item, text) for item in value] if isinstance(value, list | tuple) else value


def _hides(name: str, item: Any) -> bool:
    """Whether a member must not be shown; null and what is shortened already tell nothing."""
    return item is not None and is_secret(name) and not (isinstance(item, str) and _SHORTENED.fullmatch(item))


def redacted_body(value: Any) -> Any:
    """The same of what somebody sent. What no resource declares may be anything, a secret in a wrong place too."""
    if isinstance(value, dict):
        return {_in_the_open(name): _redacted_member(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [redacted_body(item) for item in value]
    return _in_the_open(value) if isinstance(value, str) else value


def _redacted_member(name: str, item: Any) -> Any:
    if item is None:
        return None
    if name not in _OPEN:
        return REDACTED
    return _redacted(item, _in_the_open) if name in _FREE else redacted_body(item)


def redacted_headers(pairs: Iterable[tuple[bytes, bytes]], longest: int) -> dict[str, str]:
    """Of a header that is not known to be harmless nothing is kept but its name; values are cut to `longest`."""
    shown = dict([_redacted_header(name, value) for name, value in pairs])
    return {name: value[:longest] for name, value in shown.items()}


@_remembering
def _redacted_header(name: bytes, value: bytes) -> tuple[str, str]:
    plain, text = name.decode("latin-1"), value.decode("latin-1")
    return without_keys(plain), _in_the_open(text) if plain in _HARMLESS_HEADERS else REDACTED


def redacted_parameter(name: str, value: str) -> tuple[str, str]:
    """The same of a query's parameter: (name, value). What has no value may be one."""
    if name in _HARMLESS_QUERY:
        return name, _in_the_open(value)
    return (without_keys(name), REDACTED) if value else (REDACTED, "")


def redacted_path(raw: str) -> str:
    """A path as it was asked for; every segment that may be a token, however it is escaped, is cut."""
    return "/".join(_redacted_segment(segment) for segment in raw.split("/"))


@_remembering
def _redacted_segment(segment: str) -> str:
    plain = unquote(segment, errors="replace") if "%" in segment else segment
    cut = without_keys(plain)
    if cut == plain and len(plain) <= _LONGEST_SEGMENT:
        return segment
    return quote(cut if len(cut) <= _LONGEST_SEGMENT else f"{cut[:8]}...", safe=":.@")


def _in_the_open(text: str) -> str:
    return without_keys(_USER_OF_URL.sub(rf"\1{REDACTED}@", text) if "://" in text else text)


def redacted_text(text: str) -> str:
    """Agent and identity tokens are cut to 8 characters, users and passwords of urls are left out."""
    text = without_tokens(text)
    return _USER_OF_URL.sub(rf"\1{REDACTED}@", text) if "://" in text else text


def redacted_object(public: bytes) -> msgspec.Raw:
    """A stored JSON object without its secrets."""
    return msgspec.Raw(msgspec.json.encode(redacted(msgspec.json.decode(public))))
