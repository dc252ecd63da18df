"""Spreading the checks of a zone over its collectors."""

from __future__ import annotations

from collections import Counter

from vedette.services.placement import Member, Placement

HTTP = "remote.http"
CHECKS = [f"ch{number:06}" for number in range(3_000)]


def members(*keys: str, blind: tuple[str, ...] = ()) -> list[Member]:
    return [Member(key, frozenset({HTTP}), key in blind) for key in keys]


def owners(placement: Placement) -> dict[str, str | None]:
    return {check: placement.owner(check, HTTP) for check in CHECKS}


def test_each_collector_gets_about_as_many() -> None:
    shares = Counter(owners(Placement(members("a", "b", "c"))).values())
    assert shares.keys() == {"a", "b", "c"}
    assert all(850 < share < 1_150 for share in shares.values())


def test_every_process_comes_to_the_same_whatever_the_order() -> None:
    assert owners(Placement(members("a", "b", "c"))) == owners(Placement(members("c", "a", "b")))


def test_when_one_goes_only_its_checks_move_and_when_it_is_back_it_gets_them_again() -> None:
    whole, less = owners(Placement(members("a", "b", "c"))), owners(Placement(members("a", "c")))
    assert {check for check in CHECKS if whole[check] != less[check]} == {
        check for check in CHECKS if whole[check] == "b"
    }
    assert owners(Placement(members("a", "b", "c"))) == whole


def test_a_blind_collector_s_checks_go_to_those_that_see_like_those_of_one_that_is_gone() -> None:
    assert owners(Placement(members("a", "b", "c", blind=("b",)))) == owners(Placement(members("a", "c")))


def test_where_all_are_blind_they_keep_their_checks() -> None:
    assert owners(Placement(members("a", "b", blind=("a", "b")))) == owners(Placement(members("a", "b")))


def test_a_check_goes_to_collectors_that_know_its_type() -> None:
    able = Member("b", frozenset({HTTP, "remote.ssh"}))
    placement = Placement([*members("a", "c"), able])
    assert {placement.owner(check, "remote.ssh") for check in CHECKS} == {"b"}
    assert placement.owner("ch1", "remote.dns") is None
    assert Placement([]).owner("ch1", HTTP) is None


def test_a_check_whose_only_able_collector_is_blind_stays_with_it() -> None:
    blind = Member("b", frozenset({"remote.ssh"}), is_blind=True)
    assert Placement([*members("a"), blind]).owner("ch1", "remote.ssh") == "b"
