"""`vedette agent`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vedette.cli.failures import told_in_one_line
from vedette.cli.logs import set_up_logs
from vedette.config import LOG_FORMATS, LOG_LEVELS


@click.command()
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Lines `key value`: monitoring_token, monitoring_id, monitoring_endpoints, certificate_path.",
)
@click.option("--log-format", type=click.Choice(LOG_FORMATS), default="auto", show_default=True)
@click.option("--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True)
def agent(config_file: Path, log_format: str, log_level: str) -> None:
    """Run the agent of this host in the foreground."""
    with told_in_one_line():
        set_up_logs(log_format, log_level)
        from vedette.agent.main import run_agent

        sys.exit(run_agent(config_file))
