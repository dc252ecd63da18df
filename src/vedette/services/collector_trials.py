"""Running a check once by a collector that is connected to this process (`ports.probing.ProbeFrom`)."""

from __future__ import annotations

import msgspec

from vedette.domain.faults import Fault
from vedette.ports.probing import Assignment, ProbeResult
from vedette.services.agent_replies import Outcome, Reply
from vedette.services.collectors import Collectors
from vedette.services.polled_checks import polled
from vedette.wire.answers import TEST, tried_of
from vedette.wire.envelope import MalformedMessage
from vedette.wire.poller import PolledCheck

MARGIN_MS = 5_000
"""On top of the check's own time limit: the way there and back."""


class CollectorTrials:
    """Beside the schedule; nothing of it is stored."""

    def __init__(self, collectors: Collectors) -> None:
        self._collectors = collectors

    async def __call__(self, zone: str, assignment: Assignment) -> ProbeResult:
        live = self._collectors.live_for(zone, assignment.check_type)
        check = None if live is None else polled(assignment, zone, is_ours=live.identity.is_ours)
        if live is None or check is None:
            raise Fault(
                "notImplementedError",
                f"No test of {assignment.check_type} from {zone}",
                "Expected a zone with a collector that runs such checks, in this server process or connected to it",
            )
        params = {"checkParams": _text(check)}
        reply = await live.ask(TEST, params, assignment.timeout_s * 1000 + MARGIN_MS)
        return _result(reply, zone)


def _text(check: PolledCheck) -> str:
    """A text that holds JSON, not an object: that is what clients read."""
    return msgspec.json.encode(check).decode()


def _result(reply: Reply, zone: str) -> ProbeResult:
    if reply.outcome in {Outcome.UNANSWERED, Outcome.LOST}:
        raise Fault("requestTimeout", f"The collector of {zone} did not answer in time")
    if reply.outcome is not Outcome.ANSWERED:
        raise Fault("systemFailureError", f"The collector of {zone} could not run the test", reply.message,
                    headers={"Retry-After": "1"})  # fmt: skip
    try:
        tried = tried_of(bytes(reply.result))
    except MalformedMessage as error:
        raise Fault("systemFailureError", f"The collector of {zone} gave no result", str(error)) from None
    return ProbeResult(available=tried.available, status=tried.status, metrics=tried.metrics)
