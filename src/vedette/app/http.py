"""The API's services and routes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from litestar.handlers import HTTPRouteHandler

from vedette.adapters.sql.stores import Stores
from vedette.api import account, agent_tokens, changelogs, documents, health, identity, metrics, monitoring_zones
from vedette.api.addresses import Bases, is_loopback
from vedette.api.application import application
from vedette.api.door import Door
from vedette.api.gate import Gate
from vedette.api.health import Readiness
from vedette.api.server import Certificate, HttpServer
from vedette.app.measures import Measures
from vedette.config import Config
from vedette.domain import resources
from vedette.domain.tokens import AgentToken
from vedette.ports.clock import Clock, Entropy
from vedette.ports.secrets import Keyring
from vedette.services import built_in
from vedette.services.account import AccountService, ResourceLimits
from vedette.services.agent_tokens import AgentTokenService
from vedette.services.alarms import AlarmRules
from vedette.services.audits import Auditor
from vedette.services.checks import CheckRules
from vedette.services.documents import DocumentService, Store
from vedette.services.entities import EntityRules
from vedette.services.identity import Identity
from vedette.services.metrics import MetricService
from vedette.services.notifications import NotificationRules
from vedette.services.plans import PlanRules
from vedette.services.rates import Rates
from vedette.services.zones import Zones

RESOURCE_LIMITS = {"checks": 1000, "alarms": 10_000}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the API is made of."""

    stores: Stores
    keyring: Keyring
    clock: Clock
    entropy: Entropy
    rates: Rates
    zones: Zones
    identity: Identity
    auditor: Auditor
    token_removed: Callable[[AgentToken], object]
    readiness: Readiness


def api_routes(parts: Parts) -> Sequence[HTTPRouteHandler]:
    """Every route of the REST API and of Identity."""
    stores = parts.stores
    limits = ResourceLimits(stores.accounts, RESOURCE_LIMITS)
    store = Store(
        documents=stores.documents,
        commit=stores.commit,
        auditor=parts.auditor,
        keyring=parts.keyring,
        entropy=parts.entropy,
        limits=limits,
    )
    notifications = DocumentService(
        resources.NOTIFICATION, NotificationRules(stores.documents), store, built_in.notifications()
    )
    plans = DocumentService(resources.PLAN, PlanRules(stores.documents), store, built_in.plans())
    checks = DocumentService(resources.CHECK, CheckRules(stores.documents, parts.zones), store)
    tokens = AgentTokenService(stores.tokens, stores.commit, parts.auditor, parts.keyring, parts.entropy)
    accounts = AccountService(stores.accounts, stores.commit, parts.auditor, parts.keyring, parts.rates, limits)
    return [
        *identity.routes(parts.identity),
        *account.routes(accounts, parts.auditor),
        *agent_tokens.routes(tokens, parts.token_removed),
        *documents.routes(DocumentService(resources.ENTITY, EntityRules(), store)),
        *documents.child_routes(checks),
        *documents.child_routes(DocumentService(resources.ALARM, AlarmRules(stores.documents), store)),
        *documents.routes(notifications),
        *documents.routes(plans),
        *monitoring_zones.routes(parts.zones),
        *metrics.routes(MetricService(checks, stores.points, parts.zones)),
        *changelogs.routes(stores.changelogs),
    ]


class HttpDoor:
    """The API from the socket to the services."""

    def __init__(self, config: Config, parts: Parts, overloaded: Callable[[], str | None], measures: Measures) -> None:
        gate = Gate(parts.identity.principal, parts.rates, parts.auditor)
        own = health.routes(parts.readiness, measures.page, lambda peer, _: is_loopback(peer))
        self._door = Door(
            application([*api_routes(parts), *own], gate),
            Bases(config.public_url, config.trusted_proxy),
            parts.clock,
            parts.entropy,
            overloaded,
            measures.request,
            config.takes_plain_http_from,
        )

    async def start(self, listener: socket.socket, certificate: Certificate | None) -> HttpServer:
        server = HttpServer(self._door, listener, certificate)
        await server.start()
        return server


class MetricsDoor:
    """Health and metrics on a listener of their own, open to whoever reaches it."""

    def __init__(self, readiness: Readiness, measures: Measures, clock: Clock, entropy: Entropy) -> None:
        routes = health.routes(readiness, measures.page, lambda _peer, _token: True)
        self._door = Door(
            application(routes, None), Bases(None, ()), clock, entropy, lambda: None, lambda _method, _status: None,
            lambda _peer: True,
        )  # fmt: skip

    async def start(self, listener: socket.socket) -> HttpServer:
        server = HttpServer(self._door, listener)
        await server.start()
        return server
