"""`vedette settings`."""

from __future__ import annotations

import click

from vedette.cli.options import as_json, default_text
from vedette.cli.show import show
from vedette.config import SETTINGS, Setting

_COLUMNS = ("file_key", "flag", "environment", "default", "meaning")


@click.command()
@as_json
def settings(*, is_json: bool) -> None:
    """List every setting of `vedette serve`: flag, environment variable, key of the file, default."""
    show([_shown(setting) for setting in SETTINGS], _COLUMNS, is_json=is_json)


def _shown(setting: Setting) -> dict[str, str]:
    return {
        "file_key": setting.key if setting.in_file else "",
        "flag": setting.flag if setting.has_flag else "",
        "environment": setting.variable if setting.in_environment else "",
        "default": default_text(setting),
        "meaning": setting.help,
    }
