"""The operations beside those of the resources themselves: views, agents, tests, traceroutes, installers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar.handlers import HTTPRouteHandler

from vedette.adapters.sql.stores import Stores
from vedette.api import (
    agent_installers,
    agents,
    alarm_trials,
    backtest,
    check_tests,
    experiments,
    explain,
    schemas,
    traceroutes,
    views,
)
from vedette.app.reach import Reach
from vedette.ports.clock import Clock
from vedette.services.agent_listing import AgentListing
from vedette.services.agent_questions import AgentQuestions
from vedette.services.alarm_trials import AlarmTrials
from vedette.services.backtest import BackTests
from vedette.services.backtest import Stores as TestedStores
from vedette.services.check_tests import CheckTests
from vedette.services.check_tests import Parts as TestParts
from vedette.services.checks import CheckRules
from vedette.services.documents import DocumentService, Store
from vedette.services.explain import Explainer
from vedette.services.host_info_view import HostInfoView
from vedette.services.installers import Installers
from vedette.services.metrics import MetricService
from vedette.services.multiplots import Multiplots
from vedette.services.once import Once
from vedette.services.plan_views import PlanViews
from vedette.services.replays import Replays
from vedette.services.replays import Stores as PastStores
from vedette.services.token_store import TokenStore
from vedette.services.traceroutes import Traceroutes
from vedette.services.usage import Usage
from vedette.services.views import Resources, Views
from vedette.services.zones import Zones


@dataclass(frozen=True, kw_only=True)
class Made:
    """The services of the resources that these operations are about."""

    stores: Stores
    store: Store
    once: Once
    reach: Reach
    clock: Clock
    zones: Zones
    rules: CheckRules
    entities: DocumentService
    checks: DocumentService
    alarms: DocumentService
    plans: DocumentService
    metrics: MetricService
    tokens: TokenStore
    confirm_after_ms: int  # 0: no confirm rounds


def routes(made: Made) -> Sequence[HTTPRouteHandler]:
    """Every one of them."""
    return [*_agent_routes(made), *_view_routes(made), *_test_routes(made), *_past_routes(made), *_other_routes(made)]


def _questions(made: Made) -> AgentQuestions:
    return AgentQuestions(made.stores.agents, made.stores.documents, made.reach.ask)


def _agent_routes(made: Made) -> Sequence[HTTPRouteHandler]:
    listing, questions = AgentListing(made.stores.agents), _questions(made)
    host_info = HostInfoView(made.stores.documents, made.stores.agents, questions)
    return [
        *agents.listing_routes(listing),
        *agents.question_routes(questions, made.store.auditor, made.store.commit),
        *views.agent_routes(listing, host_info),
    ]


def _view_routes(made: Made) -> Sequence[HTTPRouteHandler]:
    resources = Resources(entities=made.entities, checks=made.checks, alarms=made.alarms, plans=made.plans)
    shown = Views(resources, made.stores.documents, made.stores.alarm_states, made.stores.points)
    return [
        *views.entity_routes(shown, made.entities, made.checks, made.alarms),
        *views.plan_routes(PlanViews(made.plans, made.stores.documents), schemas.shown(made.plans.resource)),
    ]


def _test_routes(made: Made) -> Sequence[HTTPRouteHandler]:
    store = made.store
    parts = TestParts(
        documents=store.documents,
        checks=made.checks,
        rules=made.rules,
        keyring=store.keyring,
        probe=made.reach.probe,
        questions=_questions(made),
        auditor=store.auditor,
        commit=store.commit,
        clock=made.clock,
    )
    tracing = Traceroutes(store.documents, made.zones, made.reach.tracing, store.auditor, store.commit)
    return [
        *check_tests.routes(CheckTests(parts)),
        *alarm_trials.routes(AlarmTrials(store.documents, store.auditor, store.commit)),
        *traceroutes.routes(tracing),
    ]


def _past_routes(made: Made) -> Sequence[HTTPRouteHandler]:
    stores, store = made.stores, made.store
    replays = Replays(
        PastStores(
            past=stores.past,
            revisions=stores.revisions,
            documents=stores.documents,
            changelogs=stores.changelogs,
            outbox=stores.outbox,
            memory=stores.memory,
        ),
        made.confirm_after_ms,
    )
    tested = TestedStores(
        documents=stores.documents, changelogs=stores.changelogs, outbox=stores.outbox, commit=store.commit
    )
    explainer = Explainer(made.alarms, stores.documents, stores.alarm_states, stores.outbox, replays)
    return [
        *explain.routes(explainer),
        *backtest.routes(BackTests(made.alarms, tested, store.auditor, replays)),
    ]


def _other_routes(made: Made) -> Sequence[HTTPRouteHandler]:
    store = made.store
    multiplots = Multiplots(made.metrics, made.stores.points, store.documents, store.auditor, store.commit)
    return [
        *agent_installers.routes(Installers(made.tokens, store.documents, made.reach.source), made.once),
        *experiments.routes(multiplots, Usage(store.documents, store.limits)),
    ]
