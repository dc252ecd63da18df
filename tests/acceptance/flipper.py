"""An agent whose observations make an alarm's state flip, with a ledger of those the server has acknowledged."""

from __future__ import annotations

import random
import threading

from tests.acceptance.bare_agent import BareAgent, RefusedError
from tests.acceptance.client import Client
from tests.acceptance.lives import Life, Site

CRITERIA = """
if (metric["bad"] > 0) { return new AlarmStatus(CRITICAL, "n=#{n}"); }
return new AlarmStatus(OK, "n=#{n}");"""
PACE_S = (0.03, 0.15)


class Flipper:
    """Posts n = 1, 2, 3 ...: the odd ones are critical, the even ones good."""

    def __init__(self, site: Site, name: str, client: Client, plan: str, seed: int) -> None:
        self.name = name
        self.thread = threading.Thread(target=self._run, name=name)
        self.token = client.create("agent_tokens", label=name)
        entity = client.create("entities", label=name, agent_id=name)
        self.check = client.create(f"entities/{entity}/checks", type="agent.memory", label=name, period=30)
        self.alarm = client.create(
            f"entities/{entity}/alarms", label=name, check_id=self.check, notification_plan_id=plan, criteria=CRITERIA
        )
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.problem: str | None = None
        self._site = site
        self._random = random.Random(f"{seed}/{name}")

    def _run(self) -> None:
        life = self._site.life_after(0)
        while life is not None:
            try:
                self._post_for(life)
            except RefusedError as refusal:
                self.problem = f"{self.name}: post {self.sent}: {refusal}"
                return
            except OSError:
                pass
            life = self._site.life_after(life.number)

    def _post_for(self, life: Life) -> None:
        with BareAgent(life.agent, life.ca_file, self.token, self.name) as agent:
            while not self._site.stopping.wait(self._random.uniform(*PACE_S)):
                self.sent += 1
                agent.post(self.check, n=self.sent, bad=self.sent % 2)
                self.acknowledged.add(self.sent)

    def must_have_changed(self) -> set[int]:
        """The posts that changed the state whatever became of those without an acknowledgement."""
        return {n for n in self.acknowledged if n == 1 or n - 1 in self.acknowledged}
