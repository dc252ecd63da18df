"""An alarm of Alice's with a past: its configuration, what zones saw, and what came of it, put where it is kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from tests.doors.api.house import Cast, House
from tests.fakes import chain
from vedette.app.storage import open_stores
from vedette.domain.documents import Document, Kind
from vedette.domain.ids import CheckId, EntityId
from vedette.domain.observations import Entry
from vedette.ports.unit import Write

DAY_MS = 86_400_000
ZONES = chain.ZONES


class Story:
    """Times are seconds after `begin`, two hours ago; everything was configured a day before that."""

    def __init__(self, house: House, cast: Cast, *, period: int = 60, **alarm: Any) -> None:
        self.house = house
        self.alice = cast.alice
        self.begin = int(time.time()) * 1000 - 7_200_000
        number = self.alice.tenant.removeprefix("ours")
        self.entity, self.check, self.alarm = f"enStory{number}", f"chStory{number}", f"alStory{number}"
        self.plan, self.receiver = f"npStory{number}", f"ntStory{number}"
        tenant, entity = self.alice.tenant, self.entity
        self.put(
            chain.entity(tenant, entity),
            chain.check(tenant, self.check, entity, period=period),
            chain.notification(tenant, self.receiver),
            chain.plan(tenant, self.plan, [self.receiver]),
            chain.alarm(
                tenant, self.alarm, self.check, entity, **{"notification_plan_id": self.plan, "label": "Story"} | alarm
            ),
        )

    @property
    def address(self) -> str:
        return f"/entities/{self.entity}/alarms/{self.alarm}"

    def at(self, at_s: float) -> int:
        return self.begin + int(at_s * 1000)

    def put(self, *documents: Document) -> None:
        """As they were a day before the story begins."""
        self.commit(lambda stores: [stores.documents.add(self._dated(one)) for one in documents])

    def change(self, kind: Kind, key: str, at_s: float, **public: Any) -> None:
        """The object is changed at a moment of the story."""

        async def change() -> None:
            async with open_stores(self.house.config) as stores:
                before = await stores.documents.find(self.alice.tenant, kind, key)
                assert before is not None
                after = msgspec.structs.replace(chain.changed(before, **public), updated_at=self.at(at_s))
                await stores.commit(stores.documents.update(after, before.revision))

        self.house.run(change())

    def remove(self, kind: Kind, key: str, at_s: float) -> None:
        async def remove() -> None:
            async with open_stores(self.house.config) as stores:
                found = await stores.documents.find(self.alice.tenant, kind, key)
                assert found is not None
                gone = msgspec.structs.replace(found, updated_at=self.at(at_s))
                await stores.commit(stores.documents.remove(gone))

        self.house.run(remove())

    def suppress(self, start_s: float, end_s: float, **more: Any) -> str:
        """From when it was made: its start."""
        key = f"spStory{start_s:.0f}{self.alice.tenant}"
        public: dict[str, Any] = {
            "label": None, "notification_plans": [], "entities": [self.entity], "checks": [], "alarms": [],
            "start_time": self.at(start_s), "end_time": self.at(end_s), "recurrence": None, "timezone": None,
        }  # fmt: skip
        made = chain.document(Kind.SUPPRESSION, key, public | more, self.alice.tenant)
        stamped = msgspec.structs.replace(made, created_at=self.at(start_s), updated_at=self.at(start_s))
        self.commit(lambda stores: [stores.documents.add(stamped)])
        return key

    def see(self, code: str | None, at_s: float, zones: Sequence[str] = ZONES, **more: Any) -> None:
        """Zones see the same, 10 ms one after another."""
        own = {"tenant_id": self.alice.tenant, "entity_id": EntityId(self.entity), "check_id": CheckId(self.check)}
        seen = [chain.observation(zone, code, self.at(at_s) + 10 * nth, **own | more) for nth, zone in enumerate(zones)]
        self.log(*seen)

    def log(self, *entries: Entry) -> None:
        self.commit(lambda stores: [stores.observations.append(entries)])

    def commit(self, writes: Any) -> None:
        """`writes` makes them with the stores."""

        async def commit() -> None:
            async with open_stores(self.house.config) as stores:
                made: list[Write] = writes(stores)
                await stores.commit(*made)

        self.house.run(commit())

    def _dated(self, document: Document) -> Document:
        before = self.begin - DAY_MS
        return msgspec.structs.replace(document, created_at=before, updated_at=before)
