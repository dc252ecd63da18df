"""Faults as HTTP: the one place where they become answers (reference: faults)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from vedette.api.visits import visit_of
from vedette.domain.faults import Fault
from vedette.ports.unit import Conflict, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar import Request

JSON = "application/json; charset=utf-8"
_log = structlog.get_logger("vedette.api")


def body_of(fault: Fault, transaction_id: str) -> bytes:
    """As REST v1.0 answers it."""
    return msgspec.json.encode(
        {
            "type": fault.kind,
            "code": fault.code,
            "message": fault.message,
            "details": fault.details,
            "txnId": transaction_id,
            "request_id": transaction_id,
        }
    )


def identity_body_of(fault: Fault) -> bytes:
    """Identity's faults are nested: `{"unauthorized": {"code": 401, "message": ...}}`."""
    name = _IDENTITY_NAMES.get(fault.code, "identityFault")
    return msgspec.json.encode({name: {"code": fault.code, "message": fault.message}})


_IDENTITY_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    413: "overLimit",
    429: "overLimit",
    503: "serviceUnavailable",
}


def _answer(request: Request[Any, Any, Any], fault: Fault) -> Response[bytes]:
    visit = visit_of(request.scope)
    is_identity = visit.path.startswith("/v2.0")
    body = identity_body_of(fault) if is_identity else body_of(fault, visit.transaction_id)
    return Response(body, status_code=fault.code, headers=fault.headers, media_type=JSON)


def on_fault(request: Request[Any, Any, Any], fault: Fault) -> Response[bytes]:
    """What the core refuses."""
    return _answer(request, fault)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework itself refuses: unknown addresses and methods."""
    allowed = [method for method in _allowed(error).split(", ") if method != "OPTIONS"]
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _answer(request, NOTHING_HERE)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = ", ".join(sorted(allowed))
        fault = Fault(
            "badRequest", "Method not allowed", f"Expected one of: {methods}", code=405, headers={"Allow": methods}
        )
        return _answer(request, fault)
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(request, Fault("badRequest", "The request cannot be understood", error.detail))
    return on_error(request, error)


def _allowed(error: HTTPException) -> str:
    headers: Mapping[str, str] = error.headers or {}
    return next((value for name, value in headers.items() if name.lower() == "allow"), "")


def on_store_unavailable(request: Request[Any, Any, Any], error: StoreUnavailable) -> Response[bytes]:
    """Nothing of the request has happened."""
    _log.error("store_unavailable", txn=visit_of(request.scope).transaction_id, error=str(error))
    return _answer(request, unavailable("The store cannot be reached; nothing was changed"))


def on_conflict(request: Request[Any, Any, Any], conflict: Conflict) -> Response[bytes]:
    """What it was about went away while it was looked at, a tenant for one; nothing was changed."""
    _log.warning("conflict", txn=visit_of(request.scope).transaction_id, guard=conflict.guard)
    return _answer(request, unavailable("The object is being changed by others; nothing was changed"))


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """An internal failure: the log has the stack, the caller only the transaction id."""
    _log.error("internal_error", txn=visit_of(request.scope).transaction_id, exc_info=error)
    return _answer(request, Fault("internalError", "The system suffered an internal failure"))


def status_of(error: Exception) -> int:
    """What an error is answered with by the handlers below."""
    if isinstance(error, Fault):
        return error.code
    if isinstance(error, HTTPException):
        return error.status_code
    return 503 if isinstance(error, StoreUnavailable | Conflict) else 500


def unavailable(why: str) -> Fault:
    """The fault for what may go well in a second."""
    return Fault("systemFailureError", "The system is experiencing heavy load or another system failure", why,
                 headers={"Retry-After": "1"})  # fmt: skip


NOTHING_HERE = Fault("notFoundError", "Not found", "There is nothing at this address")

HANDLERS: dict[Any, Any] = {
    Fault: on_fault,
    Conflict: on_conflict,
    StoreUnavailable: on_store_unavailable,
    HTTPException: on_http_exception,
    Exception: on_error,
}
