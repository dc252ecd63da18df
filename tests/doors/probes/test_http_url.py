import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.probes.http.request import InvalidRequest, Request, checked_headers, checked_method, request_bytes
from vedette.probes.http.url import InvalidUrl, Url, parse_url, redirected


def asked(url: Url) -> list[bytes]:
    request = Request(url=url, method=b"GET", headers=(), credentials=None, authorization=None, payload=b"")
    return request_bytes(request).split(b"\r\n")


@pytest.mark.parametrize(
    ("text", "host", "port", "authority", "target"),
    [
        ("http://www.example", "www.example", 80, "www.example", "/"),
        ("HTTPS://WWW.Example:443/A?b", "www.example", 443, "www.example", "/A?b"),
        ("https://www.example:80/", "www.example", 80, "www.example:80", "/"),
        ("http://www.example./x", "www.example", 80, "www.example", "/x"),
        ("http://bücher.example/ü?ü#ü", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/%C3%BC?%C3%BC"),
        ("http://[2001:db8::1]:8080/", "2001:db8::1", 8080, "[2001:db8::1]:8080", "/"),
        ("http://www.example?q=1", "www.example", 80, "www.example", "/?q=1"),
        ("http://www.example/%20%zz", "www.example", 80, "www.example", "/%20%zz"),
    ],
)
def test_a_url_is_taken_apart(text: str, host: str, port: int, authority: str, target: str) -> None:
    url = parse_url(text)

    assert (url.host, url.port, url.authority, url.target) == (host, port, authority, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "www.example",
        "//www.example/",
        "ftp://www.example/",
        "http:///path",
        "http://a..b/",
        "http://.example/",
        "http://./",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 200}example/",
        "http://www.example:0/",
        "http://www.example:65536/",
        "http://www.example:http/",
        "http://[::1/",
        "http://a\\b/",
        "http://a<b/",
        "http://\ud800/",
        "http://www.example/\ud800",
        "http://\ud800@www.example/",
        "http://www.example/" + "x" * 9000,
    ],
)
def test_what_is_no_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidUrl) as refused:
        parse_url(text)

    assert "example" not in str(refused.value)


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://www.example/", "http://x:1@[::1]", "//"]))
def test_any_text_is_a_url_that_can_be_sent_or_refused(text: str, start: str) -> None:
    try:
        url = redirected(parse_url("http://www.example/"), start + text)
    except InvalidUrl:
        return
    line, host, *_ = asked(url)

    assert line.split() == [b"GET", url.target.encode(), b"HTTP/1.1"]
    assert host == f"Host: {url.authority}".encode("ascii")
    assert url.host.encode("idna")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20)), st.text(max_size=6))
def test_any_header_is_one_line_or_refused(headers: dict[str, str], method: str) -> None:
    try:
        sent = checked_headers(headers)
        named = checked_method(method)
    except InvalidRequest:
        return

    assert len(sent) == len(headers)
    assert not [pair for pair in sent if b"\n" in b"".join(pair) or b"\r" in b"".join(pair)]
    assert named.isascii()
    assert b" " not in named


@pytest.mark.parametrize(
    ("here", "there", "is_same"),
    [
        ("http://a.example/x", "http://a.example/y", True),
        ("http://a.example/", "https://a.example/", True),
        ("https://a.example/", "http://a.example/", False),
        ("http://a.example:8080/", "https://a.example/", False),
        ("http://a.example/", "http://a.example:8080/", False),
        ("http://a.example/", "http://b.example/", False),
        ("http://a.example/", "http://a.example.evil/", False),
    ],
)
def test_secrets_stay_with_their_origin_or_its_move_to_https(here: str, there: str, is_same: bool) -> None:
    assert parse_url(here).is_same_site(parse_url(there)) is is_same
