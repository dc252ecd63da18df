"""Digest authentication (RFC 7616), the second method the reference names besides basic."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from vedette.probes.http.request import Request

_PARAMETER = re.compile(r'([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.IGNORECASE)
_HASHES: Mapping[str, Callable[[bytes], str]] = {
    # MD5 is what nearly every server asks for; the choice is the server's.
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


def digest_authorization(challenge: str, request: Request, credentials: bytes, cnonce: str) -> bytes | None:
    """The answer to a `WWW-Authenticate` header, None where it asks for nothing we know."""
    parameters = _parameters(challenge)
    algorithm = parameters.get("algorithm", "MD5").upper()
    base, is_session, _ = algorithm.partition("-SESS")
    qop = parameters.get("qop")
    if base not in _HASHES or "nonce" not in parameters or (qop is not None and "auth" not in _listed(qop)):
        return None
    user, _, password = credentials.partition(b":")
    realm, nonce, target = parameters.get("realm", ""), parameters["nonce"], request.url.target
    digest = _HASHES[base]
    secret = digest(b"%b:%b:%b" % (user, realm.encode(), password))
    if is_session:
        secret = digest(f"{secret}:{nonce}:{cnonce}".encode())
    asked = digest(b"%b:%b" % (request.method, target.encode()))
    middle = f"{nonce}:00000001:{cnonce}:auth" if qop is not None else nonce
    fields = {
        "username": user.decode("utf-8", "surrogateescape"),
        "realm": realm,
        "nonce": nonce,
        "uri": target,
        "response": digest(f"{secret}:{middle}:{asked}".encode()),
        **({"opaque": parameters["opaque"]} if "opaque" in parameters else {}),
    }
    quoted = [f'{name}="{_escaped(value)}"' for name, value in fields.items()]
    plain = [f"algorithm={algorithm}"] if "algorithm" in parameters else []
    counted = ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"'] if qop is not None else []
    return ("Digest " + ", ".join([*quoted, *plain, *counted])).encode("utf-8", "surrogateescape")


def _parameters(challenge: str) -> dict[str, str]:
    """Of the Digest challenge; several challenges may stand in one header."""
    at = challenge.lower().find("digest ")
    if at < 0:
        return {}
    parameters: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(challenge[at + len("digest ") :]):
        parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else bare)
    return parameters


def _listed(qop: str) -> list[str]:
    return [part.strip() for part in qop.lower().split(",")]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "")
