import gzip
import os
import resource
import socket
import zlib
from ipaddress import ip_address
from typing import Any

import pytest

from tests.doors.probes.targets import Names, Site, answer, assignment, probe, response, serving, values
from vedette.domain.metrics import Metric
from vedette.probes.http.body import BODY_LIMIT
from vedette.probes.http.exchange import Exhausted


async def test_a_response_becomes_the_documented_metrics() -> None:
    result = await answer(response(b"hello"))

    assert result.available
    assert result.target == "127.0.0.1"
    assert {name: (metric.type, metric.unit) for name, metric in result.metrics.items()} == {
        "code": ("s", "unknown"),
        "duration": ("I", "milliseconds"),
        "tt_connect": ("I", "milliseconds"),
        "tt_firstbyte": ("I", "milliseconds"),
        "bytes": ("i", "bytes"),
        "truncated": ("I", "bytes"),
    }
    assert (result.metrics["code"].value, result.metrics["bytes"].value) == ("200", 5)
    assert result.status == f"code=200,duration={result.metrics['duration'].value},bytes=5,truncated=0"


async def test_times_grow_from_connect_to_first_byte_to_the_end() -> None:
    result = values(await answer(response(b"hello")))

    assert 0 <= result["tt_connect"] <= result["tt_firstbyte"] <= result["duration"]


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "503", "299 "])
async def test_any_status_code_is_an_available_observation(status: str) -> None:
    result = await answer(response(status=status))

    assert result.available
    assert result.metrics["code"] == Metric("s", status[:3])


async def test_the_request_is_a_plain_one_of_its_own() -> None:
    async with serving(site := Site(response())) as port:
        await probe(assignment(f"http://127.0.0.1:{port}/a b?q=%20ü#part"))

    line, *headers = site.request.split("\r\n")
    assert line == "GET /a%20b?q=%20%C3%BC HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in headers
    assert "Connection: close" in headers
    assert not [header for header in headers if header.startswith("Content-Length")]


async def test_method_headers_payload_and_basic_authentication_are_sent() -> None:
    details: dict[str, Any] = {"method": "POST", "headers": {"X-Key": "ü", "accept": "text/plain"}, "payload": "größe"}
    async with serving(site := Site(response())) as port:
        await probe(assignment(f"http://127.0.0.1:{port}", auth_user="bob", auth_password="pass", **details))

    head, _, body = site.request.partition("\r\n\r\n")
    assert head.startswith("POST / HTTP/1.1\r\n")
    assert {"X-Key: ü", "accept: text/plain", "Content-Length: 7", "Authorization: Basic Ym9iOnBhc3M="} <= set(
        head.split("\r\n")
    )
    assert "Accept: */*" not in head
    assert body == "größe"


async def test_user_and_password_in_the_url_are_sent_and_not_shown() -> None:
    async with serving(site := Site(response())) as port:
        result = await probe(assignment(f"http://bob:p%40ss@127.0.0.1:{port}/"))

    assert "Authorization: Basic Ym9iOnBAc3M=" in site.request.split("\r\n")
    assert "bob" not in site.request.split("\r\n")[1]
    assert "p@ss" not in repr(result)


async def test_the_target_is_connected_to_and_the_url_names_the_host() -> None:
    names = Names({"elsewhere.example": [ip_address("127.0.0.1")]})
    async with serving(site := Site(response())) as port:
        result = await probe(assignment(f"http://www.example:{port}/", target="elsewhere.example"), names)

    assert result.available
    assert names.asked == [("elsewhere.example", port)]
    assert f"Host: www.example:{port}" in site.request.split("\r\n")


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with serving(Site(response())) as port:
        names = Names({"two.example": [ip_address("127.0.0.2"), ip_address("127.0.0.1")]})
        result = await probe(assignment(f"http://two.example:{port}/"), names)

    assert result.available
    assert result.target == "127.0.0.1"


async def test_a_refused_connection_is_said_so() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        result = await probe(assignment(f"http://127.0.0.1:{bound.getsockname()[1]}/"))

    assert (result.available, result.status, result.metrics) == (False, "connection refused", {})
    assert result.target == "127.0.0.1"


async def test_a_denied_address_is_prevented_by_the_acl() -> None:
    result = await probe(assignment("http://169.254.169.254/latest/meta-data/"))

    assert (result.available, result.status, result.metrics) == (False, "prevented by ACL 'global'", {})


async def test_a_name_without_address_is_said_so() -> None:
    result = await probe(assignment("http://nowhere.example/"), Names(missing=["nowhere.example"]))

    assert (result.available, result.status) == (False, "could not resolve nowhere.example")


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "http://a:99999/", "http://[::1/", f"http://{'a' * 300}/", "x"])
async def test_an_impossible_url_is_a_result(url: str) -> None:
    result = await probe(assignment(url))

    assert not result.available
    assert "url" in result.status


@pytest.mark.parametrize("headers", [{"A B": "x"}, {"A": "x\r\nHost: evil"}, {"Host": "evil"}, {"": "x"}])
async def test_a_header_that_cannot_be_sent_is_named_and_its_value_not_shown(headers: dict[str, str]) -> None:
    result = await probe(assignment("http://127.0.0.1:9/", headers=headers))

    assert not result.available
    assert result.status.startswith("invalid header")
    assert "evil" not in result.status


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: x\r\n\r\n",
            "hello!",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n0\r\n", "hello!"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello!", "hello!"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello!", "hello!"),
        (b"HTTP/1.1 200 OK\nContent-Length: 6\n\nhello!", "hello!"),
        (b"HTTP/1.1 200\r\nContent-Length: 6, 6\r\n\r\nhello!and more", "hello!"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello!", "hello!"),
        (response(gzip.compress(b"hello!", mtime=0), content_encoding="gzip"), "hello!"),
        (response(zlib.compress(b"hello!"), content_encoding="deflate"), "hello!"),
        (response(zlib.compress(b"hello!", wbits=-15), Content_Encoding="deflate"), "hello!"),
        (response("grün".encode("latin-1"), content_type="text/html; charset=ISO-8859-1"), "grün"),
        (response("grün".encode("latin-1")), "gr\ufffdn"),
        (response("grün".encode(), content_type="text/html; charset=zlib"), "grün"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ""),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x00\x01", ""),
    ],
)
async def test_every_kind_of_body_is_read(raw: bytes, body: str) -> None:
    result = await answer(raw, include_body=True)

    assert result.available, result.status
    assert result.metrics["body"].value == body


async def test_a_response_without_end_mark_is_over_when_its_length_says_so() -> None:
    async def stay_open(reader: object, writer: object) -> None:
        await Site(response(b"hello"))(reader, writer)  # type: ignore[arg-type]
        await reader.read()  # type: ignore[attr-defined]

    async with serving(stay_open) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/"))

    assert result.available


async def test_head_has_no_body() -> None:
    result = await answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", method="HEAD")

    assert result.available
    assert result.metrics["bytes"].value == 0


async def test_a_long_body_is_considered_up_to_its_limit() -> None:
    result = await answer(response(b"x" * BODY_LIMIT + b"yyyyy"), body="y", body_matches={"end": "x$"})

    assert result.available
    assert result.metrics["bytes"].value == BODY_LIMIT
    assert result.metrics["truncated"].value == 5
    assert result.metrics["body_match"].value == ""
    assert result.metrics["body_match_end"].value == "x"


async def test_matches_are_whole_for_body_and_the_first_group_for_a_key() -> None:
    expressions = {"version": r"version (\d+)\.(\d+)", "word": "ver[a-z]+", "none": "absent"}
    result = await answer(
        response(b"this is version 12.7 " + b"z" * 200), body="is version.*", body_matches=expressions
    )

    assert values(result)["body_match"] == ("is version 12.7 " + "z" * 200)[:80]
    assert values(result)["body_match_version"] == "12"
    assert values(result)["body_match_word"] == "version"
    assert values(result)["body_match_none"] == ""
    assert result.metrics["body_match"].type == "s"


async def test_an_expression_that_needs_much_work_is_searched_all_the_same() -> None:
    result = await answer(response(b"a" * 100_000), body="(a|b|c){1,30}(d|e|f){0,30}$", body_matches={"x": "(x+x+)+y"})

    assert result.metrics["body_match"].value == "a" * 30
    assert result.metrics["body_match_x"].value == ""


async def test_an_expression_that_re2_refuses_is_a_result() -> None:
    result = await answer(response(b"hello"), body_matches={"bad": "(?!x)"})

    assert (result.available, result.status) == (False, "invalid expression for body_match_bad")


async def test_the_body_is_returned_up_to_32_k() -> None:
    result = await answer(response(b"x" * 50_000), include_body=True)

    assert result.metrics["body"].value == "x" * 32 * 1024


async def test_an_encoding_we_do_not_know_matters_only_when_the_body_does() -> None:
    raw = response(b"\x01\x02", content_encoding="br")
    looked_at, not_looked_at = await answer(raw, body="x"), await answer(raw)

    assert (looked_at.available, looked_at.status) == (False, "unknown content-encoding: br")
    assert not_looked_at.available


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_running_out_of_files_is_our_own_fault_and_no_result(scheme: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(lowest_free := os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        with pytest.raises(Exhausted, match="Too many open files"):
            await probe(assignment(f"{scheme}://127.0.0.1:9/"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("details", [{"headers": {"X": "\ud800"}}, {"payload": "\ud800"}, {"auth_user": "\ud800"}])
async def test_text_that_is_no_text_does_not_break_a_probe(details: dict[str, Any]) -> None:
    result = await answer(response(b"hello"), **details)

    assert result.available


async def test_zero_characters_are_not_handed_on() -> None:
    result = await answer(response(b"a\0b"), include_body=True, body=".*")

    assert result.metrics["body"].value == result.metrics["body_match"].value == "a\ufffdb"
