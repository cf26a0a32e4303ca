"""Observables: conversion, identity, and the two energies that bound them from below."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp

from qvar.simulators import Observable, memory
from qvar.simulators.errors import ObservableError
from tests.simulators import oracle


@settings(max_examples=60, deadline=None)
@given(n_qubits=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_qiskit_operators_come_back_unchanged(n_qubits, seed):
    observable = oracle.random_observable(np.random.default_rng(seed), n_qubits)
    back = Observable.from_qiskit(observable.to_qiskit())
    assert dict(zip(back.labels, back.coefficients, strict=True)) == dict(
        zip(observable.labels, observable.coefficients, strict=True)
    )


@settings(max_examples=30, deadline=None)
@given(n_qubits=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_the_matrix_is_the_sum_of_kronecker_products(n_qubits, seed):
    observable = oracle.random_observable(np.random.default_rng(seed), n_qubits)
    expected = 0
    for label, coefficient in zip(observable.labels, observable.coefficients, strict=True):
        string = np.array([[coefficient]])
        for letter in label:
            string = np.kron(string, oracle.PAULI[letter])
        expected = expected + string
    np.testing.assert_allclose(observable.to_sparse().toarray(), expected, rtol=0, atol=1e-13)
    assert observable.ground_energy() == pytest.approx(np.linalg.eigvalsh(expected)[0], abs=1e-12)
    assert observable.lower_bound() <= observable.ground_energy() + 1e-12


FLIPS = [f"ZZIIYYZZ{k:04b}".replace("0", "I").replace("1", "X") for k in range(15)]


@pytest.mark.parametrize("n_flips", [1, 16])
def test_a_matrix_is_refused_where_it_would_leave_no_room_and_granted_where_it_fits_four_times(monkeypatch, n_flips):
    """What it takes follows from how many sets of qubits the terms flip, not from how many terms there are."""
    ising = {"I" * k + "ZZ" + "I" * (10 - k): 1.0 for k in range(11)}
    observable = Observable.from_terms(ising | dict.fromkeys(FLIPS[: n_flips - 1], 0.5))
    matrix = observable.to_sparse()
    n_bytes = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    monkeypatch.setattr(memory, "_WORTH_ASKING", 1)
    monkeypatch.setattr(memory, "available_bytes", lambda: n_bytes)
    with pytest.raises(ObservableError, match=r"the matrix of this observable on 12 qubits would take"):
        observable.to_sparse()
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * n_bytes)
    observable.to_sparse()


def test_repeated_labels_are_added_up():
    observable = Observable(("ZI", "IX", "ZI"), (0.5, 1.0, 0.25))
    assert observable == Observable.from_terms({"ZI": 0.75, "IX": 1.0})
    assert Observable.from_qiskit(SparsePauliOp(["ZI", "ZI"], [0.5, 0.25])) == Observable(("ZI",), (0.75,))


def test_small_coefficients_are_kept():
    tiny = Observable.from_qiskit(SparsePauliOp(["Z", "X"], [1e-10, 1.0]))
    assert dict(zip(tiny.labels, tiny.coefficients, strict=True)) == {"Z": 1e-10, "X": 1.0}


def test_imaginary_parts_that_cancel_are_no_obstacle():
    assert Observable.from_qiskit(SparsePauliOp(["Z", "X", "Z"], [1j, 2.0, -1j])) == Observable(("X",), (2.0,))


def test_operators_that_are_not_hermitian_are_refused():
    with pytest.raises(ObservableError, match="not Hermitian"):
        Observable.from_qiskit(SparsePauliOp(["Z", "X"], [1.0, 0.5j]))
    with pytest.raises(ObservableError, match="not Hermitian"):
        Observable(("Z",), (1j,))


def test_operators_with_unbound_parameters_are_refused():
    with pytest.raises(ObservableError, match="unbound parameters"):
        Observable.from_qiskit(SparsePauliOp(["Z", "X"], np.array([Parameter("a"), 1.0])))


@pytest.mark.parametrize(
    ("labels", "coefficients", "message"),
    [
        ((), (), "at least one"),
        (("Z",), (1.0, 2.0), "1 labels and 2 coefficients"),
        (("Z", "ZZ"), (1.0, 2.0), "same length"),
        (("",), (1.0,), "same length >= 1"),
        (("ZA",), (1.0,), "letters I, X, Y, Z"),
        (("zz",), (1.0,), "letters I, X, Y, Z"),
        (("Z",), (np.nan,), "not finite"),
        (("Z",), (np.inf,), "not finite"),
    ],
)
def test_malformed_observables_are_refused(labels, coefficients, message):
    with pytest.raises(ObservableError, match=message):
        Observable(labels, coefficients)


def test_the_identity_coefficient_and_the_lower_bound_are_those_of_the_definition():
    observable = Observable.from_terms({"II": -0.5, "ZZ": 0.3, "XI": -0.2})
    assert observable.identity_coefficient == -0.5
    assert observable.lower_bound() == pytest.approx(-0.5 - 0.3 - 0.2)
    without = Observable.from_terms({"ZZ": 1.0})
    assert without.identity_coefficient == 0
    assert isinstance(without.identity_coefficient, float)
    assert without.lower_bound() == -1


def sum_of(n_qubits, terms):
    return Observable.from_terms(
        ("I" * q + letters + "I" * (n_qubits - q - len(letters)), c)
        for letters, c in terms
        for q in range(n_qubits - len(letters) + 1)
    )


CHAINS = {
    "ground state even under flipping all spins": [("ZZ", -1.0), ("X", -0.5)],
    "ground state odd under flipping all spins": [("ZZ", 0.1), ("X", 1.0)],
    "ground state orthogonal to the uniform superposition": [("XX", 1.0), ("YY", 1.0), ("ZZ", 1.0)],
    "product state": [("Z", 1.0)],
}


@pytest.mark.parametrize("terms", CHAINS.values(), ids=CHAINS)
def test_lanczos_above_eight_qubits_finds_the_lowest_eigenvalue(terms):
    observable = sum_of(9, terms)
    expected = np.linalg.eigvalsh(observable.to_sparse().toarray())[0]
    assert observable.ground_energy() == pytest.approx(expected, abs=1e-9)
    assert observable.ground_energy() == observable.ground_energy()


def test_digits_and_vector_describe_the_terms_qubit_by_qubit():
    observable = Observable.from_terms({"XYZ": 1.0, "IIZ": -2.0})
    assert observable.digits.tolist() == [[3, 2, 1], [3, 0, 0]]
    assert observable.vector.tolist() == [1.0, -2.0]
    assert observable.n_qubits == 3
