"""A client of the API for commands: logs in with an API key, keeps the identity token nowhere, revokes it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from vedette.adapters.local.data_directory import DataDirectory, DataDirectoryError
from vedette.adapters.local.files import LocalFailure
from vedette.domain.faults import CODES, Fault

_TIMEOUT_S = 30.0
_PAGE = 1000


class ApiFailure(LocalFailure):
    """The API cannot be reached, or what answers is not one."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where the API is and who logs in to it."""

    url: str  # scheme, host and port
    username: str
    api_key: str
    ca_file: Path | None = None  # of a CA of its own
    agent_endpoint: str | None = None  # HOST:PORT, where it is known

    def __repr__(self) -> str:
        return f"Access({self.url}, {self.username})"


def access(flags: dict[str, Any]) -> Access:
    """What the options say; what they leave out is in the data directory's `credentials.json`. Takes them out.

    Raises `LocalFailure`.
    """
    directory, url, username, api_key, ca_file = (
        flags.pop(name) for name in ("data_dir", "url", "username", "api_key", "ca_file")
    )
    if url is not None and username is not None and api_key:
        return Access(url=url.rstrip("/"), username=username, api_key=api_key, ca_file=ca_file)
    if url is not None or (username is None) != (not api_key):
        raise DataDirectoryError("expected --url, --username and VEDETTE_API_KEY in the environment together, or none")
    found = DataDirectory(directory.absolute()).read_credentials()
    if found is None:
        raise DataDirectoryError(
            f"{directory.absolute()}: there is no credentials.json; expected --data-dir as of `vedette serve`, or "
            "--url, --username and VEDETTE_API_KEY in the environment"
        )
    return Access(
        url=found.identity_url.removesuffix("/v2.0"),
        username=username or found.username,
        api_key=api_key or found.api_key,
        ca_file=ca_file or Path(found.ca_file),
        agent_endpoint=found.agent_endpoint,
    )


class Api:
    """Calls below `/v1.0` of the tenant. Raises `Fault` for a refusal and `ApiFailure`."""

    def __init__(self, client: httpx.Client, url: str, token: str) -> None:
        self._client = client
        self._url = url
        self._token = token

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return _json(self._call("GET", path, query=query))

    def post(self, path: str, body: Mapping[str, Any]) -> str:
        """The new object's id, empty where there is none."""
        id: str = self._call("POST", path, body=body).headers.get("X-Object-ID", "")
        return id

    def ask(self, path: str, body: Mapping[str, Any], timeout_s: float = _TIMEOUT_S) -> Any:
        """What is answered to a POST that creates nothing."""
        return _json(self._call("POST", path, body=body, timeout_s=timeout_s))

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        """Every object of a list, over its pages."""
        marker = None
        while True:
            page = self.get(path, {"limit": _PAGE} | ({} if marker is None else {"marker": marker}))
            yield from page["values"]
            marker = page["metadata"]["next_marker"]
            if marker is None:
                return

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> httpx.Response:
        address, headers = f"{self._url}/v1.0/{path}", {"X-Auth-Token": self._token}
        with _reaching(self._url):
            answer = self._client.request(method, address, json=body, params=query, headers=headers, timeout=timeout_s)
        return _accepted(answer)

    def log_out(self) -> None:
        """The identity token ends; where that cannot be said any more, it ends by itself within a day."""
        with suppress(httpx.HTTPError):
            self._client.delete(f"{self._url}/v2.0/tokens/{self._token}", headers={"X-Auth-Token": self._token})


@contextmanager
def logged_in(access: Access) -> Iterator[Api]:
    """An identity token for as long as the block lasts."""
    form = {"username": access.username, "apiKey": access.api_key}
    with httpx.Client(trust_env=False, timeout=_TIMEOUT_S, verify=_tls(access)) as client:
        with _reaching(access.url):
            answer = client.post(f"{access.url}/v2.0/tokens", json={"auth": {"RAX-KSKEY:apiKeyCredentials": form}})
        token: str = _json(_accepted(answer))["access"]["token"]["id"]
        api = Api(client, access.url, token)
        try:
            yield api
        finally:
            api.log_out()


def segment(text: str) -> str:
    """An id as a segment of a path."""
    return quote(text, safe=":")


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if access.url.startswith("https:") and access.ca_file is not None:
        try:
            context.load_verify_locations(access.ca_file)
        except OSError as error:
            raise ApiFailure(
                f"{access.ca_file}: cannot be used ({error.strerror}); expected a CA certificate, PEM"
            ) from None
    return context


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.InvalidURL:
        raise ApiFailure(f"{url}: is no url; expected scheme://host:port") from None
    except httpx.HTTPError as error:
        raise ApiFailure(f"{url}: cannot be reached ({error}); expected the API of a running server") from None


def _accepted(answer: httpx.Response) -> httpx.Response:
    """Raises the fault of a refusal."""
    if answer.is_success:
        return answer
    body = _json(answer)
    if isinstance(body, dict) and len(body) == 1:  # Identity nests them
        (body,) = body.values()
    if not isinstance(body, dict) or "message" not in body:
        raise ApiFailure(f"{answer.url.host}: answers {answer.status_code} without saying why; expected a Vedette API")
    kind = str(body.get("type"))
    known = kind if kind in CODES else "badRequest"
    raise Fault(known, str(body["message"]), body.get("details"), code=answer.status_code)


def _json(answer: httpx.Response) -> Any:
    try:
        return msgspec.json.decode(answer.content)
    except msgspec.MsgspecError:
        raise ApiFailure(f"{answer.url.host}: does not answer with JSON; expected a Vedette API") from None
