import hashlib
import re
from ipaddress import ip_address
from typing import Any

import pytest

from tests.doors.probes.targets import Names, Site, assignment, probe, response, serving

HERE = {"one.example": [ip_address("127.0.0.1")], "two.example": [ip_address("127.0.0.1")]}


def moved(location: str, status: str = "302 Found") -> bytes:
    return response(status=status, location=location)


async def test_redirects_are_followed_by_default() -> None:
    async with serving(site := Site(moved("/next?a=b"), moved("relative"), response(b"there"))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/first/"))

    assert result.metrics["code"].value == "200"
    assert [request.split()[1] for request in site.requests] == [b"/first/", b"/next?a=b", b"/relative"]


async def test_redirects_are_not_followed_when_told_so() -> None:
    async with serving(site := Site(moved("/next"))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/", follow_redirects=False))

    assert result.available
    assert result.metrics["code"].value == "302"
    assert len(site.requests) == 1


async def test_a_circle_of_redirects_ends() -> None:
    async with serving(site := Site(moved("/"))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/"))

    assert (result.available, result.status) == (False, "stopped after 10 redirects")
    assert len(site.requests) == 11


async def test_a_redirect_to_a_denied_address_is_prevented() -> None:
    async with serving(Site(moved("http://169.254.169.254/"))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/"))

    assert (result.available, result.status) == (False, "prevented by ACL 'global'")


@pytest.mark.parametrize("location", ["ftp://x/", "http://[::1/", "http://" + "a" * 300, "gopher:x"])
async def test_a_redirect_to_nowhere_is_a_result(location: str) -> None:
    async with serving(Site(moved(location))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/"))

    assert not result.available
    assert "url" in result.status


async def test_the_payload_goes_to_the_first_location_only() -> None:
    async with serving(site := Site(moved("/next", "307 Again"), response())) as port:
        await probe(assignment(f"http://127.0.0.1:{port}/", method="POST", payload="secret"))

    first, second = site.requests
    assert first.endswith(b"\r\n\r\nsecret")
    assert second.startswith(b"POST /next")
    assert second.endswith(b"\r\n\r\n")


async def test_a_post_becomes_a_get_where_browsers_do_that() -> None:
    async with serving(site := Site(moved("/next", "303 See"), response())) as port:
        await probe(assignment(f"http://127.0.0.1:{port}/", method="POST", payload="x"))

    assert site.requests[1].startswith(b"GET /next")


async def test_what_may_be_secret_stays_with_its_site() -> None:
    secrets: dict[str, Any] = {
        "headers": {"X-Api-Key": "k", "Accept": "text/x"},
        "auth_user": "bob",
        "auth_password": "p",
    }
    async with serving(second := Site(response())) as there, serving(first := Site(b"")) as here:
        first.responses = [moved("/same"), moved(f"http://two.example:{there}/")]
        await probe(assignment(f"http://one.example:{here}/", **secrets), Names(HERE))

    assert all(b"X-Api-Key: k" in request and b"Authorization: Basic" in request for request in first.requests)
    assert b"X-Api-Key" not in second.requests[0]
    assert b"Authorization" not in second.requests[0]
    assert b"Accept: text/x" in second.requests[0]


async def test_the_target_stands_for_the_host_of_the_url_only() -> None:
    names = Names(HERE)
    async with serving(site := Site(b"")) as port:
        site.responses = [moved("/same"), moved(f"http://two.example:{port}/"), response()]
        await probe(assignment(f"http://www.example:{port}/", target="one.example"), names)

    assert [host for host, _ in names.asked] == ["one.example", "one.example", "two.example"]


@pytest.mark.parametrize(("algorithm", "name"), [("MD5", "md5"), ("SHA-256", "sha256")])
async def test_digest_authentication_is_answered(algorithm: str, name: str) -> None:
    def digest(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    challenge = f'Basic realm="x", Digest realm="r", nonce="n", qop="auth,auth-int", algorithm={algorithm}, opaque="o"'
    refusal = response(status="401 Unauthorized", www_authenticate=challenge)
    async with serving(site := Site(refusal, response())) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/p?q=1", auth_user="bob", auth_password="pass"))

    sent = re.search(r"Authorization: Digest (.*)", site.requests[1].decode())
    assert sent
    fields = dict(re.findall(r'(\w+)="?([^",\r]*)"?', sent[1]))
    proof = f"{digest('bob:r:pass')}:n:00000001:{fields['cnonce']}:auth:{digest('GET:/p?q=1')}"
    assert fields["response"] == digest(proof)
    assert (fields["username"], fields["uri"], fields["opaque"]) == ("bob", "/p?q=1", "o")
    assert result.metrics["code"].value == "200"


async def test_a_refusal_that_asks_for_nothing_we_know_is_the_response() -> None:
    async with serving(site := Site(response(status="401 Unauthorized", www_authenticate="NTLM"))) as port:
        result = await probe(assignment(f"http://127.0.0.1:{port}/", auth_user="bob", auth_password="pass"))

    assert result.metrics["code"].value == "401"
    assert len(site.requests) == 1
