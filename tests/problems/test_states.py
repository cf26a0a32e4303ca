"""The energy of a state-preparation problem is one minus the fidelity that Qiskit computes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import DensityMatrix, Statevector, random_density_matrix, state_fidelity

from qvar.problems import find_problem, state_preparation
from qvar.problems.states import named_state
from qvar.simulators import Circuit, NoiseModel, Operation, PauliTransferSimulator, Slot, StatevectorSimulator
from qvar.simulators.errors import ProblemError

GHZ = Circuit(3, (Operation("h", (0,)), Operation("cx", (0, 1)), Operation("cx", (1, 2))))


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_the_energy_in_any_state_is_one_minus_the_fidelity(n: int, seed: int) -> None:
    target = named_state(f"random-state-{n}-seed{seed}")
    problem = state_preparation(target)
    rho = random_density_matrix(2**n, seed=seed)
    value = float(np.trace(problem.observable.to_sparse().toarray() @ rho.data).real)
    assert value == pytest.approx(1 - state_fidelity(rho, Statevector(target)), abs=1e-10)
    assert problem.observable.ground_energy() == pytest.approx(problem.exact_energy, abs=1e-10)
    assert problem.start_energy == pytest.approx(1 - abs(target[0]) ** 2, abs=1e-12)


def test_a_circuit_that_prepares_the_state_has_no_error_and_the_order_of_qubits_matters() -> None:
    ideal = StatevectorSimulator()
    assert state_preparation("ghz-3").objective(ideal, GHZ)([]) == pytest.approx(0.0, abs=1e-14)
    flipped = Circuit(2, (Operation("x", (0,)),))
    assert state_preparation([0, 1, 0, 0]).objective(ideal, flipped)([]) == pytest.approx(0.0, abs=1e-14)
    assert state_preparation([0, 0, 1, 0]).objective(ideal, flipped)([]) == pytest.approx(1.0, abs=1e-14)


def test_a_global_phase_does_not_count() -> None:
    target = named_state("random-state-2-seed1")
    circuit = Circuit(2, tuple(Operation("ry", (q,), (Slot(q),)) for q in range(2)))
    values = [
        state_preparation(state).objective(StatevectorSimulator(), circuit)([0.3, 0.9])
        for state in (target, 1j * target)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-14)


def test_under_noise_the_energy_is_the_infidelity_of_the_noisy_state() -> None:
    noise = NoiseModel.from_numbers(p1=0.01, p2=0.05)
    problem = state_preparation("ghz-2")
    circuit = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
    rotated = DensityMatrix(np.kron(np.diag([1, 0]), np.outer(v := [np.cos(0.4), np.sin(0.4)], v)))
    mixed = rotated.data * 0.99 + 0.01 * np.kron(np.diag([1, 0]), np.eye(2) / 2)
    cx = np.eye(4)[[0, 3, 2, 1]]  # control 0, target 1
    final = DensityMatrix(0.95 * cx @ mixed @ cx.T + 0.05 * np.eye(4) / 4)
    expected = 1 - state_fidelity(final, Statevector(named_state("ghz-2")))
    assert problem.objective(PauliTransferSimulator(noise), circuit)([0.8]) == pytest.approx(expected, abs=1e-12)
    assert expected > 0.04


def test_named_states_are_what_they_are_called() -> None:
    assert named_state("ghz-3") == pytest.approx(np.array([1, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2))
    assert np.flatnonzero(named_state("w-4")).tolist() == [1, 2, 4, 8]
    assert find_problem("w-4") == state_preparation("w-4")
    first, again, other = (named_state(f"random-state-3-seed{seed}") for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert abs(np.vdot(first, other)) < 0.99
    assert {np.linalg.norm(state).round(12) for state in (first, other)} == {1.0}


def test_stabilizer_states_go_further_because_they_have_fewer_strings() -> None:
    assert len(state_preparation("ghz-10").observable.labels) == 2**10
    assert len(state_preparation("random-state-4-seed0").observable.labels) == 4**4


@pytest.mark.parametrize("target", [Statevector([0.6, 0.8j]), np.array([0.6, 0.8j]), [0.6, 0.8j], (0.6, 0.8j)])
def test_a_state_may_come_in_several_forms(target: Any) -> None:
    assert state_preparation(target) == state_preparation([0.6, 0.8j])
    assert state_preparation(target).metadata["amplitudes"] == [[0.6, 0.0], [0.0, 0.8]]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([1, 1], "must be normalized"),
        ([0, 0], "must be normalized"),
        ([float("nan"), 1], "must be normalized"),
        ([1, 0, 0], "shape"),
        ([1], "shape"),
        (np.eye(2), "shape"),
        (None, "state"),
        ({"00": 1}, "a target state is a vector"),
        ("bell", "unknown state 'bell'"),
        ("ghz-1", "at least 2"),
        ("random-state-0-seed1", "at least 1"),
        ("ghz-11", "up to|go to 10 qubits"),
        ("ghz-1000000", "go to 10 qubits"),
        ("random-state-9-seed1", "262144 Pauli strings"),
        (np.eye(1, 2**11)[0], "go to 10 qubits"),
    ],
)
def test_states_that_cannot_be_are_refused(target: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        state_preparation(target)
