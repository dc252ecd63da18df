"""Examples of alarms, as templates with fields (reference: alarm examples)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from vedette.domain.faults import invalid

_HOLE = re.compile(r"\$\{([a-z._]+)\}")
STRING = "string"
INTEGER = "integer"
WHOLE = "whole number (may be zero padded)"


class Field(msgspec.Struct, frozen=True):
    """What is to be filled in."""

    name: str
    description: str
    type: str = WHOLE

    def bound(self, value: Any) -> str:
        """The value as the criteria write it. Raises the fault that names it."""
        key = f"values.{self.name}"
        if value is None:
            raise invalid(key, f"Missing required key ({self.name})")
        if self.type == STRING:
            return _in_quotes(value, key)
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        sign = "-?" if self.type == INTEGER else ""
        if not isinstance(text, str) or re.fullmatch(f"{sign}[0-9]{{1,18}}", text, re.ASCII) is None:
            raise invalid(key, f"Expected a {self.type}" if self.type == WHOLE else "Expected an integer")
        return str(int(text))


def _in_quotes(value: Any, key: str) -> str:
    """Text as it stands between quotes of either kind."""
    if not isinstance(value, str) or not 1 <= len(value) <= 255 or "\0" in value:
        raise invalid(key, "Expected a string between 1 and 255 characters long")
    return value.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')


class AlarmExample(msgspec.Struct, frozen=True, kw_only=True):
    """Criteria for a check type, with `${name}` where a field's value goes."""

    id: str
    label: str
    description: str
    check_type: str
    criteria: str
    fields: tuple[Field, ...] = ()

    def bound(self, values: Mapping[str, Any]) -> str:
        """The criteria with every field filled in; values of no field are left alone. Raises faults."""
        texts = {field.name: field.bound(values.get(field.name)) for field in self.fields}
        return _HOLE.sub(lambda hole: texts[hole[1]], self.criteria)


def _thresholds(what: str, unit: str, type: str = WHOLE) -> tuple[Field, ...]:
    return (
        Field("warning_threshold", f"{what} above which the state is WARNING, {unit}", type),
        Field("critical_threshold", f"{what} above which the state is CRITICAL, {unit}", type),
    )


def _two_steps(operand: str, operator: str, told: str, fine: str) -> str:
    """CRITICAL beyond one threshold, WARNING beyond another; `told` says so with `${...}` for the threshold."""
    steps = [
        f"if ({operand} {operator} ${{{name}_threshold}}) {{\n"
        f"  return new AlarmStatus({name.upper()}, '{told.replace('THRESHOLD', f'${{{name}_threshold}}')}');\n}}\n"
        for name in ("critical", "warning")
    ]
    return "\n".join([*steps, f"return new AlarmStatus(OK, '{fine}');\n"])


_LISTED = (
    AlarmExample(
        id="remote.http_body_match_1",
        label="Body match: text found",
        description="CRITICAL when what `body` looked for is found and holds a text",
        check_type="remote.http",
        criteria="if (metric['body_match'] regex '${string}') {\n"
        "  return new AlarmStatus(CRITICAL, 'The body holds ${string}.');\n}\n",
        fields=(Field("string", "What is looked for in the body: a regular expression", STRING),),
    ),
    AlarmExample(
        id="remote.http_body_match_missing_string",
        label="Body match: text not found",
        description="CRITICAL when what `body` looked for is not found",
        check_type="remote.http",
        criteria="if (metric['body_match'] == '') {\n"
        "  return new AlarmStatus(CRITICAL, 'The body does not hold what it should.');\n}\n\n"
        "return new AlarmStatus(OK, 'The body holds what it should.');\n",
    ),
    AlarmExample(
        id="remote.http_connection_time",
        label="Response time",
        description="WARNING or CRITICAL when a response takes too long",
        check_type="remote.http",
        criteria=_two_steps("metric['duration']", ">", "The response took more than THRESHOLD ms.",
                            "The response came in time."),
        fields=_thresholds("Time", "in milliseconds", INTEGER),
    ),
    AlarmExample(
        id="remote.http_status_code",
        label="Status code",
        description="WARNING when the server answers with a 4xx status, CRITICAL when it answers with a 5xx status",
        check_type="remote.http",
        criteria="if (metric['code'] regex '^4[0-9][0-9]$') {\n"
        "  return new AlarmStatus(WARNING, 'The server answers #{code}.');\n}\n\n"
        "if (metric['code'] regex '^5[0-9][0-9]$') {\n"
        "  return new AlarmStatus(CRITICAL, 'The server answers #{code}.');\n}\n\n"
        "return new AlarmStatus(OK, 'The server answers as it should.');\n",
    ),
    AlarmExample(
        id="remote.http_cert_expiration",
        label="Expiry of the certificate",
        description="WARNING or CRITICAL when the certificate expires soon",
        check_type="remote.http",
        criteria=_two_steps("metric['cert_end_in']", "<", "The certificate expires in less than THRESHOLD seconds.",
                            "The certificate is valid for long enough."),
        fields=(
            Field("warning_threshold", "Time left below which the state is WARNING, in seconds", INTEGER),
            Field("critical_threshold", "Time left below which the state is CRITICAL, in seconds", INTEGER),
        ),
    ),
    AlarmExample(
        id="remote.dns_address_match",
        label="DNS: address",
        description="CRITICAL when the name does not resolve to an address",
        check_type="remote.dns",
        criteria="if (metric['answer'] regex '${address}') {\n"
        "  return new AlarmStatus(OK, 'The name resolves to the right address.');\n}\n\n"
        "return new AlarmStatus(CRITICAL, 'The name does not resolve to ${address}.');\n",
        fields=(Field("address", "Address that the name is to resolve to", STRING),),
    ),
    AlarmExample(
        id="remote.ssh_fingerprint_match",
        label="SSH: fingerprint",
        description="CRITICAL when the fingerprint of the host key is another one",
        check_type="remote.ssh",
        criteria="if (metric['fingerprint'] != '${fingerprint}') {\n"
        "  return new AlarmStatus(CRITICAL, 'The fingerprint is #{fingerprint}, not ${fingerprint}.');\n}\n\n"
        "return new AlarmStatus(OK, 'The fingerprint is the right one.');\n",
        fields=(Field("fingerprint", "Fingerprint that the host key is to have", STRING),),
    ),
    AlarmExample(
        id="remote.ping_packet_loss",
        label="Ping: lost packets",
        description="WARNING when more than 5 % of the packets are lost, CRITICAL when more than 20 % are",
        check_type="remote.ping",
        criteria="if (metric['available'] < 80) {\n"
        "  return new AlarmStatus(CRITICAL, 'Only #{available}% of the packets came back.');\n}\n\n"
        "if (metric['available'] < 95) {\n"
        "  return new AlarmStatus(WARNING, 'Only #{available}% of the packets came back.');\n}\n\n"
        "return new AlarmStatus(OK, 'Few packets are lost.');\n",
    ),
    AlarmExample(
        id="remote.tcp_connection_time",
        label="TCP: connection time",
        description="WARNING or CRITICAL when connecting takes too long",
        check_type="remote.tcp",
        criteria=_two_steps("metric['duration']", ">", "The connection took more than THRESHOLD ms.",
                            "The connection was made in time."),
        fields=_thresholds("Time", "in milliseconds", INTEGER),
    ),
    AlarmExample(
        id="remote.dns_spf_record_include_match",
        label="DNS: SPF record",
        description="CRITICAL when the SPF record does not include a domain",
        check_type="remote.dns",
        criteria="if (metric['answer'] regex 'v=spf1.* include:${domain} .*[~-]all') {\n"
        "  return new AlarmStatus(OK, 'The SPF record includes ${domain}.');\n}\n\n"
        "return new AlarmStatus(CRITICAL, 'The SPF record does not include ${domain}.');\n",
        fields=(Field("domain", "Domain that the record is to include: a regular expression", STRING),),
    ),
    AlarmExample(
        id="remote.dns_dkim_public_key_match",
        label="DNS: DKIM record",
        description="CRITICAL when the DKIM record does not hold a public key",
        check_type="remote.dns",
        criteria="if (metric['answer'] regex 'p=${public_key}$') {\n"
        "  return new AlarmStatus(OK, 'The DKIM record holds the right key.');\n}\n\n"
        "return new AlarmStatus(CRITICAL, 'The DKIM record does not hold the right key.');\n",
        fields=(Field("public_key", "Public key, as a regular expression: with a backslash before each +", STRING),),
    ),
    AlarmExample(
        id="agent.cpu_usage_average",
        label="CPU usage",
        description="WARNING or CRITICAL when the CPUs are too busy on average",
        check_type="agent.cpu",
        criteria=_two_steps("metric['usage_average']", ">", "CPU usage is #{usage_average}%, more than THRESHOLD%.",
                            "CPU usage is #{usage_average}%."),
        fields=_thresholds("CPU usage", "in percent"),
    ),
    AlarmExample(
        id="agent.memory_usage",
        label="Memory usage",
        description="WARNING when more than 80 % of the memory is used, CRITICAL when more than 90 % is",
        check_type="agent.memory",
        criteria="if (percentage(metric['actual_used'], metric['total']) > 90) {\n"
        "  return new AlarmStatus(CRITICAL, 'More than 90% of the memory is used.');\n}\n\n"
        "if (percentage(metric['actual_used'], metric['total']) > 80) {\n"
        "  return new AlarmStatus(WARNING, 'More than 80% of the memory is used.');\n}\n\n"
        "return new AlarmStatus(OK, 'There is memory left.');\n",
    ),
    AlarmExample(
        id="agent.filesystem_usage",
        label="Filesystem usage",
        description="WARNING or CRITICAL when a filesystem is too full",
        check_type="agent.filesystem",
        criteria=_two_steps("percentage(metric['used'], metric['total'])", ">",
                            "More than THRESHOLD% of the filesystem is used.", "There is space left."),
        fields=_thresholds("Part of the filesystem that is used", "in percent"),
    ),
    AlarmExample(
        id="agent.high_load_average",
        label="Load average",
        description="WARNING or CRITICAL when the load average is too high",
        check_type="agent.load_average",
        criteria=_two_steps("metric['5m']", ">", "The load average of 5 minutes is #{5m}, more than THRESHOLD.",
                            "The load average of 5 minutes is #{5m}."),
        fields=_thresholds("Load average of 5 minutes", "as a number"),
    ),
    AlarmExample(
        id="agent.network_transmit_rate",
        label="Network: sending",
        description="WARNING or CRITICAL when a network interface sends too much",
        check_type="agent.network",
        criteria=_two_steps("rate(metric['tx_bytes'])", ">", "${interface} sends more than THRESHOLD B/s.",
                            "${interface} does not send too much."),
        fields=(Field("interface", "Name of the network interface", STRING),
                *_thresholds("Rate", "in bytes per second")),
    ),
    AlarmExample(
        id="agent.network_receive_rate",
        label="Network: receiving",
        description="WARNING or CRITICAL when a network interface receives too much",
        check_type="agent.network",
        criteria=_two_steps("rate(metric['rx_bytes'])", ">", "${interface} receives more than THRESHOLD B/s.",
                            "${interface} does not receive too much."),
        fields=(Field("interface", "Name of the network interface", STRING),
                *_thresholds("Rate", "in bytes per second")),
    ),
    AlarmExample(
        id="agent.mysql_threads_connected_threshold",
        label="MySQL: connected threads",
        description="WARNING when too many threads are connected",
        check_type="agent.mysql",
        criteria="if (metric['threads.connected'] > ${threads.connected.threshold}) {\n"
        "  return new AlarmStatus(WARNING, 'More than ${threads.connected.threshold} threads are connected.');\n}\n\n"
        "return new AlarmStatus(OK, 'No more threads than expected are connected.');\n",
        fields=(Field("threads.connected.threshold", "Number of connections above which the state is WARNING"),),
    ),
)  # fmt: skip

ALARM_EXAMPLES: Mapping[str, AlarmExample] = {example.id: example for example in _LISTED}
