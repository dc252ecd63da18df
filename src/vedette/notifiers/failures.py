"""Why an attempt failed, in the words of the reference: `ECONNREFUSED, Connection refused`. Never a url."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator

import httpcore

from vedette.notifiers.egress import NameNotFoundError
from vedette.ports.probing import EgressDenied

TIMED_OUT = "ETIMEDOUT, Connection timed out"


def failure_message(failure: Exception) -> str:
    """The message of an attempt that ended in an exception."""
    if isinstance(failure, EgressDenied):
        return "prevented by ACL 'global'"
    if isinstance(failure, NameNotFoundError):
        return "ENOTFOUND, Domain name not found"
    if isinstance(failure, TimeoutError | httpcore.TimeoutException):
        return TIMED_OUT
    for cause in _causes(failure):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"CERT_UNTRUSTED, {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "EPROTO, TLS handshake failed"
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno in errno.errorcode:
            return f"{errno.errorcode[cause.errno]}, {os.strerror(cause.errno)}"
    return _without_cause(failure)


def _without_cause(failure: Exception) -> str:
    if isinstance(failure, httpcore.ProtocolError) and "disconnected" not in str(failure):
        return "EPROTO, The answer is not HTTP"
    return "ECONNRESET, Connection closed without an answer"


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__
