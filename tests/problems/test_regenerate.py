"""The shipped Hamiltonians can be computed again, and a difference is found and named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qvar.problems import Problem, molecule, regenerate, tasks
from qvar.problems.recipes import RECIPES, build
from qvar.simulators import Observable

BY_KEY = {recipe.key: recipe for recipe in RECIPES}


def spectrum(problem: Problem) -> np.ndarray:
    return np.linalg.eigvalsh(problem.observable.to_sparse().toarray())


@pytest.mark.parametrize("key", ["h2-4", "lih-4"])
def test_a_fresh_computation_has_the_spectrum_of_the_shipped_file(key: str) -> None:
    fresh = build(BY_KEY[key])
    np.testing.assert_allclose(spectrum(fresh), spectrum(molecule(key)), atol=1e-8)
    assert regenerate.differences(molecule(key), fresh) == []


def test_the_check_passes_for_every_shipped_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert regenerate.main(["--check"]) == 0
    assert capsys.readouterr().out.count("agrees") == len(tasks())


def test_regenerated_files_come_out_the_same_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(regenerate, "_FOLDER", tmp_path)
    written = []
    for _ in range(2):
        assert regenerate.main(["lih-4", "h2-2"]) == 0
        written.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {"lih-4.json", "h2-2.json"}
    assert "written" in capsys.readouterr().out


def test_the_check_fails_for_missing_and_changed_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(regenerate, "_FOLDER", tmp_path)
    assert regenerate.main(["--check", "h2-4"]) == 1
    assert "cannot read the problem file" in capsys.readouterr().out
    replace(molecule("h2-2"), title="another").to_json(tmp_path / "h2-2.json")
    assert regenerate.main(["--check", "h2-2"]) == 1
    assert "title was 'another'" in capsys.readouterr().out


def test_an_unknown_key_stops_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        regenerate.main(["h9-9"])
    assert "choose from h2-2" in capsys.readouterr().err


def flipped(problem: Problem, label: str) -> Problem:
    terms = dict(zip(problem.observable.labels, problem.observable.coefficients, strict=True))
    return replace(problem, observable=Observable.from_terms(terms | {label: -terms[label]}))


def test_flipped_orbital_signs_are_no_difference_but_other_signs_are() -> None:
    problem = molecule("h2-2")
    assert regenerate.differences(problem, flipped(problem, "XX")) == []  # Z on one qubit undoes it
    assert "eigenvalues differ" in regenerate.differences(problem, flipped(problem, "ZI"))[0]


def test_other_terms_energies_and_recipes_are_differences() -> None:
    problem = molecule("h2-2")
    terms = dict(zip(problem.observable.labels, problem.observable.coefficients, strict=True))
    shifted = replace(problem, observable=Observable.from_terms(terms | {"XX": terms["XX"] + 1e-7}))
    assert any("magnitudes" in text for text in regenerate.differences(problem, shifted))
    longer = replace(problem, observable=Observable.from_terms(terms | {"YY": 1e-3}))
    assert any("Pauli strings" in text for text in regenerate.differences(problem, longer))
    higher = replace(problem, exact_energy=problem.exact_energy + 1e-7)
    assert any("exact_energy" in text for text in regenerate.differences(problem, higher))
    without = replace(problem, hartree_fock_energy=None)
    assert any("hartree_fock_energy" in text for text in regenerate.differences(problem, without))
    moved = replace(problem, metadata={**problem.metadata, "geometry": "H 0 0 0"})
    assert any("geometry" in text for text in regenerate.differences(problem, moved))
