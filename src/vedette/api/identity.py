"""Identity v2.0: log-in, the service catalogue, and the calls clients make around them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar import delete, get, post, route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, bodies, schemas
from vedette.api.addresses import header
from vedette.api.answer import Answer
from vedette.api.faults import JSON
from vedette.api.visits import Call, Visit
from vedette.domain.faults import Fault, bad_request
from vedette.domain.principals import Capability, Principal
from vedette.services.identity import Identity, LoggedIn

_REGION = "DFW"
_GIVES: dict[str, Any] = {"by_token": True, "gives": schemas.ANY_OBJECT}
_LOGS_IN: dict[str, Any] = {
    "gives": schemas.ANY_OBJECT,
    "takes": {"type": "object", "required": ["auth"], "properties": {"auth": schemas.ANY_OBJECT}},
}


def routes(identity: Identity) -> list[HTTPRouteHandler]:
    """Log-in, tokens, tenants and versions."""

    @post("/v2.0/tokens", operation_id="authenticate", status_code=200, opt=_LOGS_IN)
    async def authenticate(request: Call) -> Answer:
        form, given = _credentials(bodies.json_object(request.visit.body))
        token, principal = await _log_in(identity, form, given, request.visit.peer)
        return answers.encoded({"access": _access(request.visit, token, principal)})

    @route("/v2.0/tokens/{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD], operation_id="validate_token",
           opt=_GIVES)  # fmt: skip
    async def validate(request: Call, token: FromPath[str]) -> Answer:
        principal = await _own(request, token)
        if request.method == HttpMethod.HEAD:
            return Answer(b"", media_type=JSON)
        return answers.encoded({"access": _access(request.visit, token, principal)})

    @get("/v2.0/tokens/{token:str}/endpoints", operation_id="list_endpoints", opt=_GIVES)
    async def endpoints(request: Call, token: FromPath[str]) -> Answer:
        principal = await _own(request, token)
        catalog = _catalog(request.visit, principal)
        found = [{"name": s["name"], "type": s["type"]} | endpoint for s in catalog for endpoint in s["endpoints"]]
        return answers.encoded({"endpoints": found})

    @delete("/v2.0/tokens/{token:str}", operation_id="revoke_token", opt={"by_token": True})
    async def revoke(request: Call, token: FromPath[str]) -> None:
        await _own(request, token)
        await identity.revoke(token)

    @get("/v2.0/tenants", operation_id="list_tenants", opt=_GIVES)
    async def tenants(request: Call) -> Answer:
        principal = await _caller(request)
        tenant = {"id": principal.tenant_id, "name": principal.tenant_id, "enabled": True, "description": None}
        return answers.encoded({"tenants": [tenant]})

    async def _caller(request: Call) -> Principal:
        token = header(request.scope, b"x-auth-token")
        principal = await identity.principal(token) if token else None
        if principal is None:
            raise Fault("unauthorizedError", "No valid token provided. Please authenticate.")
        return principal

    async def _own(request: Call, token: str) -> Principal:
        """A token may read and revoke itself, an admin those of its tenant; others there are none."""
        caller = await _caller(request)
        asked = await identity.principal(token)
        if asked is None or asked.tenant_id != caller.tenant_id:
            raise Fault("notFoundError", "Token not found")
        if token != header(request.scope, b"x-auth-token") and caller.capability < Capability.DELETE:
            raise Fault("notFoundError", "Token not found")
        return asked

    return [authenticate, validate, endpoints, revoke, tenants, *_version_routes()]


def _version_routes() -> list[HTTPRouteHandler]:
    @get(["/v2.0"], operation_id="identity_version", opt={"gives": schemas.ANY_OBJECT})
    async def identity_version(request: Call) -> Answer:
        link = {"rel": "self", "href": f"{request.visit.base_url}/v2.0"}
        return answers.encoded({"version": {"id": "v2.0", "status": "CURRENT", "links": [link]}})

    @get(["/", "/v1.0"], operation_id="versions", opt={"gives": schemas.ANY_OBJECT})
    async def versions(request: Call) -> Answer:
        link = {"rel": "self", "href": f"{request.visit.base_url}/v1.0"}
        return answers.encoded({"versions": [{"id": "v1.0", "status": "CURRENT", "links": [link]}]})

    return [identity_version, versions]


_API_KEY, _PASSWORD, _TOKEN = "RAX-KSKEY:apiKeyCredentials", "passwordCredentials", "token"


def _credentials(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(form, members) of any of the forms clients send; a tenant beside them is not judged."""
    auth = body.get("auth")
    if isinstance(auth, dict):
        for form in (_API_KEY, _PASSWORD, _TOKEN):
            given = auth.get(form)
            if isinstance(given, dict):
                return form, given
    expected = f"auth.{_API_KEY}, auth.{_PASSWORD} or auth.{_TOKEN}"
    raise bad_request(f"Invalid request body: expected {expected}", "Missing required key (auth)")


async def _log_in(identity: Identity, form: str, given: dict[str, Any], peer: str) -> LoggedIn:
    if form == _API_KEY:
        return await identity.log_in(_text(given, "username"), _text(given, "apiKey"), peer)
    if form == _PASSWORD:
        return await identity.log_in_with_password(_text(given, "username"), _text(given, "password"), peer)
    token = _text(given, "id")
    principal = await identity.principal(token)
    if principal is None:
        raise Fault("unauthorizedError", "Unable to authenticate user with credentials provided.")
    return LoggedIn(token, principal)


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value or len(value) > 1024:
        raise bad_request(f"Invalid request body: expected {name}", f"Missing required key ({name})")
    return value


def _access(visit: Visit, token: str, principal: Principal) -> dict[str, Any]:
    tenant = {"id": principal.tenant_id, "name": principal.tenant_id}
    roles = [{"id": str(place), "name": role, "tenantId": principal.tenant_id, "description": role}
             for place, role in enumerate(principal.roles, start=1)]  # fmt: skip
    return {
        "token": {"id": token, "expires": _iso(principal.expires_at), "tenant": tenant},
        "serviceCatalog": _catalog(visit, principal),
        "user": {
            "id": principal.user_id,
            "name": principal.user_name,
            "roles": roles,
            "RAX-AUTH:defaultRegion": _REGION,
        },
    }


def _catalog(visit: Visit, principal: Principal) -> list[dict[str, Any]]:
    """Exactly one regionless monitoring endpoint, and one entry with a region, for clients count on both."""
    tenant_id = principal.tenant_id
    monitoring = {"tenantId": tenant_id, "publicURL": f"{visit.base_url}/v1.0/{tenant_id}"}
    compute = {"tenantId": tenant_id, "region": _REGION, "publicURL": f"{visit.base_url}/v2/{tenant_id}"}
    return [
        {"name": "cloudMonitoring", "type": "rax:monitor", "endpoints": [monitoring]},
        {"name": "cloudServersOpenStack", "type": "compute", "endpoints": [compute]},
    ]


def _iso(ms: int) -> str:
    """Exactly three digits of milliseconds and `Z`: what every client's parser takes."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"
