import re
from pathlib import Path

import pytest

from tests.frame.tree import ROOT, pyproject

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PINNED = re.compile(r"^(?P<name>[a-z0-9.-]+)==(?P<version>[^ ;]+)(?: ;[^\\]*)? \\$")


def pins(lock: Path) -> dict[str, str]:
    found = (PINNED.match(line) for line in lock.read_text(encoding="utf-8").splitlines())
    return {match["name"]: match["version"] for match in found if match}


def wanted_by_pyproject() -> list[str]:
    project = pyproject()["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [requirement for group in groups for requirement in group]


def name_of(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[]", requirement, maxsplit=1)[0]).lower()


def test_there_is_a_lock_for_building_and_one_for_everything() -> None:
    assert [lock.name for lock in LOCKS] == ["build.lock", "dev.lock"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.findall(r"^\s*(?:-i|-f|--\S*index\S*|--\S*links\S*|--trusted-host)\b.*$", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_exact_versions_with_hashes_and_nothing_else(lock: Path) -> None:
    hashed = None
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("#"):
            continue
        if line.startswith("    --hash=sha256:"):
            hashed = True
            continue
        assert PINNED.match(line), f"not an exact version: {line}"
        assert hashed is not False, f"the package before this line has no hash: {line}"
        hashed = False
    assert hashed


@pytest.mark.parametrize("requirement", wanted_by_pyproject())
def test_everything_pyproject_asks_for_is_locked(requirement: str) -> None:
    assert name_of(requirement) in pins(ROOT / "requirements/dev.lock")


@pytest.mark.parametrize("requirement", pyproject()["build-system"]["requires"])
def test_the_build_backend_is_locked_with_the_rest(requirement: str) -> None:
    assert all(name_of(requirement) in pins(lock) for lock in LOCKS)


def test_both_locks_agree() -> None:
    building, everything = (pins(lock) for lock in LOCKS)

    assert building.items() <= everything.items()
