"""Faults: what a caller is told when something cannot be done (reference: faults).

Raised anywhere in the core and mapped to HTTP in one place (`api.faults`). A fault never repeats a secret: what looks
like one is cut, for ids come out of paths and names out of bodies, where somebody may have put anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from vedette.domain.redaction import deep_without_keys, without_keys

CODES: Mapping[str, int] = MappingProxyType(
    {
        "badRequest": 400,
        "requiredNotFoundError": 400,
        "invalidLimit": 400,
        "childrenExistError": 400,
        "alarmParseError": 400,
        "invalidKeyPrefix": 400,
        "agentNotConnected": 400,
        "agentDoesNotExist": 400,
        "limitReached": 400,
        "rateLimitReached": 429,
        "indexCardinalityConstraintViolation": 400,
        "unauthorizedError": 401,
        "forbiddenError": 403,
        "missingCapabilitiesError": 403,
        "notFoundError": 404,
        "parentNotFoundError": 404,
        "checkDoesNotSupportTargets": 400,
        "requestTimeout": 500,
        "requestTooLargeError": 413,
        "internalError": 500,
        "notImplementedError": 501,
        "systemFailureError": 503,
    }
)


class Fault(Exception):
    """Answered as `{"type", "code", "message", "details", "txnId", "request_id"}`."""

    def __init__(
        self,
        kind: str,
        message: str,
        details: Any = None,
        *,
        code: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.message = without_keys(message)
        self.details = deep_without_keys(details)
        super().__init__(f"{kind}: {self.message}")
        self.code = CODES[kind] if code is None else code
        self.headers = dict(headers or {})


def invalid(key: str, expected: str) -> Fault:
    """A value that does not fit: names the key (`details.url`) and says what was expected."""
    return Fault("badRequest", f"Validation error for key '{key}'", expected)


def bad_request(message: str, details: str) -> Fault:
    """A request that cannot be understood at all; `details` says what was expected."""
    return Fault("badRequest", message, details)


def not_found(noun: str, key: str) -> Fault:
    """The same answer for an object of another tenant and for none."""
    return Fault("notFoundError", "Object does not exist", f'Object "{noun}" with key "{key}" does not exist')


def parent_not_found(noun: str, key: str) -> Fault:
    """The object of a path that the wanted one would belong to."""
    return Fault("parentNotFoundError", "Parent does not exist", f'Object "{noun}" with key "{key}" does not exist')


def required_not_found(noun: str, key: str) -> Fault:
    """An object that the body refers to."""
    return Fault(
        "requiredNotFoundError", "Required object does not exist", f'Object "{noun}" with key "{key}" does not exist'
    )
