"""A second route to energies (dense Kronecker products) and small optimizers with known behaviour."""

from dataclasses import dataclass, field
from functools import reduce
from types import SimpleNamespace

import numpy as np
import pytest

from qvar.envs import ArchitectureSearchEnv, FixedThreshold
from qvar.problems import Problem
from qvar.simulators import Observable

PAULI = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0 + 0j, -1.0]),
}
UP, DOWN = np.diag([1.0 + 0j, 0]), np.diag([0, 1.0 + 0j])


def on_qubits(factors, n_qubits):
    """Kronecker product with qubit 0 rightmost."""
    return reduce(np.kron, [factors.get(q, PAULI["I"]) for q in reversed(range(n_qubits))])


def unitary(operation, angle, n_qubits):
    if operation.gate == "cx":
        control, target = operation.qubits
        flip = on_qubits({control: DOWN, target: PAULI["X"]}, n_qubits)
        return on_qubits({control: UP}, n_qubits) + flip
    axis = on_qubits({operation.qubits[0]: PAULI[operation.gate[1].upper()]}, n_qubits)
    return np.cos(angle / 2) * np.eye(2**n_qubits) - 1j * np.sin(angle / 2) * axis


@dataclass
class DenseObjective:
    circuit: object
    matrix: np.ndarray
    engine: object
    shots_per_evaluation: int = 0
    rng: object = None

    @property
    def n_parameters(self):
        return self.circuit.n_parameters

    @property
    def evaluations_per_gradient(self):
        return 2 * self.n_parameters + 1

    def __call__(self, theta):
        self.engine.evaluations.append(len(self.circuit.operations))
        state = np.zeros(len(self.matrix), dtype=complex)
        state[0] = 1.0
        for operation in self.circuit.operations:
            angle = operation.parameters[0].angle(theta) if operation.parameters else 0.0
            state = unitary(operation, angle, self.circuit.n_qubits) @ state
        energy = float((state.conj() @ self.matrix @ state).real)
        if self.rng is None:
            return energy
        return energy + self.rng.normal(0.0, self.shots_per_evaluation**-0.5)

    def value_and_gradient(self, theta):
        shifts = np.pi / 2 * np.eye(len(theta))
        return self(theta), np.array([(self(theta + s) - self(theta - s)) / 2 for s in shifts])

    def batch(self, thetas):
        return np.array([self(theta) for theta in thetas])

    def with_shots(self, shots, rng):
        return DenseObjective(self.circuit, self.matrix, self.engine, shots, rng)


@dataclass
class DenseEngine:
    """Counts every evaluation by the number of gates of its circuit."""

    name: str = "dense"
    noise: object = None
    evaluations: list = field(default_factory=list)

    def objective(self, circuit, observable):
        terms = zip(observable.labels, observable.coefficients, strict=True)
        matrix = sum(c * reduce(np.kron, [PAULI[letter] for letter in label]) for label, c in terms)
        return DenseObjective(circuit, matrix, self)


def outcome(parameters, value, evaluations, shots=0):
    return SimpleNamespace(
        parameters=np.array(parameters, dtype=float),
        value=value,
        evaluations=evaluations,
        gradients=0,
        shots=shots,
        converged=True,
        history=np.zeros(0),
    )


@dataclass
class Sweeps:
    """Minimise one angle after the other exactly: the energy is a + b cos(t - c) in each."""

    n_sweeps: int = 3

    def minimize(self, objective, start, rng):
        theta, count = np.array(start, dtype=float), 0
        for _ in range(self.n_sweeps):
            for k in range(len(theta)):
                probes = np.repeat(theta[None], 3, axis=0)
                probes[:, k] += [0.0, np.pi / 2, -np.pi / 2]
                here, plus, minus = objective.batch(probes)
                count += 3
                theta[k] -= np.pi / 2 + np.arctan2(2 * here - plus - minus, plus - minus)
        return outcome(theta, objective(theta), count + 1, (count + 1) * objective.shots_per_evaluation)


@dataclass
class ZeroIterations:
    """Return the start point, and keep every start point it was given."""

    starts: list = field(default_factory=list)

    def minimize(self, objective, start, rng):
        self.starts.append(np.array(start))
        return outcome(start, objective(start), 1, objective.shots_per_evaluation)


@dataclass
class RandomAngles:
    """Return random angles, to make chance visible."""

    def minimize(self, objective, start, rng):
        theta = rng.uniform(-np.pi, np.pi, size=len(start))
        return outcome(theta, objective(theta), 1, objective.shots_per_evaluation)


@dataclass
class LuckyOptimizer:
    """Believe the luckiest of many noisy values at one and the same point."""

    values: list = field(default_factory=list)

    def minimize(self, objective, start, rng):
        self.values.append(min(objective(start) for _ in range(50)))
        return outcome(start, self.values[-1], 50, 50 * objective.shots_per_evaluation)


@pytest.fixture
def dense():
    return SimpleNamespace(
        Engine=DenseEngine,
        Sweeps=Sweeps,
        ZeroIterations=ZeroIterations,
        RandomAngles=RandomAngles,
        LuckyOptimizer=LuckyOptimizer,
    )


@pytest.fixture
def make_problem():
    def make(terms, *, key="toy"):
        return Problem.from_observable(Observable.from_terms(terms), key=key, unit="1")

    return make


@pytest.fixture
def make_env(make_problem):
    """Make an environment on the dense engine with exact line searches, success within 1e-3."""

    def make(terms, **settings):
        arguments = {
            "engine": DenseEngine(),
            "optimizer": Sweeps(),
            "curriculum": FixedThreshold(1e-3),
            "max_gates": 6,
            **settings,
        }
        return ArchitectureSearchEnv(make_problem(terms), **arguments)

    return make
