"""The limit to compare the API with: handlers that do nothing, in the same framework, under the same server."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvloop
from litestar import Litestar, Request, Response, get, post, put

from vedette.api.server import HttpServer

_BODY = b'{"id":"%064d.100001","token":"%064d.100001","label":"a label","created_at":1795542259512,"updated_at":0}' % (
    1,
    1,
)


@get("/v1.0/{tenant:str}/agent_tokens/{key:str}")
async def show(key: str) -> Response[bytes]:  # noqa: ARG001 - routed like the real one
    """An answer as large as the real one."""
    return Response(_BODY, media_type="application/json")


@put("/v1.0/{tenant:str}/agent_tokens/{key:str}")
async def update(request: Request, key: str) -> Response[bytes]:  # type: ignore[type-arg]  # noqa: ARG001
    """Reads the body, as the real one must."""
    await request.body()
    return Response(b"", status_code=204, media_type="text/plain")


@post("/v1.0/{tenant:str}/{rest:path}")
async def create(request: Request, rest: str) -> Response[bytes]:  # type: ignore[type-arg]  # noqa: ARG001
    """Reads the body, and says where nothing was created."""
    await request.body()
    headers = {"Location": "http://127.0.0.1/v1.0/acme/entities/en0123456789", "X-Object-ID": "en0123456789"}
    return Response(b"", status_code=201, media_type="text/plain", headers=headers)


async def _serve() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    await HttpServer(Litestar([show, update, create], openapi_config=None, logging_config=None), listener).start()
    print(listener.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(_serve())
