"""Reading the files of checks and alarms: whatever an agent uploads ends soon, and in one of two ways."""

from __future__ import annotations

import pytest

from vedette.services.definitions import DefinitionError, Place, read

_SIXTIES = ":1" * 40_000


@pytest.mark.parametrize(
    "number",
    [
        "1" + _SIXTIES,  # to base 60: a sum of numbers that grow without end
        "1" + _SIXTIES + ".5",
        "1:1" * 200 + ".5",
        "9" * 4_000,
        "0x" + "f" * 100_000,
        "0" + "7" * 100_000,
    ],
)
def test_a_number_of_endless_digits_is_refused_for_its_length(number: str) -> None:
    with pytest.raises(DefinitionError, match="Expected a number of at most 64 characters") as raised:
        read(f"type: agent.memory\nperiod: {number}\n")
    assert raised.value.place == Place(2, 9)


@pytest.mark.parametrize("value", ["!!bool x", "!!int ''", "!!float ''", "!!int x", "!!float x"])
def test_a_tag_that_its_value_does_not_keep_is_refused(value: str) -> None:
    with pytest.raises(DefinitionError, match="Unexpected value") as raised:
        read(f"type: agent.memory\nperiod: {value}\n")
    assert raised.value.place == Place(2, 9)


def test_every_alarm_knows_the_places_of_its_own_members_and_of_no_others() -> None:
    alarms = "".join(f"  a{number}:\n    label: x\n" for number in range(3))
    defined = read(f"type: agent.memory\nalarms:\n{alarms}")

    assert [one.place_of("label") for one in defined.alarms.values()] == [Place(4, 12), Place(6, 12), Place(8, 12)]
    assert all(set(one.places) == {(), ("label",)} for one in defined.alarms.values())
    assert defined.check.place_of("type") == Place(1, 7)
