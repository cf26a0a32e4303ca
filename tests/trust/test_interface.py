"""The public names, their signatures and the formats of files are those agreed on."""

import ast
import inspect
import re
from importlib import import_module

import pytest

from qvar import runs, simulators
from tests.trust import interface

HOW = (
    "The public interface differs from tests/trust/public_api.txt. If that is meant: run "
    "`python tests/trust/interface.py --write`, write the change down in CHANGELOG.md, and keep what was public "
    "working for as long as docs/stability.md says. "
    "A changed format needs a new version and a reader for the old one."
)


@pytest.fixture(scope="module")
def agreed():
    return interface.AGREED.read_text(encoding="utf-8")


def test_the_public_names_and_the_formats_of_files_are_those_agreed_on(agreed):
    assert interface.agreement() == agreed, HOW


def test_every_function_and_class_of_a_public_module_is_in_its_list_of_names():
    for name in interface.public_modules():
        module = import_module(name)
        tree = ast.parse(inspect.getsource(module))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert {one for one in defined if not one.startswith("_")} <= set(module.__all__), name


def test_what_the_documentation_imports_is_public():
    text = "".join(file.read_text(encoding="utf-8") for file in (interface.ROOT / "docs").rglob("*.md"))
    text += (interface.ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^from (qvar[.a-z_]*) import ([\w, ]+)$", text, flags=re.MULTILINE)
    assert len(found) > 30
    for module, names in found:
        assert {name.split(" as ")[0] for name in names.split(", ")} <= set(import_module(module).__all__), module


def test_a_parameter_that_is_renamed_is_noticed(agreed, monkeypatch):
    def depolarizing(strength, *, n_qubits=1): ...

    monkeypatch.setattr(simulators, "depolarizing", depolarizing, raising=False)
    assert "qvar.simulators.depolarizing(strength, *, n_qubits=1)" in interface.names()
    assert "qvar.simulators.depolarizing(strength, *, n_qubits=1)" not in agreed


def test_a_method_that_is_gone_is_noticed(agreed, monkeypatch):
    lost = "qvar.runs.RunFolder.write_result"
    assert any(line.startswith(lost) for line in agreed.splitlines())
    monkeypatch.delattr(runs.RunFolder, "write_result")
    assert not any(line.startswith(lost) for line in interface.names())


def test_every_file_that_names_a_format_names_its_version():
    assert "qvar-run 1" in interface.formats()
    assert all(re.fullmatch(r"qvar-[a-z-]+ \d+", line) for line in interface.formats())
