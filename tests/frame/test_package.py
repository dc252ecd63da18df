import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import vedette
from tests.frame.tree import ROOT, pyproject


def test_the_version_stands_in_one_place() -> None:
    project = pyproject()["project"]

    assert "version" not in project
    assert project["dynamic"] == ["version"]
    assert version("vedette") == vedette.__version__


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]

    assert headings[0] == "## [Unreleased]"


def test_the_wheel_carries_types_licence_and_command(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")

    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = f"vedette-{vedette.__version__}.dist-info"
        command = archive.read(f"{info}/entry_points.txt").decode()

    assert "vedette/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert "vedette = vedette.__main__:main" in command
    assert not [name for name in names if not name.startswith(("vedette/", info))]
