"""The reference pages say what the declarations say."""

import pytest

from tests.frame.tree import ROOT
from tools.reference import FOLDER, pages


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_reference_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == pages()[name], "make docs"


def test_no_reference_page_is_left_behind() -> None:
    made = [path.name for path in FOLDER.iterdir() if "Made by `make docs`" in path.read_text("utf-8")]

    assert sorted(made) == sorted(pages())


def test_the_pages_are_linked() -> None:
    links = (ROOT / "docs/README.md").read_text("utf-8")

    assert all(f"(reference/{name})" in links for name in pages())
