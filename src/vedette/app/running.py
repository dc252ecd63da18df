"""`serve`: an `App` in the foreground until a signal or a failure."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import structlog
import uvloop

from vedette import __version__
from vedette.app.application import App
from vedette.app.open_files import allow_many_open_files
from vedette.config import Config

_ALLOCATIONS_BEFORE_A_LOOK = 20_000
_log = structlog.get_logger("vedette")


def serve(config: Config) -> int:
    """Runs until SIGTERM or SIGINT; the exit code. Raises what keeps it from starting."""
    allow_many_open_files()
    return uvloop.run(_serve(App(config)))


async def _serve(app: App) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await app.start()
    _settle()
    sys.stdout.write(_screen(app))
    sys.stdout.flush()
    waiting = asyncio.create_task(stopped.wait())
    failing = asyncio.create_task(app.failed())
    await asyncio.wait([waiting, failing], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    failing.cancel()
    _log.info("stopping")
    await app.stop()
    if failing.done() and not failing.cancelled() and (error := failing.exception()) is not None:
        raise error
    _log.info("stopped")
    return 0


def _settle() -> None:
    """What was made until now stays to the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BEFORE_A_LOOK, 20, 20)


def _screen(app: App) -> str:
    """Where things are, on one screen."""
    config = app.config
    directory = config.data_dir.absolute()
    where = [
        ("API", f"{app.api_url}/v1.0"),
        ("Identity", f"{app.api_url}/v2.0/tokens"),
        ("Agents", f"{app.agent} (TLS; CA {directory}/tls/ca.pem)"),
        ("Database", config.database_shown),
        ("Log in with", f"{directory}/credentials.json" if app.credentials else "`vedette user rotate-key NAME`"),
        ("Zones", ", ".join(zone.id for zone in config.zones) + " (all in this process: one network to a dead uplink)"),
        ("Reachable", "the public internet" + "".join(f", {network}" for network in config.allow_network)),
    ]
    if config.metrics_url is not None:
        where.append(("Metric store", config.metrics_url))
    lines = [f"  {name:<12} {text}" for name, text in where]
    return "\n".join([f"Vedette {__version__} is running.", *lines, "  Stop with Ctrl-C or SIGTERM.", ""])
