"""What is published: the same sources give the same bytes, and only the package is inside."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in", "qvar", "simulators", "envs")
MOMENT = 1_700_000_000
"""Seconds since 1970 that the files of the wheel get."""


def build(folder, modified):
    """Return the wheel of a copy of the sources, all of whose files were changed at one time."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for file in folder.rglob("*"):
        os.utime(file, (modified, modified))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", folder]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(MOMENT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    return [build(tmp_path_factory.mktemp("build"), modified) for modified in (1_600_000_000, 1_650_000_000)]


def test_two_builds_of_the_same_sources_have_the_same_bytes(wheels):
    first, second = wheels
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_holds_the_package_its_metadata_and_nothing_else(wheels):
    names = zipfile.ZipFile(wheels[0]).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"qvar"}
    inside = [name for name in names if name.startswith("qvar/")]
    assert {Path(name).suffix for name in inside} == {".py", ".typed", ".json", ".jinja", ".css", ".js"}
    assert not any("test" in Path(name).name or "conftest" in name for name in inside)
    assert all("/hamiltonians/" in name for name in inside if name.endswith(".json"))


def test_the_wheel_holds_every_module_of_the_sources(wheels):
    inside = {name for name in zipfile.ZipFile(wheels[0]).namelist() if name.endswith(".py")}
    here = {str(file.relative_to(ROOT)) for file in (ROOT / "qvar").rglob("*.py")}
    for folder in ("simulators", "envs"):
        here |= {f"qvar/{file.relative_to(ROOT)}" for file in (ROOT / folder).rglob("*.py")}
    assert inside == {name for name in here if "__pycache__" not in name}
