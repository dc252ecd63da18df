"""The operations of the public reference, one for each of its pages, and the addresses that this server has beside.

The reference is not part of this project, so the list itself is the datum: 83 pages, of which two pairs describe one
address twice (a test of a check with and without debug information, changelogs with and without an entity).
"""

from __future__ import annotations

from typing import NamedTuple

DOCUMENTED_PAGES = 83


class Operation(NamedTuple):
    """One page of the reference."""

    name: str
    method: str
    path: str  # below the tenant, with parameters as the reference names them

    @property
    def address(self) -> tuple[str, str]:
        """(method, path with its parameters unnamed)."""
        return self.method, unnamed(self.path)


def unnamed(path: str) -> str:
    """A path without the names of its parameters: `/entities/{}`."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


_TABLE = """
get account                 GET    /account
update account              PUT    /account
get limits                  GET    /limits
list audits                 GET    /audits

create entity               POST   /entities
list entities               GET    /entities
get entity                  GET    /entities/{entityId}
update entity               PUT    /entities/{entityId}
delete entity               DELETE /entities/{entityId}

create check                POST   /entities/{entityId}/checks
test check                  POST   /entities/{entityId}/test-check
test check with debug       POST   /entities/{entityId}/test-check
test existing check         POST   /entities/{entityId}/checks/{checkId}/test
list checks                 GET    /entities/{entityId}/checks
get check                   GET    /entities/{entityId}/checks/{checkId}
update check                PUT    /entities/{entityId}/checks/{checkId}
delete check                DELETE /entities/{entityId}/checks/{checkId}

list check types            GET    /check_types
get check type              GET    /check_types/{checkTypeId}

create alarm                POST   /entities/{entityId}/alarms
test alarm                  POST   /entities/{entityId}/test-alarm
list alarms                 GET    /entities/{entityId}/alarms
get alarm                   GET    /entities/{entityId}/alarms/{alarmId}
update alarm                PUT    /entities/{entityId}/alarms/{alarmId}
delete alarm                DELETE /entities/{entityId}/alarms/{alarmId}

list history checks         GET    /entities/{entityId}/alarms/{alarmId}/notification_history
list history                GET    /entities/{entityId}/alarms/{alarmId}/notification_history/{checkId}
get history                 GET    /entities/{entityId}/alarms/{alarmId}/notification_history/{checkId}/{uuid}

list alarm examples         GET    /alarm_examples
get alarm example           GET    /alarm_examples/{alarmExampleId}
evaluate alarm example      POST   /alarm_examples/{alarmExampleId}

list changelogs             GET    /changelogs/alarms
list entity changelogs      GET    /changelogs/alarms

list metrics                GET    /entities/{entityId}/checks/{checkId}/metrics
plot metric                 GET    /entities/{entityId}/checks/{checkId}/metrics/{metricName}/plot

create plan                 POST   /notification_plans
list plans                  GET    /notification_plans
get plan                    GET    /notification_plans/{notificationPlanId}
update plan                 PUT    /notification_plans/{notificationPlanId}
delete plan                 DELETE /notification_plans/{notificationPlanId}
list plans managed first    GET    /private/reach/notification_plans

list notification types     GET    /notification_types
get notification type       GET    /notification_types/{notificationTypeId}

create notification         POST   /notifications
test notification           POST   /test-notification
list notifications          GET    /notifications
test existing notification  POST   /notifications/{notificationId}/test
get notification            GET    /notifications/{notificationId}
update notification         PUT    /notifications/{notificationId}
delete notification         DELETE /notifications/{notificationId}

list zones                  GET    /monitoring_zones
get zone                    GET    /monitoring_zones/{monitoringZoneId}
traceroute                  POST   /monitoring_zones/{monitoringZoneId}/traceroute
create private zone         POST   /monitoring_zones
update private zone         PUT    /monitoring_zones/{monitoringZoneId}
delete private zone         DELETE /monitoring_zones/{monitoringZoneId}

create suppression          POST   /suppressions
list suppressions           GET    /suppressions
get suppression             GET    /suppressions/{suppressionId}
update suppression          PUT    /suppressions/{suppressionId}
delete suppression          DELETE /suppressions/{suppressionId}
list suppression logs       GET    /suppression_logs

overview                    GET    /views/overview
alarms by plan              GET    /views/alarmsByNp/{notificationPlanId}

create agent token          POST   /agent_tokens
list agent tokens           GET    /agent_tokens
get agent token             GET    /agent_tokens/{tokenId}
update agent token          PUT    /agent_tokens/{tokenId}
delete agent token          DELETE /agent_tokens/{tokenId}

list agents                 GET    /agents
get agent                   GET    /agents/{agentId}
list connections            GET    /agents/{agentId}/connections
get connection              GET    /agents/{agentId}/connections/{connId}

list host info types        GET    /agents/{agentId}/host_info_types
host info: cpus             GET    /agents/{agentId}/host_info/cpus
host info: disks            GET    /agents/{agentId}/host_info/disks
host info: filesystems      GET    /agents/{agentId}/host_info/filesystems
host info: memory           GET    /agents/{agentId}/host_info/memory
host info: interfaces       GET    /agents/{agentId}/host_info/network_interaces
host info: processes        GET    /agents/{agentId}/host_info/processes
host info: system           GET    /agents/{agentId}/host_info/system
host info: who              GET    /agents/{agentId}/host_info/who

list targets                GET    /entities/{entityId}/agent/check_types/{agentCheckType}/targets
"""

OPERATIONS = tuple(
    Operation(" ".join(words[:-2]), words[-2], words[-1])
    for words in (line.split() for line in _TABLE.splitlines() if line)
)

# What real clients use though the reference has no page of it, and what this server adds. Identity is among the first.
_ADDITIONAL = """
POST   /agent_installers
GET    /agent_installers/{}
GET    /entities/{}/agent/host_info/{}
GET    /usage
GET    /views/latest_alarm_states
GET    /views/metric_list
GET    /views/agent_host_info
GET    /views/connections
GET    /views/alarmCountsPerNp
GET    /__experiments/json_home
POST   /__experiments/multiplot
POST   /agents/{}/upgrade
POST   /test-notifications

GET    /agent_tokens/{}/agents
POST   /agent_tokens/{}/rotate
POST   /agent_tokens/{}/rotate/finish
GET    /entities/{}/alarms/{}/explain
POST   /entities/{}/alarms/{}/backtest
GET    /monitoring_zones/{}/standing
"""
ADDITIONAL = frozenset((line.split()[0], line.split()[1]) for line in _ADDITIONAL.splitlines() if line)

# `host_info/{type}` is one route here; the reference has a page for each type.
ONE_ROUTE = ("GET", "/agents/{}/host_info/{}")

OUTSIDE = frozenset(
    {
        ("GET", "/"),
        ("GET", "/v1.0"),
        ("GET", "/v2.0"),
        ("POST", "/v2.0/tokens"),
        ("GET", "/v2.0/tokens/{}"),
        ("HEAD", "/v2.0/tokens/{}"),
        ("DELETE", "/v2.0/tokens/{}"),
        ("GET", "/v2.0/tokens/{}/endpoints"),
        ("GET", "/v2.0/tenants"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
    }
)
"""Not below a tenant."""
