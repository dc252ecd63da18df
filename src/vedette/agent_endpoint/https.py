"""Plain HTTPS on the agent port: what stock agents ask for, and our CA for those who set up agents."""

from __future__ import annotations

import re

from vedette.wire.http import HttpRequest

_VERSION = re.compile(r"/upgrades/[^/]+/VERSION")
UPGRADES_ARE_OFF = b"0.0.0-0"
"""Stock agents check a signature that we cannot make; this version tells them to stay as they are."""


def answer(request: HttpRequest, ca_pem: bytes) -> bytes:
    """The whole response; the connection ends after it."""
    if request.method == "GET" and _VERSION.fullmatch(request.path):
        return _response("200 OK", "text/plain", UPGRADES_ARE_OFF)
    if request.method == "GET" and request.path == "/ca.pem":
        return _response("200 OK", "application/x-pem-file", ca_pem)
    if not request.method:
        return _response("400 Bad Request", "text/plain", b"Expected an agent's JSON line or an HTTP/1.1 request\n")
    return _response("404 Not Found", "text/plain", b"Not found\n")


def _response(status: str, media_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
