"""The sentence for those who lack an extra: it names packages that are there to be had, and extras that exist."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from qvar.simulators import extras
from qvar.simulators.extras import how_to_install

ROOT = Path(__file__).parents[2]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", sorted(DECLARED.keys() - {"dev", "docs", "notebooks"}))
def test_the_packages_of_an_extra_are_named_as_they_are_declared(extra, monkeypatch):
    lines = [f'{package}; extra == "{name}"' for name, packages in DECLARED.items() for package in packages]
    monkeypatch.setattr(extras, "requires", lambda _: ["numpy>=2.1", *lines])
    command = how_to_install(extra).partition("pip install ")[2]
    names = [re.match(r"[\w-]+", package)[0] for package in DECLARED[extra]]
    assert re.findall(r"'([\w-]+)>=", command) == names


def not_installed(name):
    raise PackageNotFoundError(name)


@pytest.mark.parametrize("requires", [not_installed, lambda _: None, lambda _: []])
def test_a_checkout_that_was_never_installed_is_told_to_install_itself(requires, monkeypatch):
    monkeypatch.setattr(extras, "requires", requires)
    assert how_to_install("ibm").endswith("pip install '.[ibm]'")


def test_every_extra_that_a_message_names_exists():
    sources = [path for folder in ("qvar", "envs", "simulators") for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in sources for name in re.findall(r"how_to_install\('(\w+)'\)", path.read_text("utf-8"))}
    assert named >= {"ibm", "chemistry", "dashboard"}
    assert named <= DECLARED.keys()
