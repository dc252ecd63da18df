"""A peer from Debian: Icinga 2's API, one host object behind basic authentication (packages icinga2-bin)."""

from __future__ import annotations

import base64
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.servers import pinned

PROGRAM = "icinga2"
MISSING = "Icinga 2 is not installed (Debian package icinga2-bin): its comparison is skipped"
REQUEST = (
    "GET /v1/objects/hosts/h1 HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
    f"Authorization: Basic {base64.b64encode(b'bench:bench').decode()}\r\n\r\n"
)
_START_S = 20.0
_CONFIG = """
const NodeName = "bench"
const ZoneName = "bench"
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object ApiListener "api" {{ bind_host = "127.0.0.1"; bind_port = {port} }}
object ApiUser "bench" {{ password = "bench"; permissions = [ "*" ] }}
object CheckCommand "dummy" {{ command = [ "/bin/true" ] }}
object Host "h1" {{ check_command = "dummy"; enable_active_checks = false }}
"""


def is_installed() -> bool:
    """Whether there is anything to compare with."""
    return shutil.which(PROGRAM) is not None


@contextmanager
def icinga() -> Iterator[int]:
    """The port of its API; ends the daemon afterwards."""
    with tempfile.TemporaryDirectory(prefix="icinga-") as folder:
        home, port = Path(folder), _free_port()
        for name in ("data/certs", "log", "cache", "run"):
            (home / name).mkdir(parents=True)
        (home / "icinga2.conf").write_text(_CONFIG.format(port=port))
        _certificate(home / "data" / "certs")
        user = pwd.getpwnam("nagios")
        for path in (home, *home.rglob("*")):
            shutil.chown(path, user.pw_uid, user.pw_gid)
        places = {"DataDir": "data", "LogDir": "log", "CacheDir": "cache", "InitRunDir": "run", "SpoolDir": "."}
        defines = [f"-D{name}={home / place}" for name, place in places.items()]
        command = [PROGRAM, "daemon", f"-c{home / 'icinga2.conf'}", "-xcritical", *defines]
        process = subprocess.Popen(pinned(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = monotonic() + _START_S
    while monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            sleep(0.1)
        else:
            return
    raise RuntimeError(f"Icinga 2 did not listen within {_START_S:.0f} s")


def _certificate(folder: Path) -> None:
    """A self-signed one: its own CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "bench.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    (folder / "bench.crt").write_bytes(pem)
    (folder / "ca.crt").write_bytes(pem)
