"""remote.http: ask a url, follow where it leads, look into what comes back (reference: remote.http).

The parser is our own: a probe needs six headers and a bounded beginning of the body, and must bear what servers really
send. Reading a usual response takes it 7 us, httptools (compiled, no bounds of its own) 3 us, h11 86 us, and the whole
probe 75 us: one dependency more would gain a twentieth.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from typing import Any

from vedette.domain.metrics import Metric
from vedette.ports.clock import Clock, Entropy
from vedette.ports.probing import Address, Assignment, EgressDenied, ProbeResult, Resolve
from vedette.probes.certificates import Tls, certificate_metrics, tls_contexts
from vedette.probes.http.exchange import Response
from vedette.probes.http.head import BadResponse
from vedette.probes.http.matching import Content, InvalidExpression, content_of, find, text_of
from vedette.probes.http.request import InvalidRequest
from vedette.probes.http.url import InvalidUrl
from vedette.probes.http.visit import REDIRECTS, NameNotResolved, TooManyRedirects, Visit

RETURNED_LIMIT = 32 * 1024
"""Characters of the `body` metric (reference: "The maximum size of the content returned ... is 32k")."""

STATUS_LIMIT = 256


class HttpProbe:
    """The probe of check type `remote.http`."""

    def __init__(self, resolve: Resolve, now_ms: Clock, entropy: Entropy, tls: Tls | None = None) -> None:
        self._resolve = resolve
        self._now_ms = now_ms
        self._entropy = entropy
        self._tls = tls or tls_contexts()

    async def __call__(self, assignment: Assignment) -> ProbeResult:
        """Keeps `timeout_s`; whatever the target does becomes a result.

        Raises `Exhausted` when this process has run out of files, memory or ports, which is no fact about the target.
        """
        visit = Visit(assignment, self._resolve, self._tls, self._entropy)
        try:
            async with asyncio.timeout(assignment.timeout_s) as patience:
                response = await visit.final_response()
                return await self._result(assignment, response, visit.began)
        except EgressDenied:
            return _unavailable("prevented by ACL 'global'", visit.address)
        except TooManyRedirects:
            return _unavailable(f"stopped after {REDIRECTS} redirects", visit.address)
        except (BadResponse, InvalidUrl, InvalidRequest, InvalidExpression, NameNotResolved) as error:
            return _unavailable(str(error), visit.address)
        except OSError as error:
            if patience.expired():
                return _unavailable(f"timed out after {assignment.timeout_s} s", visit.address)
            return _unavailable(_worded(error), visit.address)

    async def _result(self, assignment: Assignment, response: Response, began: float) -> ProbeResult:
        content = content_of(response.head, response.body)
        found = await _looked_for(assignment.details, response, content)
        metrics = _metrics(response, content, began) | found
        if response.certificate is not None:
            metrics |= certificate_metrics(response.certificate, response.certificate_error, self._now_ms())
        return ProbeResult(
            available=True, status=_status(response, metrics), metrics=metrics, target=str(response.address)
        )


def _metrics(response: Response, content: Content, began: float) -> dict[str, Metric]:
    now = asyncio.get_running_loop().time()
    return {
        "code": Metric("s", str(response.head.code)),
        "duration": _milliseconds(now - began),
        "tt_connect": _milliseconds(response.connected_at - began),
        "tt_firstbyte": _milliseconds(response.first_byte_at - began),
        "bytes": Metric("i", len(content.data), "bytes"),
        "truncated": Metric("I", content.left_off, "bytes"),
    }


def _milliseconds(seconds: float) -> Metric:
    return Metric("I", round(seconds * 1000), "milliseconds")


async def _looked_for(details: Mapping[str, Any], response: Response, content: Content) -> dict[str, Metric]:
    """The metrics made of the body's text. Raises `InvalidExpression`, `BadResponse` when the text cannot be had."""
    expressions = {f"body_match_{key}": expression for key, expression in (details.get("body_matches") or {}).items()}
    if details.get("body"):
        expressions["body_match"] = details["body"]
    if not expressions and not details.get("include_body"):
        return {}
    if content.unknown_encoding:
        raise BadResponse(f"unknown content-encoding: {content.unknown_encoding}")
    text = text_of(response.head, content)
    found = await find(expressions, text)
    metrics = {name: Metric("s", match, "string") for name, match in found.items()}
    if details.get("include_body"):
        metrics["body"] = Metric("s", text[:RETURNED_LIMIT], "string")
    return metrics


def _status(response: Response, metrics: Mapping[str, Metric]) -> str:
    """`code=200,duration=12,bytes=345,truncated=0`, after `sslerror,` when the certificate is not to be trusted."""
    shown = ",".join(f"{name}={metrics[name].value}" for name in ("code", "duration", "bytes", "truncated"))
    return f"sslerror,{shown}" if response.certificate_error is not None else shown


def _unavailable(status: str, address: Address | None) -> ProbeResult:
    return ProbeResult(available=False, status=status[:STATUS_LIMIT], target=None if address is None else str(address))


def _worded(error: OSError) -> str:
    """Why there was no response, in the words of the operating system or of OpenSSL."""
    if isinstance(error, ssl.SSLError):
        return f"ssl error: {(error.reason or 'handshake failed').replace('_', ' ').lower()}"
    if error.errno is not None:
        return os.strerror(error.errno).lower()
    return str(error) or "connection lost"
