"""Explanations and back-tests as people read them on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from vedette.cli import strip_chart
from vedette.cli.token_texts import moment

_STYLES = {"OK": "green", "WARNING": "yellow", "CRITICAL": "red"}
_LABEL_WIDTH = 7
_MOST_WIDTH = 200
_MOST_LISTED = 20


def explained(shown: Mapping[str, Any], most: int) -> Iterator[RenderableType]:
    """An explanation, part by part; `most` observations."""
    yield _heading(shown)
    yield Text(shown["because"])
    if shown["zones"]:
        yield Text()
        yield _zones(shown["zones"])
    if shown["statement"] is not None:
        yield Text()
        yield from _statement(shown["statement"])
    yield Text()
    yield _observations(shown["observations"][:most])
    yield Text()
    yield from _telling(shown)
    yield from _made_from(shown["replay"])


def _heading(shown: Mapping[str, Any]) -> Text:
    text = Text()
    text.append(f"{shown['label'] or 'alarm'} ({shown['alarm_id']})", style="bold")
    text.append(f" of check {shown['check_id']}, at {moment(shown['timestamp'])}\n")
    text.append(shown["state"], style=_STYLES.get(shown["state"], ""))
    if shown["changed_at"] is not None:
        text.append(f" since {moment(shown['changed_at'])}, before that {shown['previous_state']}")
    return text.append(f": {shown['status']}" if shown["status"] else "")


def _zones(zones: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("ZONE", "UP", "VOTE", "RUN", "SEEN", "COUNTS", "STATUS")
    for one in zones:
        table.add_row(
            one["monitoring_zone_id"] or "agent",
            _yes(one["up"]),
            _state(one["vote"]),
            f"{len(one['run'])} of {one['run_length']}",
            _age(one["age"]),
            _yes(one["counted"]) if one["counted"] else f"no: {one['not_counted_because']}",
            one["status"] or "",
        )
    return table


def _statement(statement: Mapping[str, Any]) -> Iterator[Text]:
    if statement["text"] is None:
        yield Text("No statement returned; what they read:")
    else:
        yield Text(f"Line {statement['line']} returned:", style="bold")
        yield Text(f"  {statement['text']}".replace("\n", "\n  "))
    for operand, value in statement["values"].items():
        yield Text(f"  {operand} = {'(none)' if value is None else repr(value)}")


def _observations(seen: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("SEEN", "FROM", "STATUS", "RESULT", "CAME TO")
    for one in seen:
        result = one["result"]
        table.add_row(
            _age(one["age"]),
            one["monitoring_zone_id"] or one["agent_id"] or "",
            one["status"] if one["available"] else f"unavailable: {one['status']}",
            Text("") if result is None else _state(result["state"]),
            f"{one['alarm_state']}: {one['reason']}"
            if one["counted"]
            else f"not counted: {one['not_counted_because']}",
        )
    return table


def _telling(shown: Mapping[str, Any]) -> Iterator[Text]:
    active = [one["id"] for one in shown["suppressions"] if one["active"]]
    yield Text(f"Suppressed by {', '.join(active)}." if active else "No suppression matches.")
    plan = shown["plan"]
    if plan is not None:
        told = shown["told"].get(plan["id"], "OK")
        held = ", more is held back" if shown["is_held_back"] else ""
        yield Text(f"Plan {plan['id']}: last told {told}{held}.")
        for state, ids in plan["receivers"].items():
            yield Text(f"  {state} goes to {', '.join(ids) or 'nobody'}")
    for one in shown["notifications"][:_MOST_LISTED]:
        yield Text(f"{moment(one['timestamp'])} {one['state']} to {one['notification_id']}: {_delivered(one)}")
        for attempt in one["attempts"]:
            yield Text(
                f"  attempt {attempt['number']} at {moment(attempt['started_at'])}: {attempt['message'] or '...'}"
            )


def _delivered(one: Mapping[str, Any]) -> str:
    if one["delivery"] == "pending":
        return f"pending, next attempt {moment(one['next_attempt_at'])}"
    return f"{one['delivery']}" + (f" ({one['message']})" if one["message"] else "")


def _made_from(replay: Mapping[str, Any]) -> Iterator[Text]:
    since = (
        "no observation is kept" if replay["data_from"] is None else f"observations since {moment(replay['data_from'])}"
    )
    yield Text(f"Made from {since}.", style="dim")
    if not replay["agrees"]:
        yield Text(f"They lead to {replay['state']}, and {replay['recorded_state']} was recorded.", style="dim")


def backtested(shown: Mapping[str, Any], console: Console) -> Iterator[RenderableType]:
    """A back-test: what would have been above what was, and who would have been told."""
    from_ms, to_ms = shown["from"], shown["to"]
    width = max(min(console.width, _MOST_WIDTH) - _LABEL_WIDTH, 20)
    for name in ("would", "was"):
        line = Text(name.ljust(_LABEL_WIDTH))
        yield line.append_text(strip_chart.chart(strip_chart.slots(shown[name], from_ms, to_ms, width)))
        yield Text(" " * _LABEL_WIDTH).append_text(strip_chart.pages(shown[name], from_ms, to_ms, width))
    first, last = moment(from_ms), moment(to_ms)
    yield Text(" " * _LABEL_WIDTH + first + last.rjust(width - len(first)))
    yield Text(" " * _LABEL_WIDTH + strip_chart.LEGEND, style="dim")
    yield Text()
    yield _counts(shown)
    yield from _differences(shown["comparison"])
    yield from _known(shown)


def _counts(shown: Mapping[str, Any]) -> Table:
    table = _table("", "CHANGES", "TOLD", "SUPPRESSED")
    for name in ("would", "was"):
        side = shown[name]
        table.add_row(name, *(str(side[key]) for key in ("changes", "notified", "suppressed")))
    return table


def _differences(compared: Mapping[str, Any]) -> Iterator[Text]:
    yield Text(
        f"{compared['same']} the same, {compared['additional']} more, {compared['spared']} spared.", style="bold"
    )
    for sign, name in (("+", "additional_notifications"), ("-", "spared_notifications")):
        for one in compared[name][:_MOST_LISTED]:
            who = ", ".join(one["notification_ids"])
            yield Text(f"{sign} {moment(one['timestamp'])} {one['state']} to {who}: {one['status']}")
        if len(compared[name]) > _MOST_LISTED:
            yield Text(f"{sign} and more: see --json")


def _known(shown: Mapping[str, Any]) -> Iterator[Text]:
    if shown["data_from"] is None:
        yield Text("No observation of that time is kept.", style="bold")
        return
    yield Text(f"{shown['observations']} observations, since {moment(shown['data_from'])}.", style="dim")
    if shown["configuration_from"] > shown["from"]:
        text = f"Before {moment(shown['configuration_from'])} check and alarm are taken to have been as they were then."
        yield Text(text, style="dim")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _state(state: str | None) -> Text:
    return Text(state or "none", style=_STYLES.get(state or "", ""))


def _yes(is_so: bool) -> str:  # noqa: FBT001 - a cell
    return "yes" if is_so else "no"


def _age(age_ms: int | None) -> str:
    if age_ms is None:
        return "never"
    seconds = age_ms / 1000
    if seconds < 120:
        return f"{seconds:.1f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7200 else f"{seconds / 3600:.1f} h ago"
