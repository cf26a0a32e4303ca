"""Slow, independent answers: density matrices and Kraus operators; shares no code with the kernels or the channels.

Gate matrices come from Qiskit's library, Kraus operators from textbook formulas, read-out error from flipping the bits
of the exact outcome distribution.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np
from qiskit.circuit.library import get_standard_gate_name_mapping

from qvar.simulators import Channel, Circuit, NoiseModel, Observable, Operation, ReadoutError, Slot, StateFlip
from qvar.simulators.channels import depolarizing, thermal_relaxation

ONE_QUBIT = ("rx", "ry", "rz", "p", "u", "id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg")
TWO_QUBIT = ("cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz")
N_ANGLES = {"rx": 1, "ry": 1, "rz": 1, "p": 1, "u": 3, "rxx": 1, "ryy": 1, "rzz": 1}

_LIBRARY = get_standard_gate_name_mapping()
PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def unitary(gate, angles=()):
    """Qiskit's matrix of a gate, its first qubit least significant."""
    return type(_LIBRARY[gate])(*angles).to_matrix()


def apply(rho, matrix, qubits):
    """Return M rho M^dagger; rho has an axis of length 2 per qubit for its rows, then for its columns, qubit 0 last."""
    n, m = rho.ndim // 2, len(qubits)
    tensor = np.asarray(matrix, dtype=complex).reshape((2,) * (2 * m))
    rows = [n - 1 - q for q in reversed(qubits)]
    columns = [axis + n for axis in rows]
    rho = np.moveaxis(np.tensordot(tensor, rho, (range(m, 2 * m), rows)), range(m), rows)
    return np.moveaxis(np.tensordot(tensor.conj(), rho, (range(m, 2 * m), columns)), range(m), columns)


def density_matrix(circuit, theta=(), kraus=None, start=None):
    """Return the final state as a matrix; `kraus(gate, qubits)` gives the operators that follow a gate.

    `start` is a matrix to start from instead of |0...0><0...0|.
    """
    n = circuit.n_qubits
    rho = np.diag([1.0 + 0j] + [0] * (2**n - 1)) if start is None else start
    rho = rho.reshape((2,) * (2 * n))
    for operation in circuit.operations:
        angles = [p.angle(theta) if isinstance(p, Slot) else p for p in operation.parameters]
        rho = apply(rho, unitary(operation.gate, angles), operation.qubits)
        operators = [] if kraus is None else kraus(operation.gate, operation.qubits)
        if len(operators):
            rho = sum(apply(rho, operator, operation.qubits) for operator in operators)
    return rho.reshape(2**n, 2**n)


def pauli_values(rho):
    """Return all Tr(P rho); index sum_q d_q 4**q with digits 0, 1, 2, 3 for I, X, Y, Z on qubit q."""
    n = len(rho).bit_length() - 1
    values, letters = rho.reshape((2,) * (2 * n)), np.array(list(PAULI.values()))
    for _ in range(n):  # from qubit 0, the last row and column axis, upwards
        values = np.tensordot(letters, values, ((1, 2), (values.ndim - 1, n - 1)))
    return values.reshape(-1).real


_TO_Z = {"X": unitary("h"), "Y": unitary("h") @ unitary("sdg"), "Z": np.eye(2)}


def measured_string(rho, label, readout=()):
    """Return the mean of the product of outcomes when a Pauli string is measured with read-out errors."""
    n = len(label)
    rho = rho.reshape((2,) * (2 * n))
    letters = {n - 1 - position: letter for position, letter in enumerate(label) if letter != "I"}
    errors = dict(enumerate(readout))
    for q in letters:
        if isinstance(errors.get(q), StateFlip):
            p = errors[q].p
            rho = (1 - p) * rho + p * apply(rho, PAULI["X"], (q,))
    for q, letter in letters.items():
        rho = apply(rho, _TO_Z[letter], (q,))
    outcomes = np.diag(rho.reshape(2**n, 2**n)).real.reshape((2,) * n)
    for q in letters:
        axis, error = n - 1 - q, errors.get(q)
        if isinstance(error, ReadoutError):
            flips = np.array([[1 - error.p01, error.p10], [error.p01, 1 - error.p10]])
            outcomes = np.moveaxis(np.tensordot(flips, outcomes, (1, axis)), 0, axis)
    for q in range(n):  # from the last axis to the first
        outcomes = outcomes @ ([1, -1] if q in letters else [1, 1])
    return float(outcomes)


def energy(circuit, observable, theta=(), kraus=None, readout=(), start=None):
    """Return the measured expectation value."""
    rho = density_matrix(circuit, theta, kraus, start)
    terms = zip(observable.labels, observable.coefficients, strict=True)
    return sum(coefficient * measured_string(rho, label, readout) for label, coefficient in terms)


def gradient(circuit, observable, theta=(), kraus=None, readout=(), start=None):
    """Return the gradient by moving one angle of one gate at a time by +-pi/2 and the chain rule."""
    result = np.zeros(circuit.n_parameters)
    bound = circuit.bind(theta).operations
    for k, operation in enumerate(circuit.operations):
        for j, parameter in enumerate(operation.parameters):
            if not isinstance(parameter, Slot):
                continue
            for sign in (1, -1):
                angles = list(bound[k].parameters)
                angles[j] += sign * np.pi / 2
                moved = Operation(operation.gate, operation.qubits, tuple(angles))
                shifted = Circuit(circuit.n_qubits, (*bound[:k], moved, *bound[k + 1 :]))
                difference = sign * energy(shifted, observable, kraus=kraus, readout=readout, start=start) / 2
                result[parameter.index] += parameter.scale * difference
    return result


def shot_moments(objective, theta):
    """Return mean and variance of an exact objective's energy from one shot per group, from outcome probabilities."""
    values, probabilities = objective.plan.values, objective.probabilities(theta)
    means = (probabilities * values).sum(axis=1)
    squares = (probabilities * values**2).sum(axis=1)
    return objective.plan.constant + means.sum(), np.maximum(squares - means**2, 0.0).sum()


def kraus_depolarizing(p, n_qubits=1):
    """With probability p the state becomes the maximally mixed one: Pauli errors with probability p / 4**m each."""
    strings = [np.array([[1]])]
    for _ in range(n_qubits):
        strings = [np.kron(letter, string) for string in strings for letter in PAULI.values()]
    weights = [p / 4**n_qubits] * len(strings)
    weights[0] += 1 - p
    return [np.sqrt(weight) * string for weight, string in zip(weights, strings, strict=True)]


def kraus_relaxation(tau1, tau2, excited=0.0):
    """Generalized amplitude damping during t / T1 = tau1, then dephasing until coherences are exp(-tau2)."""
    gamma = 1 - np.exp(-tau1)
    keep, lose = np.diag([1, np.sqrt(1 - gamma)]), np.array([[0, np.sqrt(gamma)], [0, 0]])
    damping = [np.sqrt(1 - excited) * keep, np.sqrt(1 - excited) * lose]
    damping += [np.sqrt(excited) * PAULI["X"] @ operator @ PAULI["X"] for operator in (keep, lose)]
    flip = (1 - np.exp(tau1 / 2 - tau2)) / 2
    dephasing = [np.sqrt(1 - flip) * PAULI["I"], np.sqrt(flip) * PAULI["Z"]]
    return compose(damping, dephasing)


def compose(first, then):
    """Kraus operators of one channel after another."""
    return [b @ a for a in first for b in then]


def tensor(first, second):
    """Kraus operators of two channels side by side, the first on the least significant qubit."""
    return [np.kron(b, a) for a in first for b in second]


def random_kraus(rng, n_qubits=1):
    """Return a random channel without any structure: a random isometry cut into blocks."""
    d, k = 2**n_qubits, int(rng.integers(2, 5))
    isometry, _ = np.linalg.qr(rng.normal(size=(k * d, d)) + 1j * rng.normal(size=(k * d, d)))
    return list(isometry.reshape(k, d, d))


@dataclass
class Noise:
    """The same noise twice: as the package's model, and as Kraus operators and read-out errors for the oracle."""

    channels: dict = field(default_factory=dict)
    operators: dict = field(default_factory=dict)
    readout: list = field(default_factory=list)

    def add(self, gate, qubits, channel, operators):
        self.channels[gate, qubits] = channel
        self.operators[gate, qubits] = operators

    def model(self):
        return NoiseModel("random", local=self.channels, readout=dict(enumerate(self.readout)), strict=False)

    def kraus(self, gate, qubits):
        return self.operators.get((gate, qubits), [])


def _relaxation(rng):
    """T2 < T1, T1 < T2 < 2 T1 or T2 = 2 T1, with an excited population or without."""
    tau1 = rng.uniform(0, 0.8)
    tau2 = tau1 * rng.choice([rng.uniform(1, 3), rng.uniform(0.5, 1), 0.5])
    excited = rng.choice([0.0, rng.uniform(0, 0.5)])
    return thermal_relaxation(tau1, tau2, excited_population=excited), kraus_relaxation(tau1, tau2, excited)


def _one_qubit_noise(rng):
    kind = rng.choice(["none", "depolarizing", "relaxation", "both", "random"])
    p = rng.uniform(0, 0.5)
    if kind == "none":
        return None
    if kind == "depolarizing":
        return depolarizing(p), kraus_depolarizing(p)
    if kind == "relaxation":
        return _relaxation(rng)
    if kind == "both":
        channel, operators = _relaxation(rng)
        return depolarizing(p).then(channel), compose(kraus_depolarizing(p), operators)
    operators = random_kraus(rng)
    return Channel.from_kraus(operators), operators


def _two_qubit_noise(rng):
    kind = rng.choice(["none", "depolarizing", "joint", "separate", "random"])
    p = rng.uniform(0, 0.5)
    if kind == "none":
        return None
    if kind == "random":
        operators = random_kraus(rng, 2)
        return Channel.from_kraus(operators), operators
    if kind == "depolarizing":
        return depolarizing(p, n_qubits=2), kraus_depolarizing(p, 2)
    (a, kraus_a), (b, kraus_b) = _relaxation(rng), _relaxation(rng)
    if kind == "joint":
        channel = depolarizing(p, n_qubits=2).then(a.tensor(b))
        return channel, compose(kraus_depolarizing(p, 2), tensor(kraus_a, kraus_b))
    channel = depolarizing(p).then(a).tensor(depolarizing(p / 2).then(b))
    kraus_a, kraus_b = compose(kraus_depolarizing(p), kraus_a), compose(kraus_depolarizing(p / 2), kraus_b)
    return channel, tensor(kraus_a, kraus_b)


def random_noise(rng, circuit):
    """Return noise of every kind behind the gates of a circuit, and read-out errors."""
    noise = Noise()
    for operation in circuit.operations:
        key = (operation.gate, operation.qubits)
        drawn = _one_qubit_noise(rng) if len(operation.qubits) == 1 else _two_qubit_noise(rng)
        if key not in noise.channels and drawn is not None:
            noise.add(*key, *drawn)
    for _ in range(circuit.n_qubits):
        error = ReadoutError(*rng.uniform(0, 0.4, size=2))
        noise.readout.append(StateFlip(rng.uniform(0, 0.4)) if rng.random() < 0.25 else error)
    return noise


def coupled_pairs(n_qubits, pairs):
    """Return RY and RX on all qubits, CX on some pairs, and the same turns again; qubits of no pair meet no other."""
    turns = [Operation(gate, (q,), (Slot(2 * q + k),)) for q in range(n_qubits) for k, gate in enumerate(("ry", "rx"))]
    return Circuit(n_qubits, (*turns, *(Operation("cx", pair) for pair in pairs), *turns))


def random_circuit(rng, n_qubits, n_gates, *, free=0.7, gates=None, pairs=None):
    """Return random gates on random qubits; a share `free` of the angles are slots, some shared, scaled, shifted.

    `gates` restricts the gates, `pairs` the ordered pairs of qubits.
    """
    names = [*ONE_QUBIT, *(TWO_QUBIT if n_qubits > 1 else ())] if gates is None else list(gates)
    if pairs is None:
        pairs = list(itertools.permutations(range(n_qubits), 2))
    if not pairs:
        names = [name for name in names if name not in TWO_QUBIT]
    operations, n_slots = [], 0
    for _ in range(n_gates):
        gate = str(rng.choice(names))
        pair = tuple(int(q) for q in rng.choice(pairs)) if gate in TWO_QUBIT else (int(rng.integers(n_qubits)),)
        parameters = []
        for _ in range(N_ANGLES.get(gate, 0)):
            if rng.random() >= free:
                parameters.append(rng.uniform(-7, 7))
                continue
            plain = rng.random() < 0.5
            scale, shift = (1.0, 0.0) if plain else rng.uniform(-2, 2, size=2)
            parameters.append(Slot(int(rng.integers(n_slots + 1)), scale, shift))
            n_slots = max(n_slots, parameters[-1].index + 1)
        operations.append(Operation(gate, pair, tuple(parameters)))
    return Circuit(n_qubits, tuple(operations))


def random_observable(rng, n_qubits, n_terms=8):
    """Return random Pauli strings with random coefficients, one identity among them."""
    labels = {"".join(rng.choice(list("IXYZ"), size=n_qubits)) for _ in range(n_terms)} | {"I" * n_qubits}
    return Observable.from_terms({label: rng.normal() for label in sorted(labels)})


def random_angles(rng, circuit):
    """Return random angles for a circuit."""
    return rng.uniform(-np.pi, np.pi, size=circuit.n_parameters)
