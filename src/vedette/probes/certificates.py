"""Certificates of TLS servers as metrics (reference: remote.http, `cert_*`)."""

from __future__ import annotations

import ssl
from functools import lru_cache

import msgspec
from cryptography import x509

from vedette.domain.metrics import Metric

_NAMES_LIMIT = 4096
_TEXT_LIMIT = 1024
_UNREADABLE = (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


class Tls(msgspec.Struct, frozen=True):
    """Two ways to greet a server: only with a certificate that is to be trusted, or with any."""

    verifying: ssl.SSLContext
    accepting: ssl.SSLContext


def tls_contexts(authorities: str | None = None) -> Tls:
    """Trusting the machine's authorities, and those in `authorities` (PEM text) besides."""
    verifying, accepting = ssl.create_default_context(), ssl.create_default_context()
    if authorities is not None:
        verifying.load_verify_locations(cadata=authorities)
    accepting.check_hostname = False
    accepting.verify_mode = ssl.CERT_NONE
    return Tls(verifying, accepting)


class _Certificate(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    issuer: str
    alternative_names: str
    start: int  # seconds since the epoch
    end: int


def certificate_metrics(der: bytes, error: str | None, now_ms: int) -> dict[str, Metric]:
    """The documented set; `cert_error` only when there is one. Nothing but that for what cannot be read."""
    certificate = _read(der)
    if certificate is None:
        return {"cert_error": _text(error or "certificate cannot be read")}
    metrics = {
        "cert_start": Metric("I", certificate.start, "seconds"),
        "cert_end": Metric("I", certificate.end, "seconds"),
        "cert_end_in": Metric("i", certificate.end - now_ms // 1000, "seconds"),
        "cert_subject": _text(certificate.subject),
        "cert_issuer": _text(certificate.issuer),
        "cert_subject_alternative_names": _text(certificate.alternative_names, _NAMES_LIMIT),
    }
    return metrics if error is None else {**metrics, "cert_error": _text(error)}


@lru_cache(maxsize=1024)
def _read(der: bytes) -> _Certificate | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return _Certificate(
            subject=_shown(certificate.subject),
            issuer=_shown(certificate.issuer),
            alternative_names=", ".join(_alternative_names(certificate)),
            start=int(certificate.not_valid_before_utc.timestamp()),
            end=int(certificate.not_valid_after_utc.timestamp()),
        )
    except _UNREADABLE:
        return None


def _shown(name: x509.Name) -> str:
    """`/C=US/O=Example/CN=www.example.com`."""
    return "".join(f"/{part.rfc4514_attribute_name}={_plain(part.value)}" for part in name)


def _plain(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.hex()


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    ]


def _text(text: str, limit: int = _TEXT_LIMIT) -> Metric:
    return Metric("s", text[:limit].replace("\0", "\ufffd"), "string")
