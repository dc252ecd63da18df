"""`vedette serve`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from vedette.cli.failures import told_in_one_line
from vedette.cli.logs import set_up_logs
from vedette.cli.options import serve_options
from vedette.config import load


@click.command()
@serve_options
def serve(config_file: Path | None, **flags: Any) -> None:
    """Run the server in the foreground.

    The first start makes the data directory with database, keys, certificates and a first account, whose credentials
    are in DATA_DIR/credentials.json. SIGTERM ends it; no accepted work is lost.

    A setting is taken from its flag, else from the environment, else from the file of --config, else its default
    holds. `vedette settings` lists them all.
    """
    with told_in_one_line():
        config = load(flags, config_file=config_file)
        set_up_logs(config.log_format, config.log_level)
        from vedette.app import serve as run

        sys.exit(run(config))
