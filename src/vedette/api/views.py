"""Views (reference: views; some addresses are clients' only)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from vedette.api import answers, schemas
from vedette.api.agents import CONNECTION
from vedette.api.answer import Answer
from vedette.api.visits import Call
from vedette.domain.faults import invalid
from vedette.domain.principals import Capability
from vedette.services.agent_listing import AgentListing
from vedette.services.documents import DocumentService, Page
from vedette.services.entity_selection import MOST_NAMED, Named
from vedette.services.host_info_view import HostInfoView
from vedette.services.plan_views import PlanViews
from vedette.services.requests import Request
from vedette.services.views import Views

_READ = {"needs": Capability.READ}
_QUERY = ("limit", "marker", "entityId", "uri", "agentId")
_OR_NULL: schemas.Schema = {"type": ["string", "null"]}
_STATE: schemas.Schema = {
    "type": "object",
    "properties": {
        "timestamp": schemas.MOMENT,
        **dict.fromkeys(("entity_id", "alarm_id", "check_id", "status", "state", "previous_state"), schemas.TEXT),
        "analyzed_by_monitoring_zone_id": _OR_NULL,
    },
    "required": ["timestamp", "entity_id", "alarm_id", "check_id", "status", "state", "previous_state"],
}
_COUNT: schemas.Schema = {
    "type": "object",
    "properties": {"notification_plan_id": schemas.TEXT, "alarm_count": {"type": "integer", "minimum": 0}},
    "required": ["notification_plan_id", "alarm_count"],
}
_View = Callable[[Request, Named, str | None, int], Awaitable[Page]]


def _list(item: schemas.Schema) -> schemas.Schema:
    return {"type": "array", "items": item}


def _object(**properties: schemas.Schema) -> schemas.Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def entity_routes(
    views: Views, entities: DocumentService, checks: DocumentService, alarms: DocumentService
) -> list[HTTPRouteHandler]:
    """Views of entities and what belongs to them."""
    overview = _object(
        entity=schemas.shown(entities.resource),
        checks=_list(schemas.shown(checks.resource)),
        alarms=_list(schemas.shown(alarms.resource)),
        latest_alarm_states=_list(_STATE),
    )
    states = _object(
        entity_id=schemas.TEXT, entity_uri=_OR_NULL, entity_label=_OR_NULL, latest_alarm_states=_list(_STATE)
    )
    metrics = _object(entity_id=schemas.TEXT, entity_label=_OR_NULL, checks=_list(schemas.ANY_OBJECT))

    @get("/v1.0/views/alarmsByNp/{key:str}",
         opt=_READ | {"lists": schemas.shown(alarms.resource), "query": ("limit", "marker")},
         operation_id="view_alarms_by_plan")  # fmt: skip
    async def by_plan(request: Call, key: FromPath[str]) -> Answer:
        """Alarms of a notification plan."""
        limit = answers.limit_of(request)
        return answers.listed(
            request, await views.alarms_of_plan(request.asked, key, answers.marker_of(request), limit)
        )

    return [
        _view("overview", overview, views.overview, "Entities with their checks, alarms and latest alarm states."),
        _view("latest_alarm_states", states, views.latest_alarm_states, "Latest alarm states by entity."),
        _view("metric_list", metrics, views.metric_list, "Metrics by entity and check."),
        by_plan,
    ]


def _view(name: str, item: schemas.Schema, ask: _View, summary: str) -> HTTPRouteHandler:
    async def index(request: Call) -> Answer:
        limit = answers.limit_of(request)
        return answers.listed(request, await ask(request.asked, named(request), answers.marker_of(request), limit))

    index.__doc__ = summary
    options = {"needs": Capability.READ, "lists": item, "query": _QUERY, "faults": frozenset({404})}
    return get(f"/v1.0/views/{name}", opt=options, operation_id=f"view_{name}")(index)


def agent_routes(listing: AgentListing, host_info: HostInfoView) -> list[HTTPRouteHandler]:
    """Views of agents."""
    connected = _object(agent_id=schemas.TEXT, connections=_list(CONNECTION))

    @get("/v1.0/views/connections", opt=_READ | {"lists": connected, "query": ("agentId",)},
         operation_id="view_connections")  # fmt: skip
    async def connections(request: Call) -> Answer:
        """Live connections by agent."""
        agent_ids = answers.texts_of(request, "agentId", "ids of agents")
        if not 1 <= len(agent_ids) <= MOST_NAMED:
            raise invalid("agentId", f"Expected between 1 and {MOST_NAMED} ids of agents")
        return answers.page(request, await listing.of_each(request.asked, agent_ids), None, None)

    told = _object(agent_id=_OR_NULL, entity_id=schemas.TEXT, entity_uri=_OR_NULL, host_info=schemas.ANY_OBJECT)

    @get("/v1.0/views/agent_host_info",
         opt=_READ | {"lists": told, "query": (*_QUERY, "include"), "faults": frozenset({404, 501})},
         operation_id="view_agent_host_info")  # fmt: skip
    async def info(request: Call) -> Answer:
        """Host info of several entities' agents."""
        limit, types = answers.limit_of(request), answers.texts_of(request, "include", "types of host info")
        split = [type for given in types for type in given.split(",") if type]
        if not split:
            raise invalid("include", "Expected at least one type of host info")
        if named(request).first is None:
            raise invalid("agentId, entityId, uri", "Expected an agentId, an entityId or an entity's uri")
        found = await host_info.page(request.asked, named(request), split, answers.marker_of(request), limit)
        return answers.listed(request, found)

    return [connections, info]


def plan_routes(plans: PlanViews, shown: schemas.Schema) -> list[HTTPRouteHandler]:
    """Views of notification plans."""
    paged = ("limit", "marker")

    @get("/v1.0/views/alarmCountsPerNp", opt=_READ | {"lists": _COUNT, "query": paged},
         operation_id="view_alarm_counts_by_plan")  # fmt: skip
    async def counts(request: Call) -> Answer:
        """How many alarms each notification plan has."""
        limit = answers.limit_of(request)
        return answers.listed(request, await plans.alarm_counts(request.asked, answers.marker_of(request), limit))

    @get("/v1.0/private/reach/notification_plans", opt=_READ | {"lists": shown, "query": paged},
         operation_id="list_notification_plans_managed_first")  # fmt: skip
    async def managed_first(request: Call) -> Answer:
        """Notification plans, the managed ones first."""
        limit = answers.limit_of(request)
        return answers.listed(request, await plans.managed_first(request.asked, answers.marker_of(request), limit))

    return [counts, managed_first]


def named(request: Call) -> Named:
    """The entities that the query names."""
    return Named(
        entity_ids=answers.texts_of(request, "entityId", "ids of entities"),
        uris=answers.texts_of(request, "uri", "uris of entities"),
        agent_ids=answers.texts_of(request, "agentId", "ids of agents"),
    )
