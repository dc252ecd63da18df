"""Where `vedette agent --config FILE` begins."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from functools import partial
from pathlib import Path

from vedette.agent import clock
from vedette.agent.config import AgentConfig, ConfigError, load
from vedette.agent.host_agent import HostAgent, StoreToken
from vedette.agent.token_file import replace_token

CONFIG_ERROR = 2
log = logging.getLogger("vedette.agent")


def run_agent(config_file: Path) -> int:
    """Runs until SIGTERM or SIGINT; the exit status: 0, or 2 when the configuration is not good."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        config = load(config_file)
    except ConfigError as error:
        log.error("%s", error)  # noqa: TRY400 - the text says it all
        return CONFIG_ERROR
    asyncio.run(_run(config, partial(replace_token, config_file)))
    return 0


async def _run(config: AgentConfig, store_token: StoreToken) -> None:
    agent = HostAgent(config, clock.now, store_token=store_token)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stop)
    await agent.run()
    log.info("stopped")
