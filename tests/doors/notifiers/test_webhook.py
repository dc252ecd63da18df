from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from tests.doors.notifiers.certificates import self_signed
from tests.doors.notifiers.receivers import Receiver, Resolver, answer, listening, message
from vedette.notifiers.webhook import Webhook

SECRETS = ("s3cret", "hunter2", "top-of-query")


async def test_the_event_is_posted_as_json_to_the_url() -> None:
    receiver = Receiver(answer("200 OK"))
    async with listening(receiver) as port:
        sent = await Webhook(Resolver())(message(f"http://hooks.example.com:{port}/notify?x=1"))
    assert (sent.success, sent.message) == (True, "Success: Webhook successfully executed")
    assert receiver.request_line == "POST /notify?x=1 HTTP/1.1"
    assert receiver.body == message("").payload
    assert receiver.headers["content-type"] == "application/json"
    assert receiver.headers["host"] == f"hooks.example.com:{port}"
    assert "x-rackspace-webhook-token" not in receiver.headers


async def test_the_account_s_webhook_token_goes_into_the_header() -> None:
    receiver = Receiver(answer("202 Accepted"))
    async with listening(receiver) as port:
        sent = await Webhook(Resolver())(message(f"http://h:{port}/", token="token12345"))
    assert sent.success
    assert receiver.headers["x-rackspace-webhook-token"] == "token12345"


async def test_user_and_password_of_the_url_become_basic_authentication() -> None:
    receiver = Receiver(answer("204 No Content"))
    async with listening(receiver) as port:
        await Webhook(Resolver())(message(f"http://me%40home:pass%3Aword@h:{port}/"))
    assert receiver.headers["authorization"] == "Basic bWVAaG9tZTpwYXNzOndvcmQ="
    assert receiver.headers["host"] == f"h:{port}"


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "302 Found", "304 Not Modified"])
async def test_any_status_but_2xx_is_a_failure_that_may_pass(status: str) -> None:
    receiver = Receiver(answer(status, "Location: http://elsewhere.example.com/"))
    async with listening(receiver) as port:
        sent = await Webhook(Resolver(), timeout_s=2)(message(f"http://h:{port}/"))
    assert (sent.success, sent.permanent) == (False, False)
    assert sent.message == f'Unexpected status code "{status[:3]}". Expected one of: /2[0-9]{{2}}/'


async def test_a_redirect_is_not_followed() -> None:
    second = Receiver(answer("200 OK"))
    async with listening(second) as other:
        first = Receiver(answer("307 Temporary Redirect", f"Location: http://127.0.0.1:{other}/"))
        async with listening(first) as port:
            sent = await Webhook(Resolver())(message(f"http://h:{port}/", token="token12345"))
    assert not sent.success
    assert second.requests == []


async def test_only_addresses_the_policy_allows_are_connected_to() -> None:
    receiver = Receiver(answer("200 OK"))
    async with listening(receiver) as port:
        denied = Resolver("127.0.0.1", denied=["127.0.0.1"])
        sent = await Webhook(denied)(message(f"http://rebound.example.com:{port}/"))
    assert (sent.success, sent.permanent, sent.message) == (False, False, "prevented by ACL 'global'")
    assert denied.asked == [("rebound.example.com", port)]
    assert receiver.requests == []


async def test_a_literal_address_is_judged_too() -> None:
    denied = Resolver("127.0.0.1", denied=["127.0.0.1"])
    sent = await Webhook(denied)(message("http://127.0.0.1:9/"))
    assert sent.message == "prevented by ACL 'global'"
    assert denied.asked == [("127.0.0.1", 9)]


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    receiver = Receiver(answer("200 OK"))
    async with listening(receiver) as port:
        resolver = Resolver("127.0.0.2", "127.0.0.1")
        assert (await Webhook(resolver)(message(f"http://h:{port}/"))).success


def unused_port() -> socket.socket:
    """A port that is bound and not listened on: connections to it are refused."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


async def test_a_refused_connection_is_told_as_the_reference_does() -> None:
    with unused_port() as taken:
        sent = await Webhook(Resolver())(message(f"http://h:{taken.getsockname()[1]}/"))
    assert (sent.message, sent.permanent) == ("ECONNREFUSED, Connection refused", False)


async def test_a_name_without_an_address_may_get_one_later() -> None:
    sent = await Webhook(Resolver(fails=True))(message("http://nowhere.example.com/"))
    assert (sent.message, sent.permanent) == ("ENOTFOUND, Domain name not found", False)


async def test_a_silent_receiver_costs_no_more_than_the_time_out() -> None:
    async with listening(Receiver(b"", closes=False)) as port:
        sent = await Webhook(Resolver(), timeout_s=0.05)(message(f"http://h:{port}/"))
    assert (sent.message, sent.permanent) == ("ETIMEDOUT, Connection timed out", False)


async def test_a_receiver_that_closes_without_an_answer_is_a_failure() -> None:
    async with listening(Receiver(b"")) as port:
        sent = await Webhook(Resolver())(message(f"http://h:{port}/"))
    assert sent.message == "ECONNRESET, Connection closed without an answer"


async def test_an_answer_that_is_not_http_is_a_failure() -> None:
    async with listening(Receiver(b"220 smtp.example.com ESMTP\r\n\r\n")) as port:
        sent = await Webhook(Resolver())(message(f"http://h:{port}/"))
    assert sent.message == "EPROTO, The answer is not HTTP"


async def test_endless_headers_end_the_attempt() -> None:
    async with listening(Receiver(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000)) as port:
        sent = await Webhook(Resolver(), timeout_s=5)(message(f"http://h:{port}/"))
    assert not sent.success


async def test_a_huge_body_is_not_read_and_does_not_matter() -> None:
    huge = answer("200 OK", body=b"x" * 5_000_000)
    async with listening(Receiver(huge)) as port:
        sent = await Webhook(Resolver(), timeout_s=5)(message(f"http://h:{port}/"))
    assert sent.success


async def test_a_body_that_breaks_off_does_not_matter() -> None:
    async with listening(Receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")) as port:
        sent = await Webhook(Resolver())(message(f"http://h:{port}/"))
    assert sent.success


@pytest.mark.parametrize("url", [None, 7, "", "h", "ftp://h/", "http://", "file:///etc/passwd", "http://h:99999/"])
async def test_details_that_can_never_work_are_a_permanent_failure(url: object) -> None:
    sent = await Webhook(Resolver())(message(url))
    assert (sent.success, sent.permanent) == (False, True)


async def test_a_token_that_is_no_header_value_is_a_permanent_failure() -> None:
    async with listening(Receiver(answer("200 OK"))) as port:
        sent = await Webhook(Resolver())(message(f"http://h:{port}/", token="a\r\nX-Evil: 1"))
    assert (sent.success, sent.permanent) == (False, True)


async def test_no_message_holds_a_secret_or_the_url() -> None:
    with unused_port() as taken:
        url = f"http://me:s3cret@h:{taken.getsockname()[1]}/hunter2?key=top-of-query"
        refused = await Webhook(Resolver())(message(url))
        missing = await Webhook(Resolver(fails=True))(message(url))
        denied = await Webhook(Resolver("127.0.0.1", denied=["127.0.0.1"]))(message(url))
    for sent in (refused, missing, denied):
        assert not any(secret in sent.message for secret in SECRETS)


async def test_https_verifies_the_certificate(tmp_path: Path) -> None:
    server, trusting = self_signed(tmp_path, "hooks.example.com")
    receiver = Receiver(answer("200 OK"))
    async with listening(receiver, server) as port:
        stranger = await Webhook(Resolver())(message(f"https://hooks.example.com:{port}/"))
        friend = await Webhook(Resolver(), trusting)(message(f"https://hooks.example.com:{port}/"))
        misnamed = await Webhook(Resolver(), trusting)(message(f"https://other.example.com:{port}/"))
    assert stranger.message.startswith("CERT_UNTRUSTED, self")
    assert friend.success
    assert misnamed.message.startswith("CERT_UNTRUSTED, Hostname mismatch")


async def test_a_receiver_that_speaks_no_tls_is_a_failure() -> None:
    async with listening(Receiver(answer("200 OK"))) as port:
        sent = await Webhook(Resolver(), ssl.create_default_context(), timeout_s=0.2)(message(f"https://h:{port}/"))
    assert (sent.success, sent.permanent) == (False, False)


async def test_cancelling_an_attempt_closes_its_connection() -> None:
    receiver = Receiver(b"", closes=False)
    async with listening(receiver) as port:

        async def attempt() -> None:
            await Webhook(Resolver())(message(f"http://h:{port}/"))

        task = asyncio.create_task(attempt())
        await receiver.taken.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await receiver.left.wait()
