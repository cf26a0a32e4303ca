"""Readouts: which outcomes and observables speak for which class."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator, SparsePauliOp

from qvar.classify.readout import (
    Majority,
    ObservableReadout,
    OneQubit,
    Parity,
    PauliReadout,
    Remainder,
    find_readout,
    least_qubits,
)
from qvar.simulators import Observable
from qvar.simulators.errors import ClassifierError


def as_matrix(observable):
    return Operator(SparsePauliOp(list(observable.labels), list(observable.coefficients))).data


@pytest.mark.parametrize("readout", [Parity(), Majority(), Remainder()])
@pytest.mark.parametrize(("n_qubits", "n_classes"), [(1, 2), (2, 3), (3, 2), (4, 4), (5, 2)])
def test_the_observables_project_on_the_outcomes_of_their_class(readout, n_qubits, n_classes):
    classes = readout.classes_of_outcomes(n_qubits, n_classes)
    for c, observable in enumerate(readout.observables(n_qubits, n_classes)):
        assert np.allclose(as_matrix(observable), np.diag(classes == c), atol=1e-14)


def test_five_qubits_are_sorted_as_the_names_say():
    ones = np.array([bin(k).count("1") for k in range(32)])
    assert (Parity().classes_of_outcomes(5, 2) == ones % 2).all()
    assert (Majority().classes_of_outcomes(5, 2) == (ones > 2.5)).all()
    assert (OneQubit(3).classes_of_outcomes(5, 2) == np.arange(32) // 8 % 2).all()
    assert (Remainder().classes_of_outcomes(5, 3) == np.arange(32) % 3).all()
    assert (Majority().classes_of_outcomes(4, 2) == (np.array([bin(k).count("1") for k in range(16)]) > 2)).all()


def test_probabilities_add_up_and_their_derivatives_are_those_of_finite_differences():
    rng = np.random.default_rng(1)
    observables = tuple(Observable.from_terms({label: 1.0}) for label in ("ZI", "IZ", "ZZ"))
    for readout, k in ((Parity(), 2), (ObservableReadout(observables, scale=3.0), 3)):
        values, slopes = rng.uniform(0.1, 0.4, size=(4, k)), rng.normal(size=(4, 3))
        p = readout.probabilities(values)
        assert np.allclose(p.sum(axis=-1), 1)
        step = 1e-6
        for i in range(k):
            moved = values.copy()
            moved[:, i] += step
            expected = ((readout.probabilities(moved) - p) / step * slopes).sum(axis=1)
            assert np.allclose(readout.pull_back(values, slopes)[:, i], expected, atol=1e-5)


def test_one_observable_tells_two_classes_apart():
    readout = ObservableReadout((Observable.from_terms({"Z": 1.0}),), scale=2.0)
    p = readout.probabilities(np.array([[1.0], [-1.0]]))
    assert np.allclose(p[0, 1], 1 / (1 + np.exp(-2)))
    assert np.allclose(p[:, 1] + p[::-1, 1], 1)
    assert readout.pull_back(np.array([[0.0]]), np.array([[0.0, 1.0]])) == pytest.approx(2.0 / 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: find_readout("vote", 2), "majority"),
        (lambda: find_readout(3, 2), "a readout is"),
        (lambda: OneQubit(2).observables(2, 2), "qubit 2"),
        (lambda: OneQubit().observables(2, 3), "3 classes"),
        (lambda: Parity().observables(2, 4), "outcomes for 3 classes"),
        (lambda: ObservableReadout(()), "tuple of Observables"),
        (lambda: ObservableReadout((Observable.from_terms({"Z": 1.0}),), scale=0.0), "scale > 0"),
        (lambda: ObservableReadout((Observable.from_terms({"Z": 1.0}),)).observables(2, 2), "2 qubit"),
        (lambda: ObservableReadout((Observable.from_terms({"Z": 1.0}),)).observables(1, 3), "one per class"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(make, message):
    with pytest.raises(ClassifierError, match=message):
        make()


def test_the_automatic_readout_follows_the_number_of_classes():
    assert find_readout("auto", 2) == OneQubit()
    assert find_readout("auto", 5) == PauliReadout()


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 7, 8])
def test_pauli_strings_tell_all_classes_apart_on_as_few_qubits_as_said(n_classes):
    n_qubits = least_qubits(n_classes)
    observables = PauliReadout().observables(n_qubits, n_classes)
    assert len({o.labels for o in observables}) == (1 if n_classes == 2 else n_classes)
    if n_classes > 2:
        with pytest.raises(ClassifierError, match="Pauli Z strings"):
            PauliReadout().observables(n_qubits - 1, n_classes)


@pytest.mark.parametrize("readout", [PauliReadout(), Parity(), Majority(), Remainder()])
def test_outcomes_are_worth_what_the_observables_say(readout):
    values = readout.outcome_values(3, 3)
    for row, observable in zip(values, readout.observables(3, 3), strict=True):
        assert np.allclose(np.diag(row), as_matrix(observable), atol=1e-14)
    crossed = ObservableReadout(tuple(Observable.from_terms({label: 1.0}) for label in ("ZI", "XI", "ZZ")))
    assert crossed.outcome_values(2, 3) is None
