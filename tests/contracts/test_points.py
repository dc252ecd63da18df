from collections.abc import Sequence

from tests.contracts.examples import ALICES, CHARLIES, document, observation
from vedette.adapters.sql.stores import Stores
from vedette.domain.ids import AgentId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.points import MetricName, Point, Series


def measured(at_ms: int, value: float | str, zone_id: str | None = "mzdfw", name: str = "duration") -> Observation:
    return observation("chA", at_ms, zone_id, metrics={name: Metric("D", value, "seconds")})


async def append(store: Stores, *observations: Observation) -> None:
    await store.commit(store.observations.append(observations))


async def points(store: Stores, place: str, name: str, from_ms: int, to_ms: int, limit: int) -> Sequence[Point]:
    series = Series(tenant_id=ALICES, check_id="chA", place=place, name=name)
    return (await store.points.points(series, from_ms, to_ms, limit)).items


async def test_points_are_those_of_one_place_and_name_in_order(store: Stores) -> None:
    await append(store, measured(30, 3.5), measured(10, 1), measured(20, 2**63), measured(15, 9.0, "mzord"))
    await append(store, measured(12, 8.0, name="other"), observation("chB", 11))
    found = await points(store, "mzdfw", "duration", 0, 100, 10)
    assert found == [Point(10, 1), Point(20, 2**63), Point(30, 3.5)]
    assert await points(store, "mzord", "duration", 0, 100, 10) == [Point(15, 9.0)]
    assert await points(store, "mzdfw", "none", 0, 100, 10) == []


async def test_the_range_holds_its_beginning_and_not_its_end(store: Stores) -> None:
    await append(store, *[measured(at_ms, at_ms) for at_ms in (10, 20, 30)])
    assert await points(store, "mzdfw", "duration", 10, 30, 10) == [Point(10, 10), Point(20, 20)]
    assert await points(store, "mzdfw", "duration", 10, 31, 2) == [Point(10, 10), Point(20, 20)]


async def test_an_agents_points_have_an_empty_place_and_text_stays_text(store: Stores) -> None:
    await append(store, observation("chA", 5, None, agent_id=AgentId("h"), metrics={"os": Metric("s", "Linux")}))
    assert await points(store, "", "os", 0, 10, 10) == [Point(5, "Linux")]


async def test_an_observation_reported_twice_is_one_point(store: Stores) -> None:
    await append(store, measured(10, 1), measured(20, 2))
    await append(store, measured(10, 1), measured(30, 3))
    found = await points(store, "mzdfw", "duration", 0, 100, 10)
    assert found == [Point(10, 1), Point(20, 2), Point(30, 3)]


async def test_a_long_range_is_whole_although_it_is_read_in_pages(store: Stores) -> None:
    await append(store, *[measured(at_ms, at_ms, name="a" if at_ms % 3 else "b") for at_ms in range(2_000)])
    found = await points(store, "mzdfw", "b", 0, 10_000, 10_000)
    assert [point.at_ms for point in found] == list(range(0, 2_000, 3))
    assert len(await points(store, "mzdfw", "b", 0, 10_000, 600)) == 600


async def test_names_carry_the_zone_and_are_bare_for_agents(store: Stores) -> None:
    await append(store, measured(10, 1, "mzord"), measured(10, 1, "mzdfw"), measured(10, 1, None))
    assert await store.points.names(ALICES, "chA") == [
        MetricName(name="duration", unit="seconds", type="D"),
        MetricName(name="mzdfw.duration", unit="seconds", type="D"),
        MetricName(name="mzord.duration", unit="seconds", type="D"),
    ]
    assert await store.points.names(ALICES, "chZ") == []
    assert await store.points.names(CHARLIES, "chA") == []


async def test_names_are_those_of_the_latest_observations(store: Stores) -> None:
    changed = observation("chA", 40, metrics={"duration": Metric("L", 1, "milliseconds")})
    await append(store, *[measured(at_ms, 1, name="old") for at_ms in range(30)], measured(35, 1, name="new"))
    await append(store, *[measured(at_ms, 1) for at_ms in range(36, 40)], changed)
    assert (
        await store.points.names(ALICES, "chA")
        == [
            MetricName(name="mzdfw.duration", unit="milliseconds", type="L"),
            MetricName(name="mzdfw.new", unit="seconds", type="D"),
        ][:1]
    )


async def test_a_target_that_is_down_keeps_its_names(store: Stores) -> None:
    await append(store, measured(1, 1), *[observation("chA", at, available=False, metrics={}) for at in range(2, 40)])
    assert [name.name for name in await store.points.names(ALICES, "chA")] == ["mzdfw.duration"]


async def test_the_names_of_all_checks_of_several_entities_are_read_at_once(store: Stores) -> None:
    for entity, check in (("enA", "chA"), ("enB", "chB"), ("enB", "chC")):
        if check != "chC":
            await store.commit(store.documents.add(document(entity)))
        await store.commit(store.documents.add(document(check, entity_id=entity)))
    await append(store, measured(10, 1, name="old"), measured(20, 1), measured(5, 1, "mzord", "code"))
    await append(store, observation("chB", 5, None, agent_id=AgentId("h"), metrics={"os": Metric("s", "x")}))
    await append(store, observation("chC", 5, metrics={}), observation("chD", 5))
    await append(store, observation("chA", 30, "mzlon", tenant_id=CHARLIES))
    found = await store.points.latest_names(ALICES, ["enB", "enA"])
    assert {check: [name.name for name in names] for check, names in found.items()} == {
        "chA": ["mzdfw.duration", "mzord.code"], "chB": ["os"], "chC": []
    }  # fmt: skip
    assert found["chB"] == [MetricName(name="os", unit="unknown", type="s")]
    assert await store.points.latest_names(ALICES, []) == {}
