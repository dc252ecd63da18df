"""The API's services and routes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from litestar.handlers import HTTPRouteHandler

from vedette.adapters.sql.stores import Stores
from vedette.api import (
    account,
    agent_tokens,
    alarm_examples,
    changelogs,
    check_types,
    documents,
    experiments,
    health,
    identity,
    metrics,
    monitoring_zones,
    notification_history,
    notification_tests,
    notification_types,
    suppression_logs,
    zone_standing,
)
from vedette.api.addresses import Bases, is_loopback
from vedette.api.application import application
from vedette.api.cors import Cors
from vedette.api.door import Door
from vedette.api.gate import Gate
from vedette.api.health import Readiness
from vedette.api.server import Certificate, HttpServer
from vedette.app import operations
from vedette.app.measures import Measures
from vedette.app.operations import Made
from vedette.app.reach import Reach
from vedette.config import Config
from vedette.domain import resources
from vedette.domain.alarm_examples import ALARM_EXAMPLES
from vedette.domain.check_types import CHECK_TYPES
from vedette.domain.notification_types import NOTIFICATION_TYPES
from vedette.ports.clock import Clock, Entropy
from vedette.ports.notifying import Notify
from vedette.ports.secrets import Keyring
from vedette.services import built_in
from vedette.services.account import RESOURCE_LIMITS, AccountService, ResourceLimits
from vedette.services.alarm_examples import NOUN as ALARM_EXAMPLE
from vedette.services.alarm_examples import AlarmExampleService
from vedette.services.alarms import AlarmRules
from vedette.services.audits import Auditor
from vedette.services.catalogue import Catalogue
from vedette.services.checks import CheckRules
from vedette.services.checks import settled as checks_settled
from vedette.services.documents import DocumentService, Store
from vedette.services.entities import EntityRules
from vedette.services.identity import Identity
from vedette.services.known_suppressions import KnownSuppressions
from vedette.services.metrics import MetricService
from vedette.services.notification_history import NotificationHistory
from vedette.services.notification_tests import NotificationTests
from vedette.services.notification_tests import Stores as TestStores
from vedette.services.notifications import NotificationRules
from vedette.services.once import Once
from vedette.services.plans import PlanRules
from vedette.services.private_zones import PrivateZoneRemoval, PrivateZoneRules
from vedette.services.rates import Rates
from vedette.services.suppressions import SuppressionRules, settled
from vedette.services.token_store import TokenStore
from vedette.services.zones import Zones


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the API is made of."""

    stores: Stores
    keyring: Keyring
    clock: Clock
    entropy: Entropy
    rates: Rates
    zones: Zones
    knows: Callable[[str, str], bool]  # whether any collector of a zone runs checks of a type
    identity: Identity
    auditor: Auditor
    suppressions: KnownSuppressions
    notifiers: Mapping[str, Notify]  # by notification type
    reach: Reach
    confirm_after_ms: int = 0  # when confirm rounds probe again; 0: there are none
    is_token_revealed: bool = True  # after its creation
    readiness: Readiness


def api_routes(parts: Parts) -> Sequence[HTTPRouteHandler]:
    """Every route of the REST API and of Identity."""
    stores, made = parts.stores, _made(parts)
    store = made.store
    notifications = DocumentService(
        resources.NOTIFICATION, NotificationRules(stores.documents), store, built_in.notifications()
    )
    suppressions = DocumentService(resources.SUPPRESSION, SuppressionRules(stores.documents), store, settle=settled)
    private_zones = DocumentService(resources.PRIVATE_ZONE, PrivateZoneRules(), store, parts.zones.shown())
    accounts = AccountService(stores.accounts, stores.commit, parts.auditor, parts.keyring, parts.rates, store.limits)
    routes = [
        *identity.routes(parts.identity),
        *account.routes(accounts, parts.auditor),
        *agent_tokens.routes(made.tokens, made.once),
        *documents.routes(made.entities, made.once),
        *check_types.routes(Catalogue("CheckType", {key: one.shown() for key, one in CHECK_TYPES.items()})),
        *documents.child_routes(made.checks, made.once),
        *documents.child_routes(made.alarms, made.once),
        *notification_history.routes(NotificationHistory(made.alarms, stores.outbox, stores.documents)),
        *alarm_examples.routes(
            Catalogue(ALARM_EXAMPLE, {key: msgspec.to_builtins(one) for key, one in ALARM_EXAMPLES.items()}),
            AlarmExampleService(parts.auditor, stores.commit),
        ),
        *notification_types.routes(
            Catalogue("NotificationType", {key: one.shown() for key, one in NOTIFICATION_TYPES.items()})
        ),
        *documents.routes(notifications, made.once),
        *documents.routes(made.plans, made.once),
        *monitoring_zones.routes(private_zones, PrivateZoneRemoval(private_zones, store), made.once),
        *zone_standing.routes(private_zones, stores.memory),
        *metrics.routes(made.metrics),
        *changelogs.routes(stores.changelogs),
        *documents.routes(suppressions, made.once),
        *suppression_logs.routes(stores.suppression_logs),
        *notification_tests.routes(_notification_tests(parts, notifications)),
        *operations.routes(made),
    ]
    return [*routes, experiments.json_home(routes)]


def _made(parts: Parts) -> Made:
    """The services that more than one module's operations are about."""
    stores, store = parts.stores, _store(parts)
    rules = CheckRules(stores.documents, parts.zones, parts.knows)
    checks = DocumentService(resources.CHECK, rules, store, settle=checks_settled)
    return Made(
        stores=stores,
        store=store,
        once=Once(stores.repeatables, stores.commit, parts.auditor, parts.keyring),
        reach=parts.reach,
        clock=parts.clock,
        zones=parts.zones,
        rules=rules,
        entities=DocumentService(resources.ENTITY, EntityRules(), store),
        checks=checks,
        alarms=DocumentService(resources.ALARM, AlarmRules(stores.documents), store),
        plans=DocumentService(resources.PLAN, PlanRules(stores.documents), store, built_in.plans()),
        metrics=MetricService(checks, stores.points, parts.zones, parts.clock),
        tokens=_tokens(parts),
        confirm_after_ms=parts.confirm_after_ms,
    )


def _store(parts: Parts) -> Store:
    return Store(
        documents=parts.stores.documents,
        suppressions=parts.suppressions,
        commit=parts.stores.commit,
        auditor=parts.auditor,
        keyring=parts.keyring,
        entropy=parts.entropy,
        limits=ResourceLimits(parts.stores.accounts, RESOURCE_LIMITS),
    )


def _tokens(parts: Parts) -> TokenStore:
    return TokenStore(
        tokens=parts.stores.tokens,
        agents=parts.stores.agents,
        commit=parts.stores.commit,
        auditor=parts.auditor,
        keyring=parts.keyring,
        entropy=parts.entropy,
        is_revealed=parts.is_token_revealed,
    )


def _notification_tests(parts: Parts, notifications: DocumentService) -> NotificationTests:
    stores = TestStores(
        notifications=notifications,
        accounts=parts.stores.accounts,
        keyring=parts.keyring,
        auditor=parts.auditor,
        commit=parts.stores.commit,
    )
    return NotificationTests(stores, parts.notifiers, parts.entropy)


class HttpDoor:
    """The API from the socket to the services."""

    def __init__(self, config: Config, parts: Parts, overloaded: Callable[[], str | None], measures: Measures) -> None:
        gate = Gate(parts.identity.principal, parts.rates, parts.auditor)
        own = health.routes(parts.readiness, measures.page, lambda peer, _: is_loopback(peer))
        door = Door(
            application([*api_routes(parts), *own], gate),
            Bases(config.public_url, config.trusted_proxy),
            parts.clock,
            parts.entropy,
            overloaded,
            measures.request,
            config.takes_plain_http_from,
        )
        self._door = Cors(door, config.cors_origin)

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
