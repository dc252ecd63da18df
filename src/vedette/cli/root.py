"""The command `vedette`."""

from __future__ import annotations

import click

from vedette import __version__
from vedette.cli.agent import agent
from vedette.cli.alarms import alarm
from vedette.cli.audits import audit
from vedette.cli.collector import collector
from vedette.cli.keys import keys
from vedette.cli.metrics import metrics
from vedette.cli.serve import serve
from vedette.cli.settings import settings
from vedette.cli.tenants import tenant
from vedette.cli.tokens import token
from vedette.cli.users import user
from vedette.cli.zones import zone


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vedette")
def root() -> None:
    """Vedette: monitoring as a service on your own machines.

    Many zones watch, a quorum decides, one notification goes out.

    Exit codes: 0 done, 1 refused (for instance no such user), 2 cannot start or a wrong option.
    """


for command in (serve, agent, collector, alarm, token, tenant, user, zone, keys, audit, metrics, settings):
    root.add_command(command)
