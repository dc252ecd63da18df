import asyncio
import ssl
from ipaddress import ip_address

import pytest

from tests.doors.probes.authority import END, LONG_AGO, START, Authority
from tests.doors.probes.targets import NOW_MS, Names, Site, assignment, probe, response, serving, values
from vedette.domain.metrics import Metric
from vedette.ports.probing import ProbeResult
from vedette.probes.certificates import certificate_metrics, tls_contexts

AUTHORITY = Authority()
HERE = {name: [ip_address("127.0.0.1")] for name in ("www.example", "other.example")}


async def visit(server: ssl.SSLContext, host: str = "www.example", pem: str = AUTHORITY.pem) -> ProbeResult:
    async with serving(Site(response(b"hello")), tls=server) as port:
        return await probe(assignment(f"https://{host}:{port}/"), Names(HERE), tls_contexts(pem))


async def test_a_trusted_certificate_becomes_the_documented_metrics() -> None:
    result = await visit(AUTHORITY.server("www.example", "10.1.2.3"))

    assert result.available
    assert result.status.startswith("code=200,")
    assert {name: metric for name, metric in result.metrics.items() if name.startswith("cert_")} == {
        "cert_start": Metric("I", int(START.timestamp()), "seconds"),
        "cert_end": Metric("I", int(END.timestamp()), "seconds"),
        "cert_end_in": Metric("i", int(END.timestamp()) - NOW_MS // 1000, "seconds"),
        "cert_subject": Metric("s", "/CN=www.example", "string"),
        "cert_issuer": Metric("s", "/C=CH/O=Alice's authority", "string"),
        "cert_subject_alternative_names": Metric("s", "www.example, 10.1.2.3", "string"),
    }


async def test_an_address_in_the_url_is_found_in_the_certificate() -> None:
    result = await visit(AUTHORITY.server("127.0.0.1"), host="127.0.0.1")

    assert result.status.startswith("code=200,")


@pytest.mark.parametrize(
    ("server", "error"),
    [
        (AUTHORITY.server("www.example", end=LONG_AGO), "certificate has expired"),
        (AUTHORITY.server("other.example"), "Hostname mismatch, certificate is not valid for 'www.example'."),
        (Authority("Nobody").server("www.example"), "unable to get local issuer certificate"),
    ],
)
async def test_a_certificate_not_to_be_trusted_is_an_error_and_no_unavailability(
    server: ssl.SSLContext, error: str
) -> None:
    result = await visit(server)

    assert result.available
    assert result.status.startswith("sslerror,code=200,")
    assert values(result)["cert_error"] == error
    assert values(result)["cert_subject"]


async def test_an_expired_certificate_has_a_negative_time_left() -> None:
    result = await visit(AUTHORITY.server("www.example", end=LONG_AGO))

    assert values(result)["cert_end_in"] == int(LONG_AGO.timestamp()) - NOW_MS // 1000 < 0


async def test_the_name_sent_in_the_handshake_is_the_urls_also_with_a_target() -> None:
    seen: list[str | None] = []
    server = AUTHORITY.server("www.example")
    server.sni_callback = lambda _socket, name, _context: seen.append(name)
    async with serving(Site(response()), tls=server) as port:
        asked = assignment(f"https://www.example:{port}/", target="127.0.0.1")
        result = await probe(asked, Names(), tls_contexts(AUTHORITY.pem))

    assert seen == ["www.example"]
    assert result.status.startswith("code=200,")


async def test_a_redirect_to_https_shows_the_certificate_of_where_it_ends() -> None:
    async with serving(Site(response(b"there")), tls=AUTHORITY.server("www.example")) as there:
        moved = response(status="301 Moved", location=f"https://www.example:{there}/")
        async with serving(Site(moved)) as here:
            result = await probe(assignment(f"http://other.example:{here}/"), Names(HERE), tls_contexts(AUTHORITY.pem))

    assert values(result)["cert_subject"] == "/CN=www.example"


async def test_times_grow_from_connect_over_handshake_to_first_byte() -> None:
    result = values(await visit(AUTHORITY.server("www.example")))

    assert 0 <= result["tt_connect"] <= result["tt_firstbyte"] <= result["duration"]


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 1000, b"\x16\x03\x01\xff\xff" * 300]
)
async def test_a_server_that_speaks_no_tls_is_a_result(garbage: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(garbage)
        await writer.drain()

    async with serving(handle) as port:
        result = await probe(assignment(f"https://127.0.0.1:{port}/"))

    assert not result.available
    assert result.status.startswith(("ssl error: ", "connection "))


async def test_a_handshake_that_never_goes_on_meets_the_time_out() -> None:
    async def stop(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(stop) as port:
        result = await probe(assignment(f"https://127.0.0.1:{port}/", timeout_s=1))

    assert (result.available, result.status) == (False, "timed out after 1 s")


async def test_a_connection_closed_in_the_handshake_is_a_result() -> None:
    async def close(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(10_000)

    async with serving(close) as port:
        result = await probe(assignment(f"https://127.0.0.1:{port}/"))

    assert not result.available
    assert not result.status.startswith("timed out")


def test_a_certificate_that_cannot_be_read_is_an_error() -> None:
    assert certificate_metrics(b"garbage", None, NOW_MS) == {
        "cert_error": Metric("s", "certificate cannot be read", "string")
    }
