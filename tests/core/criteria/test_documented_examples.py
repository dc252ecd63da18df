"""Every criteria text in the reference, taken or refused as the language says."""

from __future__ import annotations

import pytest

from tests.core.criteria.observing import Values, observed
from vedette.criteria import CriteriaError, Verdict, compile_criteria, parse, print_program
from vedette.domain.states import State

not_404 = """if (metric['code'] == "404") {
  return new AlarmStatus(CRITICAL, "Page not found!");
}
"""
body_match = """if (metric['body_match'] regex ".*forbidden.*") {
  return new AlarmStatus(CRITICAL, "Forbidden found, returning CRITICAL.");
}
"""
certificate = """/* 2 days = 172 800 seconds */
if (metric['cert_end_in'] < 172800)
{ return new AlarmStatus(CRITICAL, "Cert expiring in less than 2 days.");
}

/* 1 week = 604 800 seconds */
if (metric['cert_end_in'] < 604800)
{ return new AlarmStatus(WARNING, "Cert expiring in less than 1 week.");
\t}
"""
banner = """/* Have the check match at the edge */
if (metric['banner_matched'] != "") {
  return new AlarmStatus(OK);
}
/* Or use the regex parser in the
   language to build multiple matches
   in a single alarm. */
if (metric['banner'] regex "OpenSSH.*") {
return new AlarmStatus(OK);
}

return new AlarmStatus(CRITICAL, "Match not found.");
"""
dns = """# Match if the 127... address was in the resolution
# if it wasn't than default to CRITICAL

if (metric["answer"] regex ".*127.8.2.1.*") {
return new AlarmStatus(OK, "Resolved the correct address!");
}
return new AlarmStatus(CRITICAL);
"""
ssh = (
    "if (metric['fingerprint'] != '13dd6c5df600f9a15c67ea5db491ac9a') "
    "{ return new AlarmStatus(CRITICAL, 'Incorrect SSH Host Fingerprint'); }"
)
fingerprint_changed = """if (previous(metric['fingerprint']) != metric['fingerprint']) {
return new AlarmStatus(CRITICAL, 'Fingerprint has changed to: #{fingerprint}');
}
"""
received = """ if (rate(metric['rx_bytes']) > 5242880) {
        return new AlarmStatus(CRITICAL, 'Received greater than 5 MBps.');
     }
 if (rate(metric['rx_bytes']) > 1048576) {
         return new AlarmStatus(WARNING, 'Received greater than 1 MBps.');
    }
"""
free_space = """if (percentage(metric['used'], metric['total']) > 90) {
\treturn new AlarmStatus(CRITICAL, 'Less than 10% free space left.');
\t}

if (percentage(metric['used'], metric['total']) > 80) {
\treturn new AlarmStatus(WARNING, 'Less than 20% free space left.');
 \t }
"""
took = "return new AlarmStatus(WARNING, 'The check took #{duration}s to execute');"
release_1_3_interpolation = """if (metrics['code'] != "200") {
    return new AlarmStatus(CRITICAL, 'Bad HTTP Status: #{code}');
}"""
release_1_3_escapes = r"""if (metric['code'] nregex '2\\d\\d') {
  return new AlarmStatus(CRITICAL, 'Invalid status code #{code}');
}"""
release_1_4_previous = """if (metrics['fingerprint'] != previous(metrics['fingerprint'])) {
  return new AlarmStatus(CRITICAL, 'SSH fingerprint changed to #{fingerprint}');
}"""
alternative_names = """if (metric['cert_subject_alternative_names'] nregex '.*example.com.*') {
  return new AlarmStatus(CRITICAL, 'Missing expected SAN');
}"""
test_alarm = """:set consecutiveCount=1
    if (metric["busy_workers"] > 2) {
      return new AlarmStatus(WARNING);
    }
    if (metric["busy_workers"] > 3) {
      return new AlarmStatus(CRITICAL);
    }
    return new AlarmStatus(OK);
"""
short_form = 'if (metric["duration"] < 50) { return OK } return WARNING'
notification_details = 'if (metric["t"] >= 2.1) { return WARNING } return WARNING'
overview = 'if (metric["size"] >= 200) { return CRITICAL } return OK'
cpu_from_yaml = """if (metric['usage_average'] > 95) {
  return new AlarmStatus(CRITICAL, 'CPU usage is
#{usage_average}%, above your critical threshold of 95%');
}
return new AlarmStatus(OK, 'CPU usage is #{usage_average}%,
below your warning threshold of 90%');
"""
mysql_from_yaml = """if (metric['replication.slave_sql_running'] != "Yes") {
return new AlarmStatus(CRITICAL, 'Replica SQL thread is not
running with error number #{replication.last_errno} . ');
}
return new AlarmStatus(OK, "Replica SQL and I/O threads are
running");
"""
example_certificate = r"""if (metric['cert_end_in'] < 86400) {
  return new AlarmStatus(CRITICAL, 'Cert expiring in less than 86400 seconds.');
}

return new AlarmStatus(OK, 'HTTP certificate doesn\'t expire soon.');
"""
example_spf = r"""if (metric['answer'] regex 'v=spf1.* include:example.com .*[~|-]all') {
  return new AlarmStatus(OK, 'SPF record with include clause for domain example.com exists');
}

return new AlarmStatus(CRITICAL, 'SPF record doesn\'t contain an include clause for domain example.com');
"""
public_key = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKB" * 6
example_dkim = f"""if (metric['answer'] regex '.*p={public_key}$') {{
  return new AlarmStatus(OK, 'DKIM record contains a provided public key');
}}

return new AlarmStatus(CRITICAL, 'DKIM record doesn\\'t contain a provided public key');
"""
example_load = """if (metric['5m'] > 4) {
  return new AlarmStatus(CRITICAL, '5 minute load average is #{5m}, above your critical threshold of 4');
}
"""
example_ping = """if (metric['available'] < 80) {
  return new AlarmStatus(CRITICAL, 'Packet loss is greater than 20%');
}

if (metric['available'] < 95) {
  return new AlarmStatus(WARNING, 'Packet loss is greater than 5%');
}

return new AlarmStatus(OK, 'Packet loss is normal');
"""

nothing_matched = "Matched default return statement"
examples: list[tuple[str, Values, State, str]] = [
    (not_404, {"code": "404"}, State.CRITICAL, "Page not found!"),
    (not_404, {"code": "200"}, State.OK, nothing_matched),
    (body_match, {"body_match": "403 forbidden"}, State.CRITICAL, "Forbidden found, returning CRITICAL."),
    (body_match, {"body_match": ""}, State.OK, nothing_matched),
    (certificate, {"cert_end_in": 172_799}, State.CRITICAL, "Cert expiring in less than 2 days."),
    (certificate, {"cert_end_in": 172_800}, State.WARNING, "Cert expiring in less than 1 week."),
    (certificate, {"cert_end_in": 604_800}, State.OK, nothing_matched),
    (banner, {"banner_matched": "x"}, State.OK, "Matched return statement on line 3"),
    (banner, {"banner_matched": "", "banner": "OpenSSH_9"}, State.OK, "Matched return statement on line 9"),
    (banner, {"banner_matched": "", "banner": "dropbear"}, State.CRITICAL, "Match not found."),
    (banner, {"banner": "OpenSSH_9"}, State.CRITICAL, "Metric 'banner_matched' is missing from the observation"),
    (dns, {"answer": "10.0.0.1,127.8.2.1"}, State.OK, "Resolved the correct address!"),
    (dns, {"answer": "10.0.0.1"}, State.CRITICAL, nothing_matched),
    (ssh, {"fingerprint": "other"}, State.CRITICAL, "Incorrect SSH Host Fingerprint"),
    (fingerprint_changed, {"fingerprint": "new"}, State.CRITICAL, "Fingerprint has changed to: new"),
    (fingerprint_changed, {"fingerprint": "old"}, State.OK, nothing_matched),
    (received, {"rx_bytes": 5_242_881 * 60}, State.CRITICAL, "Received greater than 5 MBps."),
    (received, {"rx_bytes": 5_242_880 * 60}, State.WARNING, "Received greater than 1 MBps."),
    (received, {"rx_bytes": 1_048_576 * 60}, State.OK, nothing_matched),
    (free_space, {"used": 91, "total": 100}, State.CRITICAL, "Less than 10% free space left."),
    (free_space, {"used": 90, "total": 100}, State.WARNING, "Less than 20% free space left."),
    (free_space, {"used": 80, "total": 100}, State.OK, nothing_matched),
    (took, {"duration": 2.5}, State.WARNING, "The check took 2.5s to execute"),
    (release_1_3_interpolation, {"code": "503"}, State.CRITICAL, "Bad HTTP Status: 503"),
    (release_1_3_escapes, {"code": "503"}, State.CRITICAL, "Invalid status code 503"),
    (release_1_3_escapes, {"code": "204"}, State.OK, nothing_matched),
    (release_1_4_previous, {"fingerprint": "new"}, State.CRITICAL, "SSH fingerprint changed to new"),
    (alternative_names, {"cert_subject_alternative_names": "a.org"}, State.CRITICAL, "Missing expected SAN"),
    (alternative_names, {"cert_subject_alternative_names": "www.example.com"}, State.OK, nothing_matched),
    (test_alarm, {"busy_workers": 4}, State.WARNING, "Matched return statement on line 3"),
    (test_alarm, {"busy_workers": 2}, State.OK, nothing_matched),
    (short_form, {"duration": 49}, State.OK, "Matched return statement on line 1"),
    (short_form, {"duration": 50}, State.WARNING, nothing_matched),
    (notification_details, {"t": 2.1}, State.WARNING, "Matched return statement on line 1"),
    (overview, {"size": 200}, State.CRITICAL, "Matched return statement on line 1"),
    (
        cpu_from_yaml,
        {"usage_average": 96.5},
        State.CRITICAL,
        "CPU usage is\n96.5%, above your critical threshold of 95%",
    ),
    (cpu_from_yaml, {"usage_average": 12.0}, State.OK, "CPU usage is 12%,\nbelow your warning threshold of 90%"),
    (
        mysql_from_yaml,
        {"replication.slave_sql_running": "No", "replication.last_errno": 1062},
        State.CRITICAL,
        "Replica SQL thread is not\nrunning with error number 1062 . ",
    ),
    (example_certificate, {"cert_end_in": 90_000}, State.OK, "HTTP certificate doesn't expire soon."),
    (
        example_spf,
        {"answer": "v=spf1 a include:example.com -all"},
        State.OK,
        "SPF record with include clause for domain example.com exists",
    ),
    (example_dkim, {"answer": f"k=rsa; p={public_key}"}, State.OK, "DKIM record contains a provided public key"),
    (example_load, {"5m": 4.25}, State.CRITICAL, "5 minute load average is 4.25, above your critical threshold of 4"),
    (example_ping, {"available": 94.9}, State.WARNING, "Packet loss is greater than 5%"),
]


@pytest.mark.parametrize(("text", "values", "state", "status"), examples)
def test_an_example_of_the_reference_does_what_it_is_there_for(
    text: str, values: Values, state: State, status: str
) -> None:
    seen = observed(values, {"fingerprint": "old", "rx_bytes": 0})
    outcome = compile_criteria(text).evaluate(seen)
    assert isinstance(outcome, Verdict)
    assert (outcome.state, outcome.status) == (state, status)
    assert parse(print_program(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("// This is NOT a comment", "//"),
        (":set <name>=<value>", "<"),
        (":set consistencyLevel=<value>", "<"),
        ("return new AlarmStatus(<OK|WARNING|CRITICAL>);", "<"),
        ("if (rate(metric[$metricname]) > $threshold)", "$"),
        ("if (metric['value'] > 3) { return new AlarmStatus(CRITCAL, 'value is greater'); }", "CRITCAL"),
        ("if (metric['value']) > 3) { return OK }", ")"),
        ("if (metric['code'] = '200') { return OK }", "="),
        ("if (metric['duration'] > ${critical_threshold}) { return OK }", "$"),
        ("if (metric[\u2018destination_response_time'] > 80) { return OK }", "\u2018"),
    ],
)
def test_what_the_reference_gets_wrong_is_refused(text: str, token: str) -> None:
    with pytest.raises(CriteriaError) as caught:
        compile_criteria(text)
    assert caught.value.token == token
