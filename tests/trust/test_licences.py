"""Nothing that comes with qvar stands under a licence that was not read."""

from email.message import Message
from importlib.metadata import distribution

import pytest

from tests.trust import licences


def metadata(**said):
    message = Message()
    message["Name"] = "made-up"
    for key, value in said.items():
        message[key.replace("_", "-")] = value
    return message


def test_every_installed_requirement_has_a_licence_that_is_allowed_or_explained():
    needed = licences.requirements(licences.extras())
    assert {"numpy", "torch", "qiskit", "llvmlite", "networkx"} <= set(needed)  # llvmlite is numba's
    assert [text for name in needed if (text := licences.trouble(distribution(name).metadata))] == []


def test_an_extra_adds_packages():
    assert set(licences.requirements()) < set(licences.requirements(["ibm", "dev"]))
    assert "pytest" not in licences.requirements()


@pytest.mark.parametrize(
    "said",
    [
        {"License_Expression": "MIT"},
        {"License_Expression": "Apache-2.0 WITH LLVM-exception AND (BSD-3-Clause OR MIT)"},
        {"Classifier": "License :: OSI Approved :: BSD License"},
        {"License": "Apache 2.0"},
    ],
)
def test_a_permissive_licence_is_found_however_it_is_said(said):
    assert licences.trouble(metadata(**said)) is None


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"License_Expression": "GPL-3.0-or-later"},
        {"License_Expression": "MIT AND AGPL-3.0-only"},
        {"License_Expression": "MIT OR GPL-2.0-only"},
        {"Classifier": "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"},
        {"Classifier": "License :: Other/Proprietary License"},
        {"License": "for research only"},
    ],
)
def test_any_other_licence_and_silence_are_refused(said):
    assert "made-up" in licences.trouble(metadata(**said))


def test_the_one_package_under_the_gpl_comes_only_with_its_extra():
    without = set(licences.extras()) - {"mitigation", "dev"}
    assert "mitiq" not in licences.requirements(without)
    assert "mitiq" in licences.EXPLAINED
