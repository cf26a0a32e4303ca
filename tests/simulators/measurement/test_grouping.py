"""Terms measured together: every term is read, and large terms are kept together."""

import numpy as np
import pytest

from qvar.problems import molecule
from qvar.simulators import Circuit, Observable, Operation, OptimalAllocation, ShotBudget, StatevectorSimulator
from qvar.simulators.measurement.grouping import PauliGroups
from tests.simulators import oracle

MOLECULES = ["h2-2", "h2-3", "h2-4", "lih-4", "lih-6", "h2o-8"]


@pytest.mark.parametrize("seed", range(5))
def test_every_term_is_in_one_group_whose_basis_reads_it(seed):
    observable = oracle.random_observable(np.random.default_rng(seed), 4, 40)
    groups = PauliGroups.of(observable)
    placed = sorted(k for members in groups.members for k in members)
    assert placed == [k for k, digits in enumerate(observable.digits) if digits.any()]
    for basis, members in zip(groups.bases, groups.members, strict=True):
        digits = observable.digits[list(members)]
        assert ((digits == 0) | (digits == basis)).all()
        assert set(basis) <= {1, 2, 3}


@pytest.mark.parametrize("seed", range(5))
def test_squares_of_groups_are_the_squares_of_their_matrices(seed):
    observable = oracle.random_observable(np.random.default_rng(seed), 3, 20)
    for part, square in PauliGroups.of(observable).parts():
        matrix = part.to_sparse().toarray()
        np.testing.assert_allclose(square.to_sparse().toarray(), matrix @ matrix, atol=1e-12)


def test_outcomes_are_worth_the_parity_of_the_qubits_a_term_acts_on():
    groups = PauliGroups.of(Observable.from_terms({"ZIZ": 2.0, "IZI": 0.5}))
    outcomes = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 0, 1]])  # columns are qubits 0, 1, 2
    assert groups.outcome_values(0, outcomes).tolist() == [2.5, -1.5, -2.5, 2.5]
    assert groups.weights.tolist() == [2.5]


@pytest.mark.parametrize("name", MOLECULES)
def test_molecules_need_hardly_more_circuits_than_with_qiskits_colouring(name):
    observable = molecule(name).observable
    n_groups = PauliGroups.of(observable).n_groups
    assert n_groups <= 1.25 * len(qiskit_groups(observable))
    assert n_groups < len(observable.labels) / 2


@pytest.mark.parametrize("name", ["lih-4", "h2o-8"])
def test_molecules_scatter_less_than_with_qiskits_colouring_at_the_same_total(name):
    observable = molecule(name).observable
    rng = np.random.default_rng(0)
    n = observable.n_qubits
    turns = tuple(Operation("ry", (q,), (rng.normal(),)) for q in range(n))
    circuit = Circuit(n, (*turns, *(Operation("cx", (q, q + 1)) for q in range(n - 1)), *turns))
    sampled = (
        StatevectorSimulator().objective(circuit, observable).with_shots(ShotBudget(10**6, OptimalAllocation()), rng)
    )
    theirs = sum(deviation(circuit, group) for group in qiskit_groups(observable)) / 10**3
    assert sampled.exact_standard_error([]) < 0.95 * theirs


def qiskit_groups(observable):
    terms = zip(observable.labels, observable.coefficients, strict=True)
    without = Observable.from_terms([(label, c) for label, c in terms if set(label) != {"I"}])
    return [Observable.from_qiskit(group) for group in without.to_qiskit().group_commuting(qubit_wise=True)]


def deviation(circuit, group):
    state = StatevectorSimulator().objective(circuit, group).state([])
    applied = group.to_sparse() @ state
    return np.sqrt(max(np.vdot(applied, applied).real - np.vdot(state, applied).real ** 2, 0))
