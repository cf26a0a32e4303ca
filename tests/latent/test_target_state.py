"""The fast overlap with a target state gives what the observable 1 - |t><t| gives."""

import numpy as np
import pytest

from qvar.latent.generation import generate_pool
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import TargetState
from qvar.optimizers import Adagrad
from qvar.simulators import Circuit, NoiseModel, Operation, PauliTransferSimulator, Slot, StatevectorSimulator
from qvar.simulators.errors import CircuitError, LatentError, ProblemError

ENGINE = StatevectorSimulator()


def random_state(n_qubits, seed=0):
    rng = np.random.default_rng(seed)
    state = rng.normal(size=2**n_qubits) + 1j * rng.normal(size=2**n_qubits)
    return state / np.linalg.norm(state)


def target(n_qubits, seed=0):
    return TargetState("t", "a random state", random_state(n_qubits, seed))


@pytest.mark.parametrize("n_qubits", [2, 3, 4, 5])
def test_values_and_gradients_are_those_of_the_observable(n_qubits):
    goal = target(n_qubits)
    pool = generate_pool(CircuitSpace(n_qubits, 3 * n_qubits, 9), 40, seed=5, n_jobs=1)
    for k in range(len(pool)):
        circuit, theta = pool.circuit(k)
        fast, slow = goal.objective(ENGINE, circuit), goal.problem.objective(ENGINE, circuit)
        value, gradient = fast.value_and_gradient(theta)
        expected, slopes = slow.value_and_gradient(theta)
        assert value == pytest.approx(expected, abs=1e-12)
        assert fast(theta) == pytest.approx(expected, abs=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=0, atol=1e-12)


def test_on_one_qubit_the_value_is_that_of_plain_algebra():
    goal = target(1)
    circuit = Circuit(1, (Operation("ry", (0,), (Slot(0),)),))
    state = np.array([np.cos(0.2), np.sin(0.2)])
    overlap = abs(np.vdot(goal.amplitudes, state)) ** 2
    assert goal.objective(ENGINE, circuit)([0.4]) == pytest.approx(1 - overlap, abs=1e-14)


def test_a_batch_gives_what_single_values_give():
    goal = target(3)
    circuit, theta = generate_pool(CircuitSpace(3, 9, 6, ("ry", "rz", "cx")), 1, seed=1, n_jobs=1).circuit(0)
    objective = goal.objective(ENGINE, circuit)
    thetas = np.random.default_rng(1).normal(size=(7, len(theta)))
    np.testing.assert_allclose(objective.batch(thetas), [objective(t) for t in thetas], atol=1e-14)
    values, gradients = objective.values_and_gradients(thetas)
    np.testing.assert_allclose(values, objective.batch(thetas), atol=1e-14)
    np.testing.assert_allclose(gradients[3], objective.value_and_gradient(thetas[3])[1], atol=1e-14)


def test_shots_and_probabilities_go_through_the_observable():
    goal = target(2)
    circuit = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
    objective = goal.objective(ENGINE, circuit)
    sampled = objective.with_shots(20_000, np.random.default_rng(3))
    assert sampled([0.7]) == pytest.approx(objective([0.7]), abs=0.03)
    whole = goal.problem.objective(ENGINE, circuit)
    np.testing.assert_allclose(objective.probabilities([0.7]), whole.probabilities([0.7]), atol=1e-12)


def test_the_compiled_training_loop_does_what_the_plain_one_does():
    goal = target(4)
    circuit, theta = generate_pool(CircuitSpace(4, 14, 9, ("rx", "ry", "rz", "cx")), 1, seed=2, n_jobs=1).circuit(0)
    optimizer = Adagrad(30, displacement=0.0)
    fast = optimizer.minimize(goal.objective(ENGINE, circuit), theta, np.random.default_rng(0))
    slow = optimizer.minimize(goal.problem.objective(ENGINE, circuit), theta, np.random.default_rng(0))
    np.testing.assert_allclose(fast.history, slow.history, rtol=0, atol=1e-9)


def test_twelve_qubits_are_no_obstacle():
    space = CircuitSpace.published(12)
    circuit, theta = generate_pool(space, 1, seed=1001, n_jobs=1).circuit(0)
    goal = TargetState.of_circuit(circuit, theta, key="t", title="t", source="")
    assert goal.objective(ENGINE, circuit)(theta) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ProblemError):
        _ = goal.problem


def test_noise_lowers_the_fidelity():
    goal = target(2)
    circuit = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
    noise = PauliTransferSimulator(NoiseModel.from_numbers(p1=0.0, p2=1.0))
    assert goal.objective(noise, circuit)([0.3]) == pytest.approx(0.75, abs=1e-12)  # maximally mixed


def test_wrong_targets_circuits_and_angles_are_refused():
    with pytest.raises(LatentError, match="normalized"):
        TargetState("t", "t", np.ones(4, dtype=complex))
    for shape in ((3,), (1,), (2, 2)):
        with pytest.raises(LatentError, match="shape"):
            TargetState("t", "t", np.ones(shape, dtype=complex))
    with pytest.raises(LatentError, match="qubit"):
        target(3).objective(ENGINE, Circuit(2, ()))
    one = Circuit(2, (Operation("ry", (0,), (Slot(0),)),))
    with pytest.raises(CircuitError):
        target(2).objective(ENGINE, one)([np.nan])


def test_the_identity_of_a_target_changes_with_the_state():
    assert target(2).to_dict() == target(2).to_dict() != target(2, seed=1).to_dict()
