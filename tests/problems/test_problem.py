"""Problems keep their data through JSON and refuse what cannot be true."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qvar.problems import Problem
from qvar.simulators import Observable
from qvar.simulators.errors import ProblemError

ISING = Observable.from_terms({"ZZ": -1.0, "XI": -0.5, "IX": -0.5})


@st.composite
def observables(draw: st.DrawFn) -> Observable:
    n_qubits = draw(st.integers(1, 4))
    label = st.text(alphabet="IXYZ", min_size=n_qubits, max_size=n_qubits)
    number = st.floats(-10, 10, allow_nan=False, allow_infinity=False)
    return Observable.from_terms(draw(st.dictionaries(label, number, min_size=1, max_size=12)))


def ising(**changes: Any) -> Problem:
    settings: dict[str, Any] = {"key": "ising-2", "title": "two spins", "exact_energy": -(2**0.5)}
    return Problem(**{"observable": ISING, **settings, **changes})


@given(observables())
def test_any_observable_becomes_a_problem_that_survives_json(observable: Observable) -> None:
    problem = Problem.from_observable(observable, key="any", metadata={"seed": 3, "pair": (1, 2.5)})
    text = json.dumps(problem.to_dict())
    assert Problem.from_dict(json.loads(text)) == problem
    assert Problem.from_json_text(text) == problem
    assert problem.n_qubits == observable.n_qubits


@given(observables())
def test_the_exact_energy_is_the_lowest_eigenvalue_and_above_the_lower_bound(observable: Observable) -> None:
    problem = Problem.from_observable(observable, key="any")
    letters = {
        "I": np.eye(2),
        "X": np.array([[0, 1], [1, 0]]),
        "Y": np.array([[0, -1j], [1j, 0]]),
        "Z": np.diag([1, -1]),
    }
    matrix = np.zeros((2**observable.n_qubits,) * 2, dtype=complex)
    for label, coefficient in zip(observable.labels, observable.coefficients, strict=True):
        product = np.eye(1)
        for letter in label:
            product = np.kron(product, letters[letter])
        matrix += coefficient * product
    assert problem.exact_energy == pytest.approx(np.linalg.eigvalsh(matrix)[0], abs=1e-9)
    assert problem.lower_bound <= problem.exact_energy + 1e-9


def test_the_two_spin_ising_chain_has_its_textbook_energy() -> None:
    assert Problem.from_observable(ISING, key="ising-2").exact_energy == pytest.approx(-(2**0.5), abs=1e-12)


def test_a_problem_survives_a_file_and_pickle_and_can_be_hashed(tmp_path: Path) -> None:
    problem = ising(hartree_fock_energy=-1.0, unit="J", source="by hand", metadata={"a": [1, {"b": None}]})
    path = tmp_path / "ising.json"
    problem.to_json(path)
    assert Problem.from_json(path) == problem
    assert pickle.loads(pickle.dumps(problem)) == problem  # noqa: S301 - our own bytes
    assert hash(problem) == hash(Problem.from_json(path))


def test_writing_replaces_the_old_file_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "ising.json"
    path.write_text("old")
    ising().to_json(path)
    assert Problem.from_json(path) == ising()
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ising.json"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        ising().to_json(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_metadata_is_a_copy_so_later_changes_do_not_reach_the_problem() -> None:
    metadata = {"orbitals": [1, 2]}
    problem = ising(metadata=metadata)
    metadata["orbitals"].append(3)
    assert problem.metadata == {"orbitals": [1, 2]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "a b"}, "a problem key starts"),
        ({"key": ""}, "a problem key starts"),
        ({"key": 3}, "a problem key starts"),
        ({"title": " "}, "title must be"),
        ({"unit": None}, "unit must be"),
        ({"source": 5}, "source must be"),
        ({"observable": {"ZZ": 1.0}}, "Observable.from_qiskit"),
        ({"exact_energy": float("nan")}, "finite real number"),
        ({"exact_energy": "low"}, "finite real number"),
        ({"exact_energy": True}, "finite real number"),
        ({"exact_energy": 10**400}, "finite real number"),
        ({"exact_energy": -2.1}, "cannot be the lowest eigenvalue"),
        ({"exact_energy": 0.1}, "cannot be the lowest eigenvalue"),
        ({"hartree_fock_energy": -1.5}, "below the exact energy"),
        ({"metadata": {"x": object()}}, "JSON data"),
        ({"metadata": {"x": float("inf")}}, "JSON data"),
        ({"metadata": {3: "x"}}, "metadata must map"),
        ({"metadata": None}, "metadata must map"),
    ],
)
def test_a_problem_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        ising(**changes)


def test_a_qiskit_operator_is_refused_with_the_way_to_convert_it() -> None:
    with pytest.raises(ProblemError, match=r"Observable\.from_qiskit"):
        Problem.from_observable(ISING.to_qiskit(), key="ising-2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something"}, "this release reads 'qvar-problem'"),
        ({"version": 2}, "version 2"),
        ({"colour": "red"}, "unknown fields"),
        ({"terms": {}}, "holds no observable"),
        ({"terms": [["ZZ", 1.0]]}, "must map Pauli labels"),
        ({"terms": {5: 1.0}}, "must map Pauli labels"),
        ({"terms": {"ZQ": 1.0}}, "holds no observable"),
        ({"terms": {"ZZ": 1.0, "Z": 1.0}}, "holds no observable"),
        ({"terms": {"ZZ": "1.0"}}, "finite real number"),
        ({"terms": {"ZZ": None}}, "finite real number"),
        ({"key": ["x"]}, "a problem key starts"),
        ({"metadata": []}, "metadata must map"),
    ],
)
def test_stored_data_is_checked_field_by_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        Problem.from_dict(ising().to_dict() | changes)


@pytest.mark.parametrize("name", ["format", "version", "key", "title", "unit", "exact_energy", "source", "terms"])
def test_a_missing_field_is_named(name: str) -> None:
    data = ising().to_dict()
    del data[name]
    with pytest.raises(ProblemError, match=f"missing fields \\['{name}'\\]"):
        Problem.from_dict(data)


def test_optional_fields_may_be_left_out() -> None:
    data = ising().to_dict()
    del data["hartree_fock_energy"], data["metadata"]
    assert Problem.from_dict(data) == ising()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("}", "", "holds no valid problem"),
        ('"ZZ": -1.0', '"ZZ": NaN', "NaN is not a finite number"),
        ('"ZZ": -1.0', '"ZZ": -1.0, "ZZ": -1.0', "'ZZ' appears twice"),
        ('"ZZ": -1.0', '"ZZ": -1e999', "finite real number"),
        ('"ZZ": -1.0', '"ZZ": 1.0e-3', "cannot be the lowest eigenvalue"),
    ],
)
def test_a_damaged_file_is_refused_and_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "damaged.json"
    ising().to_json(path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ProblemError, match=message) as caught:
        Problem.from_json(path)
    assert "damaged.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(ProblemError, match=r"other\.json"):
        Problem.from_json(path)


def test_a_missing_file_is_a_problem_error(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="cannot read the problem file"):
        Problem.from_json(tmp_path / "nothing.json")
