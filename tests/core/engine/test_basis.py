from __future__ import annotations

from vedette.engine.basis import Revision, basis, digest, enabled_revision, still_holds

ENABLED = Revision(5, 1)


def kept(digest_: str = "d", check: int = 5, alarm: int = 5) -> str:
    return basis(digest_, Revision(check, 1), Revision(alarm, 1)).text


def test_votes_hold_while_nothing_changes() -> None:
    assert still_holds(kept(), basis("d", ENABLED, ENABLED))


def test_another_digest_clears_them() -> None:
    assert not still_holds(kept("other"), basis("d", ENABLED, ENABLED))


def test_a_digest_of_the_same_under_an_older_key_clears_nothing() -> None:
    now = basis("new", ENABLED, ENABLED, ("old",))

    assert still_holds(kept("old"), now)
    assert still_holds(kept("new"), now)
    assert not still_holds(kept("older"), now)
    assert now.text.startswith("new.")


def test_changes_that_were_all_seen_enabled_clear_nothing() -> None:
    assert still_holds(kept(check=2, alarm=3), basis("d", Revision(9, 1), Revision(9, 1)))


def test_a_single_step_into_the_unknown_was_no_enabling() -> None:
    assert still_holds(kept(alarm=5), basis("d", ENABLED, Revision(6, 6)))


def test_two_steps_may_hide_one_and_count_as_one() -> None:
    assert not still_holds(kept(alarm=5), basis("d", ENABLED, Revision(7, 7)))
    assert not still_holds(kept(check=5), basis("d", Revision(7, 7), ENABLED))


def test_a_state_that_has_no_basis_yet_holds_nothing() -> None:
    assert not still_holds("", basis("d", ENABLED, ENABLED))


def test_an_object_seen_at_each_revision_is_enabled_since_the_first() -> None:
    seen = enabled_revision(None, 3)
    for number in (4, 5, 5, 6):
        seen = enabled_revision(seen, number)
    assert seen == Revision(6, 3)


def test_a_revision_that_was_not_seen_begins_anew() -> None:
    assert enabled_revision(Revision(4, 1), 6) == Revision(6, 6)


def test_equal_values_have_equal_digests_whatever_their_order() -> None:
    assert digest("c", {"a": 1, "b": 2}) == digest("c", {"b": 2, "a": 1})
    assert digest("c", {"a": 1, "b": 2}) != digest("c", {"a": 1, "b": 3})
