import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from vedette.adapters.local.certificates import Authority, CertificateError, at

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def loaded(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def names(file: Path) -> set[str]:
    extension = loaded(file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = extension.get_values_for_type(x509.IPAddress)
    return {*extension.get_values_for_type(x509.DNSName), *map(str, addresses)}


def handshake(server_file: Path, ca_file: Path, name: str) -> str:
    """A real TLS handshake, the client checking the name; gives the protocol version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)
            except OSError:  # the client did not like the certificate
                return

    server = threading.Thread(target=serve)
    server.start()
    client = ssl.create_default_context(cafile=str(ca_file))
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    try:
        with (
            socket.create_connection(listener.getsockname()) as raw,
            client.wrap_socket(raw, server_hostname=name) as secured,
        ):
            return str(secured.version())
    finally:
        server.join()
        listener.close()


@pytest.fixture
def today() -> datetime:
    """Handshakes are judged by the machine's clock."""
    return datetime.now(UTC)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "agents.example", "192.0.2.7"])
def test_a_client_with_the_ca_file_trusts_the_server_by_each_of_its_names(
    name: str, tmp_path: Path, today: datetime
) -> None:
    authority = Authority(tmp_path / "tls", today)
    file = authority.certificate("agent", ["Agents.Example", "192.0.2.7"])

    assert handshake(file, authority.ca_file, name) == "TLSv1.3"


def test_a_client_refuses_a_name_that_is_not_there(tmp_path: Path, today: datetime) -> None:
    authority = Authority(tmp_path / "tls", today)

    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(authority.certificate("agent", []), authority.ca_file, "other.example")


def test_a_client_with_another_servers_ca_refuses(tmp_path: Path, today: datetime) -> None:
    ours, theirs = Authority(tmp_path / "ours", today), Authority(tmp_path / "theirs", today)

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ours.certificate("agent", []), theirs.ca_file, "localhost")


def test_loopback_and_the_host_name_are_always_in(tmp_path: Path) -> None:
    file = Authority(tmp_path / "tls", NOW).certificate("agent", ["::1", "2001:0DB8::1"])

    assert names(file) == {"localhost", "127.0.0.1", "::1", "2001:db8::1", socket.gethostname().lower()}


def test_keys_are_for_the_owner_and_the_ca_certificate_alone_is_for_everybody(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls", NOW)
    authority.certificate("agent", [])

    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "agent.pem": 0o600}
    text = authority.ca_file.read_text()
    assert text.startswith("-----BEGIN CERTIFICATE-----")
    assert text.count("-----BEGIN") == 1


def test_nothing_changes_when_nothing_needs_to(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    Authority(folder, NOW).certificate("agent", ["a.example"])
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    Authority(folder, NOW + timedelta(days=300)).certificate("agent", ["a.example"])

    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.mark.parametrize("wanted", [["a.example", "b.example"], []])
def test_other_names_mean_another_certificate_of_the_same_ca(wanted: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = loaded(Authority(folder, NOW).certificate("agent", ["a.example"]))
    authority = Authority(folder, NOW)

    second = loaded(authority.certificate("agent", wanted))

    assert first.serial_number != second.serial_number
    second.verify_directly_issued_by(loaded(authority.ca_file))


def test_a_certificate_near_its_end_is_renewed(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = loaded(Authority(folder, NOW).certificate("agent", []))
    later = first.not_valid_after_utc - timedelta(days=60)

    second = loaded(Authority(folder, later).certificate("agent", []))

    assert second.not_valid_after_utc > later + timedelta(days=800)


def test_a_certificate_from_a_clock_that_was_ahead_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    Authority(folder, NOW + timedelta(days=1000)).certificate("agent", [])

    authority = Authority(folder, NOW)

    assert loaded(authority.ca_file).not_valid_before_utc < NOW
    assert loaded(authority.certificate("agent", [])).not_valid_before_utc < NOW


def test_a_ca_near_its_end_is_renewed_so_that_copies_of_the_old_one_go_on_working(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    authority = Authority(folder, NOW)
    old = loaded(authority.ca_file)
    later = old.not_valid_after_utc - timedelta(days=700)

    renewed = Authority(folder, later)
    issued = loaded(renewed.certificate("agent", []))

    assert loaded(renewed.ca_file).not_valid_after_utc > old.not_valid_after_utc
    issued.verify_directly_issued_by(loaded(renewed.ca_file))
    issued.verify_directly_issued_by(old)


def test_a_certificate_of_another_ca_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    Authority(folder, NOW).certificate("agent", [])
    (folder / "ca.key").unlink()

    authority = Authority(folder, NOW)

    loaded(authority.certificate("agent", [])).verify_directly_issued_by(loaded(authority.ca_file))


@pytest.mark.parametrize("name", ["ca.pem", "agent.pem"])
def test_a_file_that_was_removed_is_made_again(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    Authority(folder, NOW).certificate("agent", [])
    ca = (folder / "ca.pem").read_bytes()
    (folder / name).unlink()

    Authority(folder, NOW).certificate("agent", [])

    assert (folder / name).is_file()
    assert (folder / "ca.pem").read_bytes() == ca


@pytest.mark.parametrize("name", ["ca.key", "agent.pem"])
@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_file_is_told_by_name_and_left_alone(name: str, text: str, tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    Authority(folder, NOW).certificate("agent", [])
    (folder / name).write_text(text)

    with pytest.raises(CertificateError, match=f"{name}: is damaged; expected"):
        Authority(folder, NOW).certificate("agent", [])

    assert (folder / name).read_text() == text


def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    Authority(one, NOW).certificate("agent", [])
    Authority(two, NOW).certificate("agent", [])
    key = (one / "agent.pem").read_text().split("-----BEGIN CERTIFICATE", maxsplit=1)[0]
    certificate = (two / "agent.pem").read_text().split("-----END PRIVATE KEY-----\n")[1]
    (one / "agent.pem").write_text(key + certificate)

    with pytest.raises(CertificateError, match="do not belong together"):
        Authority(one, NOW).certificate("agent", [])


def test_the_clock_s_milliseconds_become_aware_utc() -> None:
    assert at(1_893_456_000_000) == NOW
