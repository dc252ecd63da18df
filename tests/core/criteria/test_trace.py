"""What made criteria answer as they did."""

from __future__ import annotations

import pytest

from vedette.criteria import Observed, Sample, Verdict, compile_criteria
from vedette.criteria.trace import Read, Trace, trace
from vedette.domain.metrics import Metric

TEXT = """:set consistencyLevel=ALL
if (metric['code'] regex '^5' || metric["code"] == '404') {
  return new AlarmStatus(CRITICAL, 'HTTP #{code}');
}
if (percentage(metric['used'], metric['all']) > 90 && rate(metric['sent']) > 10) { return WARNING }
return OK;"""


def observed(code: str = "200", previous: dict[str, Sample] | None = None, **numbers: int) -> Observed:
    metrics = {"code": Metric("s", code)} | {name: Metric("l", value) for name, value in numbers.items()}
    return Observed(True, "fine", metrics, 60_000, previous or {})


def traced(seen: Observed, text: str = TEXT) -> Trace:
    """Of the statement that really returned."""
    verdict = compile_criteria(text).evaluate(seen)
    assert isinstance(verdict, Verdict)
    return trace(text, verdict.line, seen)


def test_the_statement_that_returned_is_shown_with_what_it_read() -> None:
    found = traced(observed("503"))
    assert found.line == 3
    assert found.text == (
        'if (metric["code"] regex "^5" || metric["code"] == "404") {\n'
        '  return new AlarmStatus(CRITICAL, "HTTP #{code}");\n}'
    )
    assert found.reads == (Read('metric["code"]', "503"),)


def test_functions_are_shown_with_their_metrics_and_values() -> None:
    found = traced(observed(used=95, all=100, sent=760, previous={"sent": Sample(0, 100)}))
    assert found.line == 5
    assert found.reads == (
        Read('metric["used"]', 95),
        Read('metric["all"]', 100),
        Read('percentage(metric["used"], metric["all"])', 95.0),
        Read('metric["sent"]', 760),
        Read('rate(metric["sent"])', 11.0),
    )


def test_an_unconditional_return_shows_all_that_was_read_before_it() -> None:
    found = traced(observed(used=50, all=100))
    assert (found.line, found.text) == (6, "return new AlarmStatus(OK);")
    assert found.reads[0] == Read('metric["code"]', "200")
    assert Read('percentage(metric["used"], metric["all"])', 50.0) in found.reads


@pytest.mark.parametrize(
    "text", ["if (metric['gone'] > 1) { return WARNING }", "if (previous(metric['code']) == 'x') { return OK }"]
)
def test_what_has_no_value_is_shown_as_none(text: str) -> None:
    found = trace(text, None, observed())
    assert found.line is None
    assert found.text == ""
    assert found.reads[-1].value is None
