"""Each row of each attribute table: values within its bounds are taken and come back, values beyond them are refused.

Details of check types and of notification types have tables of their own in `tests/core`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.attribute_tables import ACCOUNT, ACCOUNT_DECLARED, TABLES
from tests.conformance.case import filled
from tests.conformance.stage import Stage
from tests.core.attribute_rows import Row

_REFUSALS = {"badRequest", "invalidKeyPrefix", "requiredNotFoundError", "alarmParseError"}


def _each(*, that_fit: bool) -> Iterator[Any]:
    for name, table in TABLES.items():
        for row in table.rows:
            for place, value in enumerate(row.kept if that_fit else row.refused):
                yield pytest.param(name, row, value, id=f"{name}.{row.name} {place}")


def _body(name: str, row: Row, value: Any) -> dict[str, Any]:
    table = TABLES[name]
    kept = {key: item for key, item in table.base.items() if key not in table.excludes.get(row.name, ())}
    return {**kept, **table.includes.get(row.name, {}), row.name: value}


@pytest.mark.parametrize(("name", "row", "value"), list(_each(that_fit=True)))
def test_a_value_within_the_bounds_is_taken_and_comes_back(
    stage: Stage, name: str, row: Row, value: tuple[Any, Any]
) -> None:
    alice, (given, kept) = stage.cast.alice, value
    collection = filled(TABLES[name].collection, stage.ids)

    key = alice.create(collection, **filled(_body(name, row, given), stage.ids))

    shown = alice.get(f"{collection}/{key}")[row.name]
    alice.delete(f"{collection}/{key}")
    assert shown == filled(kept, stage.ids)
    assert type(shown) is type(filled(kept, stage.ids))


@pytest.mark.parametrize(("name", "row", "value"), list(_each(that_fit=False)))
def test_a_value_beyond_the_bounds_is_refused_by_its_name(stage: Stage, name: str, row: Row, value: Any) -> None:
    body, collection = filled(_body(name, row, value), stage.ids), filled(TABLES[name].collection, stage.ids)

    fault = stage.cast.alice.refused("POST", collection, body)

    assert (fault["type"] in _REFUSALS, fault["code"]) == (True, 400)
    if fault["type"] == "badRequest":
        assert row.name in fault["message"]


_REQUIRED = [(name, row.name) for name, table in TABLES.items() for row in table.rows if not row.optional]


@pytest.mark.parametrize(("name", "attribute"), _REQUIRED)
def test_what_is_not_optional_must_be_there(stage: Stage, name: str, attribute: str) -> None:
    table = TABLES[name]
    body = {key: value for key, value in table.base.items() if key != attribute}

    fault = stage.cast.alice.refused("POST", filled(table.collection, stage.ids), filled(body, stage.ids))

    where = "details.url" if attribute == "details" else attribute
    assert fault["message"] == f"Validation error for key '{where}'"
    assert fault["details"].startswith("Missing required key (")


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, table in TABLES.items() for row in table.rows])
def test_what_is_optional_may_be_absent_and_null(stage: Stage, name: str, row: Row) -> None:
    if not row.optional:
        return
    alice, table = stage.cast.alice, TABLES[name]
    collection = filled(table.collection, stage.ids)
    # A remote check needs a place and a target; a suppression an object, and an end that is not before its beginning.
    needed = {"monitoring_zones_poll", "target_alias", "entities", "end_time", "details"}
    without = {key: value for key, value in table.base.items() if key != row.name or key in needed}
    bodies = [without] if row.name in without else [without, {**without, row.name: None}]
    for body in bodies:
        alice.delete(f"{collection}/{alice.create(collection, **filled(body, stage.ids))}")


@pytest.mark.parametrize(("row", "value"), [(row, value) for row in ACCOUNT for value in row.kept])
def test_a_value_of_the_account_within_the_bounds_is_taken(stage: Stage, row: Row, value: tuple[Any, Any]) -> None:
    stage.cast.carol.update("/account", **{row.name: value[0]})

    assert stage.cast.carol.get("/account")[row.name] == value[1]


@pytest.mark.parametrize(("row", "value"), [(row, value) for row in ACCOUNT for value in row.refused])
def test_a_value_of_the_account_beyond_the_bounds_is_refused(stage: Stage, row: Row, value: Any) -> None:
    fault = stage.cast.alice.refused("PUT", "/account", {row.name: value})

    assert (fault["type"], fault["code"]) == ("badRequest", 400)
    assert row.name in fault["message"]


def test_what_only_built_in_zones_have_is_not_taken_for_private_ones(stage: Stage) -> None:
    body = {"label": "Zone", "country_code": "US", "source_ips": ["192.0.2.0/24"]}

    answer = stage.cast.alice.call("POST", "/monitoring_zones", body)

    assert answer.headers["X-Ignored-Attributes"] == "country_code, source_ips"


@pytest.mark.parametrize("name", TABLES)
def test_every_declared_attribute_has_a_row(name: str) -> None:
    rows = [row.name for row in TABLES[name].rows]

    assert sorted(rows) == sorted(attribute.name for attribute in TABLES[name].declared)
    assert all(row.fits and row.refused for row in TABLES[name].rows)


def test_every_declared_attribute_of_the_account_has_a_row() -> None:
    assert {row.name for row in ACCOUNT} == {attribute.name for attribute in ACCOUNT_DECLARED}
