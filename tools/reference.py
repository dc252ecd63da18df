"""Writes `docs/reference/` from the declarations: there is no second list. `make docs` runs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any

from vedette.cli.options import default_text
from vedette.config import SETTINGS, Setting, Shape
from vedette.domain.attributes import Array, Attribute, Hash, Type
from vedette.domain.check_types import CHECK_TYPES, CheckType, KnownMetric
from vedette.domain.notification_types import NOTIFICATION_TYPES, NotificationType
from vedette.domain.resources import ACCOUNT_ATTRIBUTES, AGENT_TOKEN_ATTRIBUTES, RESOURCES

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"

_MADE = "<!-- Made by `make docs` from the declarations in the source; do not edit. -->"


def pages() -> dict[str, str]:
    """File name -> text."""
    return {
        "check-types.md": _check_types(),
        "notification-types.md": _notification_types(),
        "resources.md": _resources(),
        "settings.md": _settings(),
    }


def _page(title: str, intro: str, sections: Iterable[str]) -> str:
    return "\n\n".join([_MADE, f"# {title}", intro, *sections]) + "\n"


def _check_types() -> str:
    intro = (
        "What a check's `details` may hold, by the check's `type`, and the metrics that it reports. A detail that is\n"
        "not named here is refused. Checks of `remote.*` types need monitoring zones, whose collectors must know the\n"
        "type, and a target; those of `agent.*` types run on the host, and the agent decides about details that are\n"
        "not given. Metrics of remote checks have the zone before their name in lists (`mzdfw.duration`)."
    )
    return _page("Check types", intro, map(_check_type, CHECK_TYPES.values()))


def _check_type(one: CheckType) -> str:
    parts = [f"## {one.id}", one.summary]
    if one.supported_platforms:
        parts.append(f"Platforms: {', '.join(one.supported_platforms)}.")
    parts.append(_attributes(one.attributes) if one.attributes else "It has no details.")
    if one.metrics:
        rows = [(_code(m.name), m.type, m.unit, _metric(m)) for m in one.metrics]
        parts.append(_table(("metric", "type", "unit", "what it is"), rows))
    return "\n\n".join(parts)


def _metric(metric: KnownMetric) -> str:
    also = f" (`{metric.documented_as}` in the documentation of Rackspace Monitoring)" if metric.documented_as else ""
    return metric.description + also


def _notification_types() -> str:
    intro = (
        "What a notification's `details` may hold, by the notification's `type`. A detail that is not named here is\n"
        "refused. A type that this server cannot send is taken all the same; its deliveries fail, and their attempts\n"
        "say so."
    )
    return _page("Notification types", intro, map(_notification_type, NOTIFICATION_TYPES.values()))


def _notification_type(one: NotificationType) -> str:
    details = _attributes(one.attributes) if one.attributes else "It has no details."
    return "\n\n".join([f"## {one.id}", one.summary, details])


def _resources() -> str:
    intro = (
        "The attributes that can be written. Others, such as `id` and `created_at`, are read only: ignored when sent,\n"
        'and named in the answer\'s `X-Ignored-Attributes`. Numbers and booleans may be sent as text (`"60"`). What\n'
        "`details` hold depends on `type`: see [check types](check-types.md) and\n"
        "[notification types](notification-types.md)."
    )
    tables = {resource.plural: resource.attributes for resource in RESOURCES.values()}
    tables |= {"account": ACCOUNT_ATTRIBUTES, "agent_tokens": AGENT_TOKEN_ATTRIBUTES}
    return _page("Resources", intro, starmap(_resource, tables.items()))


def _resource(name: str, attributes: Sequence[Attribute]) -> str:
    return f"## {name}\n\n{_attributes(attributes)}"


def _attributes(attributes: Sequence[Attribute]) -> str:
    rows = [(_code(a.name), "" if a.optional else "yes", _value(a), _default(a), _description(a)) for a in attributes]
    return _table(("name", "required", "value", "default", "what it is"), rows)


def _value(attribute: Attribute) -> str:
    return _words(attribute.type) + ("; cannot be changed" if attribute.immutable else "")


def _words(type: Type) -> str:
    expected = type.expected.removeprefix("Expected ")
    if isinstance(type, Hash):
        return f"{expected}; keys: {_words(type.key)}; values: {_words(type.value)}"
    return f"{expected}; each: {_words(type.item)}" if isinstance(type, Array) else expected


def _default(attribute: Attribute) -> str:
    default = attribute.assumed if attribute.default is None else attribute.default
    if callable(default):
        default = default()
    return "" if default is None else _code(_json(default))


def _json(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _description(attribute: Attribute) -> str:
    secret = "; kept sealed, never shown to observers" if attribute.secret else ""
    return attribute.description + secret


def _settings() -> str:
    intro = (
        "A setting is a flag of `vedette serve`, an environment variable, or a key of the file named by `--config`\n"
        "(TOML); the first of these that has it counts."
    )
    heads = ("flag", "variable", "key of the file", "default", "what it is")
    return _page("Settings", intro, [_table(heads, map(_setting, SETTINGS))])


def _setting(setting: Setting) -> tuple[str, ...]:
    metavar = f" {setting.metavar}" if setting.metavar else ""
    return (
        _code(setting.flag + metavar) if setting.has_flag else "",
        _code(setting.variable) if setting.in_environment else "",
        _code(f"[[{setting.key}]]" if setting.shape is Shape.TABLES else setting.key) if setting.in_file else "",
        default_text(setting),
        setting.help,
    )


def _code(text: str) -> str:
    return f"`{text}`"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(heads), "|" + " --- |" * len(heads), *(_row([_escaped(cell) for cell in row]) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(cell: str) -> str:
    """A bar ends a cell even within code."""
    return cell.replace("|", "\\|")


def main() -> None:
    """Writes every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
