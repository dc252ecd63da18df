"""The documented operations of what was observed, decided and told, and of what is run once."""

from __future__ import annotations

from tests.conformance.case import Case
from tests.conformance.configuration_cases import ALARM, CHECK, ENTITY
from tests.conformance.shapes import MOMENT, OR_NULL, Each, ZeroOrMore, page

_METRIC = {"type": str, "data": (str, int, float, bool)}
_OBSERVATION = {
    "timestamp": MOMENT, "monitoring_zone_id": OR_NULL, "available": bool, "status": str, "metrics": Each(_METRIC),
}  # fmt: skip
_RESULT = {
    "notification_id": str, "notification_type": str, "notification_details": dict, "in_progress": bool,
    "message": str, "success": bool, "attempts": [{"message": str, "from": str}],
}  # fmt: skip
_ENTRY = {
    "id": str, "timestamp": MOMENT, "notification_plan_id": str, "transaction_id": str, "status": str, "state": str,
    "previous_state": str, "notification_results": [_RESULT],
}  # fmt: skip
_CHANGE = {
    "id": str, "timestamp": MOMENT, "entity_id": str, "alarm_id": str, "check_id": str, "state": str,
    "previous_state": str, "analyzed_by_monitoring_zone_id": OR_NULL,
}  # fmt: skip
_SUPPRESSION_LOG = {
    "id": str, "entity_id": str, "alarm_id": str, "check_id": str, "notification_plan_id": str, "suppressions": [str],
    "state": str, "timestamp": MOMENT, "transaction_id": str,
}  # fmt: skip
_STATE = {
    "timestamp": MOMENT, "entity_id": str, "alarm_id": str, "check_id": str, "status": str, "state": str,
    "previous_state": str, "analyzed_by_monitoring_zone_id": OR_NULL,
}  # fmt: skip
_AGENT = {"id": str, "last_connected": MOMENT}
_CONNECTION = {
    "id": str, "guid": str, "agent_id": str, "endpoint": str, "process_version": str, "bundle_version": str,
    "agent_ip": str,
}  # fmt: skip
_TESTED = {"status": str, "message": str}

_ENTITY = "/entities/<entity>"
_METRICS = f"{_ENTITY}/checks/<check>/metrics"
_HISTORY = f"{_ENTITY}/alarms/<alarm>/notification_history"
_DESCRIBED = {
    "type": "remote.http", "details": {"url": "<page>", "method": "GET"}, "monitoring_zones_poll": ["mzdfw"],
    "timeout": 30, "target_alias": "default",
}  # fmt: skip
_EVER = {"from": 0, "to": 9_999_999_999_999}


def _host_info(name: str, type: str, info: object) -> Case:
    return Case(name, f"/agents/<agent>/host_info{type}", shape={"timestamp": MOMENT, "info": info})


CASES = (
    Case("test check", f"{_ENTITY}/test-check", body=_DESCRIBED, shape=[_OBSERVATION]),
    Case("test check with debug", f"{_ENTITY}/test-check", body=_DESCRIBED, query={"debug": "true"},
         shape=[_OBSERVATION | {"debug_info": {"body": str}}]),
    Case("test existing check", f"{_ENTITY}/checks/<remote>/test", shape=[_OBSERVATION]),
    Case("test alarm", f"{_ENTITY}/test-alarm", shape=[{"timestamp": MOMENT, "state": str, "status": str}],
         body={"criteria": 'if (metric["code"] == "404") { return new AlarmStatus(CRITICAL, "not found"); }',
               "check_data": [{"timestamp": 1319222001982, "monitoring_zone_id": "mzdfw", "available": True,
                               "status": "code=200", "metrics": {"bytes": {"type": "i", "data": "0"},
                                                                 "code": {"type": "s", "data": "200"}}}]}),
    Case("test notification", "/test-notification", body={"type": "webhook", "details": {"url": "<hook>"}},
         shape=_TESTED),
    Case("test existing notification", "/notifications/<notification>/test", shape=_TESTED),
    Case("traceroute", "/monitoring_zones/mzdfw/traceroute", body={"target": "127.0.0.1", "target_resolver": "IPv4"},
         shape={"result": [{"number": int, "ip": str, "rtts": [float]}]}),

    Case("list history checks", _HISTORY, shape={"check_ids": [str]}),
    Case("list history", f"{_HISTORY}/<check>", shape=page(_ENTRY)),
    Case("get history", f"{_HISTORY}/<check>/<history>", shape=_ENTRY),
    Case("list changelogs", "/changelogs/alarms", shape=page(_CHANGE)),
    Case("list entity changelogs", "/changelogs/alarms", query={"entityId": "<entity>"}, shape=page(_CHANGE)),
    Case("list suppression logs", "/suppression_logs", shape=page(_SUPPRESSION_LOG)),

    Case("list metrics", _METRICS, shape=page({"name": str, "unit": str, "type": str})),
    Case("plot metric", f"{_METRICS}/used/plot", query=_EVER | {"resolution": "FULL"},
         shape=page({"numPoints": int, "average": (int, float), "timestamp": MOMENT})),
    Case("plot metric", f"{_METRICS}/used/plot",
         query=_EVER | {"points": 100, "select": ["min", "max", "variance", "average"]},
         shape=page({"numPoints": int, "average": (int, float), "min": (int, float), "max": (int, float),
                     "variance": (int, float), "timestamp": MOMENT})),

    Case("overview", "/views/overview", query={"entityId": "<entity>"},
         shape=page({"entity": ENTITY, "checks": [CHECK], "alarms": [ALARM], "latest_alarm_states": [_STATE]})),
    Case("overview", "/views/overview",
         shape=page({"entity": ENTITY, "checks": ZeroOrMore(CHECK), "alarms": ZeroOrMore(ALARM),
                     "latest_alarm_states": ZeroOrMore(_STATE)})),
    Case("alarms by plan", "/views/alarmsByNp/<plan>", shape=page(ALARM)),

    Case("list agents", "/agents", shape=page(_AGENT)),
    Case("get agent", "/agents/<agent>", shape=_AGENT),
    Case("list connections", "/agents/<agent>/connections", shape=page(_CONNECTION)),
    Case("get connection", "/agents/<agent>/connections/<connection>", shape=_CONNECTION),

    Case("list host info types", "/agents/<agent>/host_info_types",
         shape={"timestamp": MOMENT, "info": {"types": [str]}}),
    _host_info("host info: cpus", "/cpus", [{"name": str, "idle": int, "total": int}]),
    _host_info("host info: disks", "/disks", ZeroOrMore({"name": str, "reads": int, "writes": int})),
    _host_info("host info: filesystems", "/filesystems", [{"dir_name": str, "total": int, "free": int}]),
    _host_info("host info: memory", "/memory", {"total": int, "used": int, "free": int}),
    _host_info("host info: interfaces", "/network_interaces", [{"name": str, "rx_bytes": int, "tx_bytes": int}]),
    _host_info("host info: processes", "/processes", [{"pid": int, "state_name": str}]),
    _host_info("host info: system", "/system", {"name": str, "arch": str, "version": str}),
    _host_info("host info: who", "/who", ZeroOrMore({"user": str, "device": str, "time": int})),
    Case("list targets", f"{_ENTITY}/agent/check_types/agent.filesystem/targets",
         shape=page({"id": str, "label": str})),
)  # fmt: skip
