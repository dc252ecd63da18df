"""Creates, updates and deletes objects by the API, and keeps a ledger of what was acknowledged."""

from __future__ import annotations

import random
import threading
from typing import Any

import httpx

from tests.acceptance.client import Client
from tests.acceptance.lives import Site

MOST_ALIVE = 30


class Ledger:
    """What may be found of each object after all: its labels, None for gone; what was acknowledged is the only one."""

    def __init__(self) -> None:
        self.outcomes: dict[str, set[str | None]] = {}
        """By path, e.g. `entities/en1/checks/ch1`."""
        self.unanswered: set[str] = set()
        """Labels of objects whose creation was not answered: they may exist or not."""
        self.acknowledged = 0

    def created(self, path: str, label: str) -> None:
        self.outcomes[path] = {label}
        self.acknowledged += 1

    def may_become(self, path: str, label: str | None) -> None:
        """The wish is on its way. What belongs to an object goes with it."""
        for one in self._with_children(path) if label is None else [path]:
            self.outcomes[one].add(label)

    def became(self, path: str, label: str | None) -> None:
        """The wish was acknowledged."""
        for one in self._with_children(path) if label is None else [path]:
            self.outcomes[one] = {label}
        self.acknowledged += 1

    def _with_children(self, path: str) -> list[str]:
        return [one for one in self.outcomes if one == path or one.startswith(f"{path}/")]


class Writer:
    """Does one call after another until the site stops. After a call without an answer its object is left alone."""

    def __init__(self, site: Site, name: str, client: Client, seed: int) -> None:
        self.name = name
        self.thread = threading.Thread(target=self._run, name=name)
        self.ledger = Ledger()
        self.problem: str | None = None
        self._site = site
        self._client = client
        self._random = random.Random(f"{seed}/{name}")
        self._alive: list[str] = []
        self._count = 0

    def _run(self) -> None:
        life = self._site.life_after(0)
        while life is not None and self.problem is None:
            self._client.base = life.api
            try:
                while not self._site.stopping.is_set() and self.problem is None:
                    self._act()
            except httpx.TransportError:
                pass
            life = self._site.life_after(life.number)

    def _act(self) -> None:
        chance = self._random.random()
        if not self._alive or (chance < 0.4 and len(self._alive) < MOST_ALIVE):
            self._create()
        elif chance < 0.75:
            self._update(self._random.choice(self._alive))
        else:
            self._delete(self._random.choice(self._alive))

    def _create(self) -> None:
        label = self._label()
        collection, body = self._random.choice(self._kinds())
        self.ledger.unanswered.add(label)
        answer = self._call("POST", collection, {"label": label, **body}, 201)
        if answer is not None:
            path = f"{collection}/{answer.headers['X-Object-ID']}"
            self.ledger.unanswered.remove(label)
            self.ledger.created(path, label)
            self._alive.append(path)

    def _kinds(self) -> list[tuple[str, dict[str, Any]]]:
        kinds: list[tuple[str, dict[str, Any]]] = [
            ("entities", {"metadata": {"by": self.name}}),
            ("notifications", {"type": "webhook", "details": {"url": "http://127.0.0.1:9/"}}),
            ("agent_tokens", {}),
        ]
        entities = [path for path in self._alive if path.startswith("entities/") and path.count("/") == 1]
        check = {"type": "agent.load_average", "period": 30}
        return [*kinds, *((f"{entity}/checks", check) for entity in entities[-2:])]

    def _update(self, path: str) -> None:
        label = self._label()
        self._alive.remove(path)
        self.ledger.may_become(path, label)
        if self._call("PUT", path, {"label": label}, 204) is not None:
            self.ledger.became(path, label)
            self._alive.append(path)

    def _delete(self, path: str) -> None:
        self._alive = [one for one in self._alive if one != path and not one.startswith(f"{path}/")]
        self.ledger.may_become(path, None)
        if self._call("DELETE", path, None, 204) is not None:
            self.ledger.became(path, None)

    def _label(self) -> str:
        self._count += 1
        return f"{self.name} {self._count}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None, expected: int) -> httpx.Response | None:
        """None, and a problem, when the answer is not the expected one."""
        answer = self._client.call(method, path, body)
        if answer.status_code == expected:
            return answer
        self.problem = f"{self.name}: {method} {path}: {answer.status_code} {answer.text}"
        return None
