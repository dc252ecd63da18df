"""HTTP to a store that speaks Prometheus' protocols. Nothing here repeats a token."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from vedette import __version__

WRITE_S = 10.0
"""Of a whole exchange; a stop of the server waits for it."""
READ_S = 30.0
LONGEST_ANSWER = 64 * 1024 * 1024
"""Unpacked: many times what the largest question of ours is answered with."""
_CONNECT_S = 5.0
_LONGEST_OF_WRITE = 64 * 1024  # of the answer to one: it says nothing but why not
_TOKEN = re.compile(r"[ -~]{1,8192}")
_WRITE_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_LONGEST_REASON = 300
_LATER = frozenset({401, 403, 404, 405, 408, 409, 425, 429})
"""Answers that say nothing of the points: an operator mends them, or time does."""


class StoreDown(Exception):
    """The store does not answer, or not now; the same may be sent again. `str()` is one line without secrets."""

    def __init__(self, reason: str, retry_after_s: float = 0.0, *, is_dead: bool = False) -> None:
        """`is_dead`: its process may have ended, with what was only in its memory."""
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.is_dead = is_dead


class Refused(Exception):
    """The store will never take this, or not all of it."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store is. Urls hold no secrets; the token is read anew from its file when it is used."""

    write_url: str  # all of it
    read_url: str  # what `/api/v1/query` comes after
    token_file: Path | None = None


class Client:
    """One a store and process."""

    def __init__(
        self,
        place: Place,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        write_s: float = WRITE_S,
        read_s: float = READ_S,
    ) -> None:
        self._place = place
        self._write_s = write_s
        self._read_s = read_s
        self._http = httpx.AsyncClient(
            trust_env=False,
            verify=ssl.create_default_context(),  # what this machine trusts
            follow_redirects=False,  # a token is not carried to where nobody has configured it
            headers={"User-Agent": f"vedette/{__version__}"},
            timeout=httpx.Timeout(None, connect=_CONNECT_S),  # a whole exchange has its own
            transport=transport,
        )
        self.on_failure: Callable[[], None] = lambda: None

    async def close(self) -> None:
        await self._http.aclose()

    async def write(self, body: bytes) -> None:
        """Sends a compressed `WriteRequest`. Raises `StoreDown`, `Refused`."""
        url = self._place.write_url
        await self._call(url, self._write_s, _LONGEST_OF_WRITE, content=body, headers=_WRITE_HEADERS)

    async def ask(self, path: str, form: Mapping[str, str]) -> bytes:
        """The JSON that the query API answers. Raises `StoreDown`, `Refused`."""
        url = f"{self._place.read_url}/api/v1/{path}"
        body = await self._call(url, self._read_s, LONGEST_ANSWER, data=form)
        if len(body) > LONGEST_ANSWER:
            raise StoreDown(f"{_shown(url)}: answers with more than {LONGEST_ANSWER} bytes")
        return body

    async def _call(self, url: str, limit_s: float, most_bytes: int, **request: Any) -> bytes:
        """The answer's body, of a longer one the beginning: at least a byte more than `most_bytes`."""
        headers = dict(request.pop("headers", {})) | self._authorization()
        try:
            async with asyncio.timeout(limit_s), self._http.stream("POST", url, headers=headers, **request) as answer:
                body = await _beginning(answer, most_bytes if answer.is_success else _LONGEST_OF_WRITE)
        except httpx.HTTPError as error:
            self.on_failure()
            is_dead = isinstance(error, httpx.NetworkError | httpx.ProtocolError)
            raise StoreDown(f"{_shown(url)}: {type(error).__name__} {error}".rstrip(), is_dead=is_dead) from None
        except TimeoutError:
            self.on_failure()
            raise StoreDown(f"{_shown(url)}: no whole answer within {limit_s:g} s") from None
        if answer.is_success:
            return body
        reason = f"{_shown(url)}: answers {answer.status_code} {_one_line(body)}".rstrip()
        if answer.status_code >= 500 or answer.status_code in _LATER or answer.is_redirect:
            raise StoreDown(reason, _seconds(answer.headers.get("Retry-After", "")))
        raise Refused(reason)

    def _authorization(self) -> dict[str, str]:
        file = self._place.token_file
        if file is None:
            return {}
        try:
            token = file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise StoreDown(f"{file}: cannot be read; expected a file with the metric store's bearer token") from None
        if not _TOKEN.fullmatch(token):  # anything else is refused with a text that repeats it
            raise StoreDown(f"{file}: expected a file with the metric store's bearer token in one line")
        return {"Authorization": f"Bearer {token}"}


def _shown(url: str) -> str:
    return str(httpx.URL(url).copy_with(query=None))


async def _beginning(answer: httpx.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > most_bytes:
            break
    return bytes(body)


def _one_line(body: bytes) -> str:
    return " ".join(body[: 4 * _LONGEST_REASON].decode("utf-8", "replace").split())[:_LONGEST_REASON]


def _seconds(retry_after: str) -> float:
    """Dates are not sent by such stores."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 6 else 0.0
