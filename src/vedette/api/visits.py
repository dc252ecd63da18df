"""What the door knows of one request while it is inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Request

from vedette.domain.faults import Fault
from vedette.services import requests

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from vedette.domain.ids import TenantId
    from vedette.domain.principals import Principal
    from vedette.services.rates import Standing
    from vedette.services.requests import AuditDraft

_KEY = "vedette.visit"


class Visit:
    """One request on its way through the door."""

    __slots__ = ("base_url", "body", "draft", "group", "now_ms", "path", "peer", "principal", "standing", "tenant",
                 "transaction_id")  # fmt: skip

    def __init__(self, transaction_id: str, now_ms: int) -> None:
        self.transaction_id = transaction_id
        self.now_ms = now_ms
        self.path = ""  # without the tenant, without a trailing slash
        self.tenant: str | None = None  # of the path
        self.base_url = ""  # scheme and host as the caller sees them, without a trailing slash
        self.peer = ""  # the caller's address
        self.principal: Principal | None = None
        self.standing: Standing | None = None
        self.group = ""
        self.body = b""
        self.draft: AuditDraft | None = None

    def enter(self, scope: MutableMapping[str, Any]) -> None:
        scope[_KEY] = self

    @property
    def tenant_id(self) -> TenantId:
        if self.principal is None:
            raise Fault("unauthorizedError", "No valid token provided")
        return self.principal.tenant_id

    def request(self) -> requests.Request:
        """As the services see it."""
        if self.principal is None:
            raise Fault("unauthorizedError", "No valid token provided")
        return requests.Request(
            principal=self.principal,
            tenant_id=self.principal.tenant_id,
            now_ms=self.now_ms,
            transaction_id=self.transaction_id,
            draft=self.draft,
        )

    @property
    def root(self) -> str:
        """The base of `Location` and `next_href`, the same as the catalogue's `publicURL`."""
        return f"{self.base_url}/v1.0/{self.tenant_id}"


def visit_of(scope: Mapping[str, Any]) -> Visit:
    """The visit that the door began."""
    visit: Visit = scope[_KEY]
    return visit


class Call(Request[Any, Any, Any]):
    """The framework's request, with the visit in reach of handlers."""

    @property
    def visit(self) -> Visit:
        return visit_of(self.scope)

    @property
    def asked(self) -> requests.Request:
        return self.visit.request()
