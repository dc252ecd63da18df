"""The server's own certificate authority and the certificates it signs.

`ca.pem` holds the CA's certificate and nothing else, for agents read only the first one of a file. Key and certificate
stand in one file, so that a crash never leaves two that do not fit.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vedette.adapters.local.files import LocalFailure, write_whole

_CA_LIFE = timedelta(days=3650)
_CA_RENEWAL = timedelta(days=900)  # before its end; longer than a certificate lives
_LIFE = timedelta(days=825)  # the longest that all clients take
_RENEWAL = timedelta(days=90)
_CLOCK_SKEW = timedelta(days=1)  # hosts whose clock is behind
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_EXPECTED = "a private key and its certificate, PEM, as this server wrote them (remove it for a new one)"


class CertificateError(LocalFailure):
    """A file of the CA or of a certificate is damaged."""


class Issued(NamedTuple):
    """A private key with its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def names(self) -> set[str]:
        """The subject alternative names, addresses in their usual spelling."""
        extension = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        dns = extension.value.get_values_for_type(x509.DNSName)
        return {*dns, *(str(address) for address in extension.value.get_values_for_type(x509.IPAddress))}

    def lives(self, now: datetime, margin: timedelta) -> bool:
        """Has begun (a clock was ahead otherwise) and goes on for longer than the margin."""
        return self.certificate.not_valid_before_utc <= now < self.certificate.not_valid_after_utc - margin

    @property
    def pem(self) -> bytes:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


class Authority:
    """The server's own CA, kept in a directory: `ca.pem` (0644) for everybody, `ca.key` (0600) for us."""

    def __init__(self, directory: Path, now: datetime) -> None:
        """Opens the CA, or makes it; renews it in time under the same key and name.

        So a copy of the old `ca.pem` works until that one ends. Raises `CertificateError`, `OSError`.
        """
        directory.mkdir(mode=0o700, exist_ok=True)
        self.ca_file = directory / "ca.pem"
        self._directory = directory
        self._now = now
        self._ca = self._open()
        public = self._ca.certificate.public_bytes(Encoding.PEM)
        if not self.ca_file.is_file() or self.ca_file.read_bytes() != public:
            write_whole(self.ca_file, public, 0o644)

    def certificate(self, name: str, names: Iterable[str]) -> Path:
        """The file `NAME.pem` (0600) with key and certificate for these names, loopback and the host name.

        Issued anew when it is missing, ends soon, lacks a name, has one too many, or is another CA's.
        """
        file = self._directory / f"{name}.pem"
        wanted = _wanted_names(names)
        found = _read(file)
        if found is None or not self._is_good(found, wanted):
            write_whole(file, self._issue(wanted).pem, 0o600)
        return file

    def _open(self) -> Issued:
        file = self._directory / "ca.key"
        found = _read(file)
        if found is not None and found.lives(self._now, _CA_RENEWAL):
            return found
        ca = _new_ca(found.key if found else ec.generate_private_key(ec.SECP256R1()), self._now)
        write_whole(file, ca.pem, 0o600)
        return ca

    def _is_good(self, found: Issued, wanted: set[str]) -> bool:
        return found.names == wanted and found.lives(self._now, _RENEWAL) and self._signed(found.certificate)

    def _signed(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self._ca.certificate)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _issue(self, names: set[str]) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(key, _name("Vedette server"), self._now, _LIFE)
            .issuer_name(self._ca.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(one) for one in sorted(names)]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca.key.public_key()), critical=False
            )
        )
        return Issued(key, builder.sign(self._ca.key, hashes.SHA256()))


def at(now_ms: int) -> datetime:
    """Aware UTC of a clock's milliseconds."""
    return datetime.fromtimestamp(now_ms / 1000, UTC)


def _new_ca(key: ec.EllipticCurvePrivateKey, now: datetime) -> Issued:
    """Named after its key: renewed it keeps its name, and two servers' CAs never share one."""
    name = _name("Vedette CA " + _key_identifier(key).digest.hex()[:8])
    builder = (
        _builder(key, name, now, _CA_LIFE)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return Issued(key, builder.sign(key, hashes.SHA256()))


def _builder(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(_key_identifier(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _wanted_names(names: Iterable[str]) -> set[str]:
    """Addresses in their usual spelling; a host name that no certificate can hold is left out."""
    host = socket.gethostname().lower()
    own = [host] if host.isascii() and 0 < len(host) <= 253 else []
    return {_spelt(name) for name in (*_LOOPBACK, *own, *names)}


def _spelt(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _read(file: Path) -> Issued | None:
    """None where there is no file. Raises `CertificateError` for one that is damaged."""
    try:
        pem = file.read_bytes()
        key, certificate = load_pem_private_key(pem, None), x509.load_pem_x509_certificate(pem)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(f"{file}: is damaged; expected {_EXPECTED}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise CertificateError(f"{file}: key and certificate do not belong together; expected {_EXPECTED}")
    return Issued(key, certificate)
