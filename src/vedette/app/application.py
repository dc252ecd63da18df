"""`App(config)`: one process, every part started in order and stopped in reverse."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from contextlib import AsyncExitStack

from vedette.adapters.local.clock import steady_s
from vedette.adapters.local.data_directory import Credentials
from vedette.adapters.local.resolver import Resolver
from vedette.app import history, roles
from vedette.app.base import Base, open_base
from vedette.app.collecting import egress_policy
from vedette.app.first_account import save_first_account
from vedette.app.keeping import Kept, new_process_id
from vedette.app.listeners import bound, listen, reachable
from vedette.app.loops import Loop
from vedette.app.measures import Measures
from vedette.app.metric_store import Senders, listeners, looking_for_stores, plotting
from vedette.app.neighbours import start_asking
from vedette.app.reach import reach
from vedette.app.ticks import begin_ticking, keep_lookout, ticks
from vedette.config import Config, HostPort
from vedette.services.presence import Presence


class App:
    """One server process; `start` returns when every listener is open, `stop` loses no accepted work."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.process_id = new_process_id()
        self.measures = Measures()
        self.http: HostPort | None = None  # where it listens, once started
        self.agent: HostPort | None = None
        self.metrics: HostPort | None = None
        self.credentials: Credentials | None = None
        self._cleanup = AsyncExitStack()
        self._loops: list[Loop] = []

    async def start(self) -> None:
        """Raises what keeps it from starting; then nothing stays behind."""
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise

    async def stop(self) -> None:
        """Drains: the doors first, then what they fed, the database last."""
        await self._cleanup.aclose()

    async def failed(self) -> None:
        """Returns only by the error of a part that ended by itself."""
        tasks = [loop.task for loop in self._loops if loop.task is not None]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    @property
    def api_url(self) -> str:
        """What `credentials.json` says: `--public-url`, or our own address as seen from this machine."""
        if self.config.public_url is not None:
            return self.config.public_url.rstrip("/")
        scheme = "https" if self.config.has_tls else "http"
        return f"{scheme}://{reachable(self.http or self.config.http)}"

    async def _start(self) -> None:
        base = await open_base(self.config, self._cleanup)
        sockets = {name: self._cleanup.enter_context(listen(name, where)) for name, where in self._wanted()}
        where = {name: bound(one) for name, one in sockets.items()}
        self.http, self.agent, self.metrics = where.get("http"), where.get("agent"), where.get("metrics")
        self.credentials = await save_first_account(base, self.api_url, str(reachable(self.agent or self.config.agent)))
        kept = Kept(base, self.process_id)
        await kept.begin(self._cleanup)
        self._run(kept.loop)
        policy = egress_policy(self.config, (*where.values(), *listeners(self.config)))
        if self.config.metrics_url or self.config.remote_write:
            self._run(looking_for_stores(self.config, policy))
        resolver = Resolver(policy, steady_s)
        self._cleanup.callback(resolver.close)
        await self._start_roles(base, resolver, sockets, kept.presence)

    async def _start_roles(
        self, base: Base, resolver: Resolver, sockets: dict[str, socket.socket], presence: Presence
    ) -> None:
        """What feeds comes after what it feeds, so that it ends first."""
        config, cleanup = self.config, self._cleanup
        following = roles.Following(base)
        alerting = roles.alerting(base, resolver)
        senders = Senders(base, self._run, self.measures, cleanup)
        if "evaluate" in config.roles:
            await senders.start()
        if "dispatch" in config.roles:
            if config.database is None:  # the directory's lock says that nobody else sends
                await alerting.take_over()
            cleanup.push_async_callback(alerting.stop_sending)
            self._run(alerting.dispatching)
        await following.begin()
        if "evaluate" in config.roles:  # its first step comes after the zones are known: nothing waits in between
            roles.measure_evaluation(alerting, self.measures)
            self._run(alerting.evaluating)
            self._run(history.rolling_up(base, self.measures))
            self._run(history.forgetting(base))
        agents = roles.agents(base, alerting, following, presence)
        ticking = await begin_ticking(base, alerting, agents.collectors, following.follower, self.process_id)
        if "collector" in config.roles:
            await roles.start_collecting(base, resolver, alerting, agents.collectors, ticking, cleanup)
        elif "agent_endpoint" in config.roles:
            await keep_lookout(base, ticking, cleanup)
        self._run(roles.placing(agents.collectors))
        if config.database is not None:  # with SQLite there is one process only, which evaluates
            self._run(roles.asking_to_confirm(base, agents.collectors))
        if "collector" in config.roles or "agent_endpoint" in config.roles:
            self._run(ticks(ticking, agents.collectors))
        if "agent_endpoint" in config.roles:
            roles.measure_agents(agents, self.measures)
            self._run(roles.keeping_agents(agents))
            roles.start_agent_endpoint(base, agents, sockets["agent"], cleanup)
        ask = await start_asking(base, agents.connections, self.process_id, cleanup)
        self._run(following.loop)
        self._run(roles.tidying(base))
        self._run(roles.audit_sealing(base))
        self._run(roles.token_expiry(base, following))
        if "metrics" in sockets:
            await roles.start_metrics(base, self.measures, sockets["metrics"], cleanup)
        if "api" in config.roles:
            rates = await roles.rates(base, following)
            self._run(rates.flushing)
            load = roles.start_load(base, cleanup)
            reached = reach(base, resolver, self.agent, ask, agents.collectors)
            inside = roles.Inside(following, rates, load, self.measures, alerting.notifiers, reached)
            await roles.start_api(plotting(base, senders, cleanup), inside, sockets["http"], cleanup)

    def _wanted(self) -> Iterable[tuple[str, HostPort]]:
        """The listeners of this process's roles."""
        if "api" in self.config.roles:
            yield "http", self.config.http
        if "agent_endpoint" in self.config.roles:
            yield "agent", self.config.agent
        if self.config.metrics is not None:
            yield "metrics", self.config.metrics

    def _run(self, loop: Loop) -> None:
        loop.start()
        self._loops.append(loop)
        self._cleanup.push_async_callback(loop.stop)
