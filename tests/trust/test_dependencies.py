"""The declared versions, the versions that the tests run with, and what the project says of itself, agree."""

import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.trust import dependencies

PROJECT = tomllib.loads((dependencies.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def constraints():
    """Return the requirements of constraints.txt."""
    lines = dependencies.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def declarations():
    optional = PROJECT["optional-dependencies"].values()
    every = [Requirement(text) for texts in (PROJECT["dependencies"], *optional) for text in texts]
    return [one for one in every if one.name != PROJECT["name"]]


def test_every_dependency_has_exactly_one_lower_bound():
    for one in declarations():
        assert [part.operator for part in one.specifier].count(">=") == 1, one
    assert len(dependencies.declared(dependencies.declared_extras())) == len({one.name for one in declarations()})


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_the_constraints_name_one_version_of_every_dependency_within_its_bounds(minor):
    assert f"Programming Language :: Python :: 3.{minor}" in PROJECT["classifiers"]
    here = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.1", "sys_platform": "linux"}
    fitting = [one for one in constraints() if one.marker is None or one.marker.evaluate(here)]
    assert len({one.name for one in fitting}) == len(fitting)
    pinned = {one.name: one.specifier for one in fitting}
    for one in declarations():
        (pin,) = pinned[one.name]
        assert pin.operator == "=="
        assert one.specifier.contains(pin.version), one


def test_a_lower_bound_that_gives_way_to_another_is_refused():
    bounds = {"torch": Version("2.4"), "sympy": Version("1.12")}
    dependencies.check_exact(bounds, {"torch": Version("2.4.0"), "sympy": Version("1.12"), "mpmath": Version("1.0")})
    with pytest.raises(SystemExit, match=r"not true(.|\n)*sympy>=1\.12: 1\.13\.3"):
        dependencies.check_exact(bounds, {"torch": Version("2.4.0"), "sympy": Version("1.13.3")})


def test_an_interpreter_that_cannot_be_called_is_not_there(tmp_path, monkeypatch):
    stand_in = tmp_path / "python3.77"
    stand_in.write_text("#!/bin/sh\nexit 127\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert not dependencies.is_there("python3.77")
    assert not dependencies.is_there("python3.78")


def test_the_citation_file_has_the_version_and_the_licence_of_the_project():
    citation = yaml.safe_load((dependencies.ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert {"message", "title", "authors"} <= set(citation)


def test_the_changelog_begins_with_the_version_of_the_project():
    changelog = (dependencies.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changelog, flags=re.MULTILINE)[0] == PROJECT["version"]
