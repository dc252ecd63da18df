"""The documented operations of what a tenant configures."""

from __future__ import annotations

from tests.conformance.case import Case
from tests.conformance.shapes import MOMENT, OR_NULL, Each, ZeroOrMore, page

_RATE = {"limit": int, "used": int, "window": str}
_AUDIT = {
    "id": str, "timestamp": MOMENT, "headers": Each(str), "url": str, "app": str, "query": (str, dict, None),
    "txnId": str, "payload": OR_NULL, "method": str, "account_id": str, "who": OR_NULL, "why": OR_NULL,
    "statusCode": int,
}  # fmt: skip
_STAMPS = {"created_at": MOMENT, "updated_at": MOMENT}
_SUPPRESSIONS = dict.fromkeys(("active_suppressions", "scheduled_suppressions"), (ZeroOrMore(str), None))
ENTITY = {
    "id": str, "label": str, "ip_addresses": Each(str), "metadata": (Each(str), None), "managed": bool,
    "uri": OR_NULL, "agent_id": OR_NULL, **_STAMPS, **_SUPPRESSIONS,
}  # fmt: skip
CHECK = {
    "id": str, "label": OR_NULL, "type": str, "details": dict, "monitoring_zones_poll": (ZeroOrMore(str), None),
    "timeout": int, "period": int, "target_alias": OR_NULL, "target_hostname": OR_NULL, "target_resolver": OR_NULL,
    "disabled": bool, "metadata": (dict, None), **_STAMPS, **_SUPPRESSIONS,
}  # fmt: skip
ALARM = {
    "id": str, "check_id": str, "entity_id": str, "criteria": OR_NULL, "notification_plan_id": str, "label": OR_NULL,
    "disabled": bool, "metadata": (dict, None), **_STAMPS,
}  # fmt: skip
_NOTIFICATION = {"id": str, "label": str, "type": str, "details": dict, "metadata": (Each(str), None)}
_PLAN = {
    "id": str, "label": str, "critical_state": ZeroOrMore(str), "warning_state": ZeroOrMore(str),
    "ok_state": ZeroOrMore(str), "metadata": (Each(str), None),
}  # fmt: skip
_BUILT_IN_ZONE = {"id": str, "label": str, "country_code": str, "source_ips": ZeroOrMore(str)}
_PRIVATE_ZONE = {
    "id": str, "label": str, "maximum_checks": (int, None), "maximum_agents": (int, None), "disabled": bool,
    "metadata": (dict, None),
}  # fmt: skip
_SUPPRESSION = {
    "id": str, "notification_plans": ZeroOrMore(str), "entities": ZeroOrMore(str), "checks": ZeroOrMore(str),
    "alarms": ZeroOrMore(str), "start_time": MOMENT, "end_time": MOMENT,
}  # fmt: skip
_FIELD = {"name": str, "description": str, "optional": bool}
_CHECK_TYPE = {"id": str, "category": str, "type": str, "fields": ZeroOrMore(_FIELD)}
_NOTIFICATION_TYPE = {"id": str, "fields": (ZeroOrMore(_FIELD), None)}
_EXAMPLE = {
    "id": str, "label": str, "description": str, "check_type": str, "criteria": str,
    "fields": ZeroOrMore({"name": str, "description": str, "type": str}),
}  # fmt: skip
_TOKEN = {"id": str, "token": str, "label": OR_NULL, **_STAMPS}

_ENTITY = "/entities/<entity>"
_HTTP_CHECK = {
    "label": "Home page",
    "type": "remote.http",
    "details": {"url": "<page>", "method": "GET"},
    "monitoring_zones_poll": ["mzdfw"],
    "timeout": 30,
    "period": 100,
    "target_alias": "default",
}

CASES = (
    Case("get account", "/account", shape={"id": str, "metadata": (Each(str), None), "webhook_token": OR_NULL}),
    Case("update account", "/account", 204, body={"webhook_token": "hook-token-1"}),
    Case(
        "get limits", "/limits",
        shape={"resource": {"checks": int, "alarms": int},
               "rate": dict.fromkeys(("global", "test_check", "test_alarm", "test_notification", "traceroute"), _RATE)},
    ),
    Case("list audits", "/audits", shape=page(_AUDIT)),

    Case("create entity", "/entities", 201, prefix="en",
         body={"label": "A new one", "ip_addresses": {"front": "192.0.2.4", "b": "192.0.2.5", "c": "2001:db8::6"},
               "metadata": {"made": "by", "a": "test"}}),
    Case("list entities", "/entities", shape=page(ENTITY)),
    Case("get entity", _ENTITY, shape=ENTITY),
    Case("update entity", _ENTITY, 204, body={"label": "A new name"}),
    Case("delete entity", "/entities/<spare-entity>", 204),

    Case("create check", f"{_ENTITY}/checks", 201, body=_HTTP_CHECK, prefix="ch"),
    Case("list checks", f"{_ENTITY}/checks", shape=page(CHECK)),
    Case("get check", f"{_ENTITY}/checks/<remote>", shape=CHECK),
    Case("update check", f"{_ENTITY}/checks/<remote>", 204, body={"label": "A new label", "timeout": 10}),
    Case("delete check", f"{_ENTITY}/checks/<spare-check>", 204),
    Case("list check types", "/check_types", shape=page(_CHECK_TYPE)),
    Case("get check type", "/check_types/remote.dns", shape=_CHECK_TYPE | {"fields": [_FIELD]}),

    Case("create alarm", f"{_ENTITY}/alarms", 201, prefix="al",
         body={"check_id": "<check>", "notification_plan_id": "<plan>",
               "criteria": 'if (metric["used"] > 2) { return new AlarmStatus(OK); } return new AlarmStatus(WARNING);'}),
    Case("list alarms", f"{_ENTITY}/alarms", shape=page(ALARM)),
    Case("get alarm", f"{_ENTITY}/alarms/<alarm>", shape=ALARM),
    Case("update alarm", f"{_ENTITY}/alarms/<alarm>", 204,
         body={"criteria": 'if (metric["used"] < 9) { return new AlarmStatus(OK); } return new AlarmStatus(WARNING);'}),
    Case("delete alarm", f"{_ENTITY}/alarms/<spare-alarm>", 204),
    Case("list alarm examples", "/alarm_examples", shape=page(_EXAMPLE)),
    Case("get alarm example", "/alarm_examples/remote.http_body_match_1", shape=_EXAMPLE),
    Case("evaluate alarm example", "/alarm_examples/remote.http_body_match_1", body={"values": {"string": "12345"}},
         shape={"bound_criteria": str}),

    Case("create plan", "/notification_plans", 201, prefix="np",
         body={"label": "Plan 1", "critical_state": ["<notification>"], "warning_state": ["<notification>"],
               "ok_state": ["<notification>"]}),
    Case("list plans", "/notification_plans", shape=page(_PLAN)),
    Case("get plan", "/notification_plans/<plan>", shape=_PLAN | _STAMPS),
    Case("update plan", "/notification_plans/<plan>", 204,
         body={"critical_state": ["<notification>"], "warning_state": []}),
    Case("delete plan", "/notification_plans/<spare-plan>", 204),
    Case("list plans managed first", "/private/reach/notification_plans", shape=page(_PLAN)),
    Case("list notification types", "/notification_types", shape=page(_NOTIFICATION_TYPE)),
    Case("get notification type", "/notification_types/webhook", shape={"id": str, "fields": [_FIELD]}),

    Case("create notification", "/notifications", 201, prefix="nt",
         body={"label": "my webhook", "type": "webhook", "details": {"url": "https://example.org/alert"}}),
    Case("create notification", "/notifications", 201, prefix="nt",
         body={"label": "my email", "type": "email", "details": {"address": "alice@example.org"}}),
    Case("create notification", "/notifications", 201, prefix="nt",
         body={"label": "my PagerDuty", "type": "pagerduty", "details": {"service_key": "0123456789abcdef" * 2}}),
    Case("create notification", "/notifications", 201, prefix="nt",
         body={"label": "my phone", "type": "sms", "details": {"phone_number": "+15550100123"}}),
    Case("list notifications", "/notifications", shape=page(_NOTIFICATION)),
    Case("get notification", "/notifications/<notification>", shape=_NOTIFICATION | _STAMPS),
    Case("update notification", "/notifications/<notification>", 204,
         body={"type": "webhook", "details": {"url": "<hook>"}}),
    Case("delete notification", "/notifications/<spare-notification>", 204),

    Case("list zones", "/monitoring_zones", shape=page((_BUILT_IN_ZONE, _PRIVATE_ZONE))),
    Case("get zone", "/monitoring_zones/mzdfw", shape=_BUILT_IN_ZONE),
    Case("get zone", "/monitoring_zones/<zone>", shape=_PRIVATE_ZONE),
    Case("create private zone", "/monitoring_zones/", 201, prefix="pz", body={"label": "Zone A"},
         location="/private_monitoring_zones"),
    Case("update private zone", "/monitoring_zones/<zone>", 204, body={"label": "Zone A, changed"},
         location="/private_monitoring_zones/<zone>"),
    Case("delete private zone", "/monitoring_zones/<spare-zone>", 204),

    Case("create suppression", "/suppressions", 201, prefix="sp",
         body={"entities": ["<entity>"], "checks": ["<entity>:<check>"], "start_time": 0, "end_time": "<later>"}),
    Case("create suppression", "/suppressions", 201, prefix="sp",
         body={"checks": ["<entity>:<check>"], "start_time": "<later>", "end_time": "<later>"}),
    Case("create suppression", "/suppressions", 201, prefix="sp",
         body={"notification_plans": ["<plan>"], "alarms": ["<entity>:<alarm>"], "end_time": "<later>"}),
    Case("list suppressions", "/suppressions", shape=page(_SUPPRESSION)),
    Case("get suppression", "/suppressions/<suppression>", shape=_SUPPRESSION | _STAMPS),
    Case("update suppression", "/suppressions/<coming>", 204, body={"entities": ["<entity>"], "end_time": "<later>"}),
    Case("delete suppression", "/suppressions/<spare-suppression>", 204),

    Case("create agent token", "/agent_tokens", 201, body={"label": "Some label"}),
    Case("list agent tokens", "/agent_tokens", shape=page(_TOKEN)),
    Case("get agent token", "/agent_tokens/<token>", shape=_TOKEN),
    Case("update agent token", "/agent_tokens/<token>", 204, body={"label": "a new label"}),
    Case("delete agent token", "/agent_tokens/<spare-token>", 204),
)  # fmt: skip
