"""Qiskit Aer, Qulacs and PennyLane as judges: each builds a case with its own gates and its own noise.

Nothing of this package is used. All give the final density matrix, qubit 0 the lowest bit; `measurement` is the
operator that a measurement with misread outcomes has, from the probabilities of outcomes (its POVM), so that one way
to read serves all three. Where a case is noiseless, each peer uses its simulator of pure states instead.
"""

import itertools
from functools import lru_cache, reduce

import numpy as np
import pennylane as qml
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, ParameterVector
from qiskit.quantum_info import Operator, SuperOp
from qiskit_aer import AerSimulator
from qiskit_aer import noise as aer_noise

PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def pauli_string(label):
    """Return the matrix of a label, or of a sequence of letters."""
    return reduce(np.kron, [PAULI[letter] for letter in label])


def measurement(case):
    """Return the operator whose mean is what a device reports on average."""
    total = 0
    for label, coefficient in case.terms.items():
        letters = enumerate(reversed(label))  # from qubit 0
        total = total + coefficient * reduce(np.kron, [_reported(x, *case.misread(q)) for q, x in letters][::-1])
    return total


def _reported(letter, p01, p10):
    if letter == "I":
        return np.eye(2)
    zero, one = (np.eye(2) + PAULI[letter]) / 2, (np.eye(2) - PAULI[letter]) / 2
    reads_zero, reads_one = (1 - p01) * zero + p10 * one, p01 * zero + (1 - p10) * one
    return reads_zero - reads_one


def outcome_probabilities(case, rho):
    """Return the probabilities of reported outcomes, shape (2**n,), qubit 0 the lowest bit."""
    flips = [[[1 - p01, p10], [p01, 1 - p10]] for p01, p10 in map(case.misread, range(case.n_qubits))]
    return reduce(np.kron, [np.array(f) for f in reversed(flips)]) @ np.diag(rho).real


def energy(rho, operator):
    """Return Tr(O rho)."""
    return float(np.einsum("ij,ji->", operator, rho).real)


def pauli_vector(rho):
    """Return Tr(P rho) for all strings, the letter of qubit 0 running fastest through I, X, Y, Z."""
    n = len(rho).bit_length() - 1
    values, letters = rho.reshape((2,) * (2 * n)), np.array(list(PAULI.values()))
    for q in reversed(range(n)):  # the highest qubit left is the first axis of the rows and of the columns
        values = np.tensordot(values, letters, ((0, q + 1), (2, 1)))
    return values.reshape(-1).real


class Aer:
    """Qiskit Aer: noise by the constructors of `qiskit_aer.noise`, each a superoperator in the circuit."""

    name = "Aer"

    def __init__(self):
        shared = {"max_parallel_threads": 1, "zero_threshold": 1e-18, "fusion_enable": False}
        self._mixed = AerSimulator(method="density_matrix", **shared)
        self._pure = AerSimulator(method="statevector", **shared)

    def density_matrices(self, tasks):
        """Return the final states of pairs (case, theta), shape (2**n, 2**n) each, from two jobs."""
        results = [None] * len(tasks)
        for backend, noisy in ((self._mixed, True), (self._pure, False)):
            chosen = [k for k, (case, _) in enumerate(tasks) if case.is_noisy == noisy]
            if not chosen:
                continue
            circuits = [self._circuit(*tasks[k]) for k in chosen]
            result = backend.run(circuits).result()
            for place, k in enumerate(chosen):
                state = np.asarray(result.data(place)["density_matrix" if noisy else "statevector"])
                results[k] = state if noisy else np.outer(state, state.conj())
        return results

    def density_matrix(self, case, theta):
        """Return the final state."""
        return self.density_matrices([(case, theta)])[0]

    def _circuit(self, case, theta):
        circuit = qiskit_circuit(case, [float(t) for t in theta], noisy=True, instruction=superoperator)
        (circuit.save_density_matrix if case.is_noisy else circuit.save_statevector)()
        return circuit


def superoperator(error):
    """Return what Aer's constructor makes of an error; Qiskit's to_instruction rounds what is nearly unitary."""
    return Instruction("superop", len(error.places), 0, [qiskit_error(error)])


def kraus(error):
    """Return a channel as other programs of Qiskit's would hold it: a list of Kraus operators."""
    return Instruction("kraus", len(error.places), 0, [np.asarray(k, complex) for k in kraus_operators(error)])


def qiskit_circuit(case, theta=None, *, noisy, instruction=kraus):
    """Return the circuit in Qiskit, with parameters t[0], t[1], ... if `theta` is None, and its noise if `noisy`."""
    theta = ParameterVector("t", case.n_parameters) if theta is None else theta
    circuit = QuantumCircuit(case.n_qubits)
    for step in case.steps:
        if step.gate != "channel":
            getattr(circuit, step.gate)(*step.bound(theta), *step.qubits)
        for error in case.errors(step) if noisy or step.gate == "channel" else ():
            circuit.append(instruction(error), [step.qubits[k] for k in error.places])
    return circuit


@lru_cache(maxsize=256)
def qiskit_error(error):
    """Return the superoperator of what Aer's own constructor gives."""
    make = {
        "depolarizing": lambda p: aer_noise.depolarizing_error(p, len(error.places)),
        "amplitude": lambda gamma: aer_noise.amplitude_damping_error(gamma, canonical_kraus=False),
        "phase": lambda gamma: aer_noise.phase_damping_error(gamma, canonical_kraus=False),
        "relaxation": _relaxation,
        "pauli": lambda *p: aer_noise.pauli_error([*zip("XYZ", p, strict=True), ("I", 1 - sum(p))]),
        "isometry": lambda _: aer_noise.kraus_error(list(error.kraus())),
    }
    if error.kind in ("rotation", "zz"):  # Aer's coherent_unitary_error takes small angles for none
        return _of_unitary(("rx", "ry", "rz")[int(error.numbers[0]) - 1] if error.kind == "rotation" else "rzz", error)
    if error.kind == "depolarizing" and error.numbers == (0.0,):
        return np.eye(4 ** len(error.places))  # Aer would return an identity on one qubit for two
    made = make[error.kind](*error.numbers)
    return sum(p * _superoperator(circuit) for circuit, p in zip(made.circuits, made.probabilities, strict=True))


def _superoperator(circuit):
    """Return the matrix on columns stacked, as Qiskit's SuperOp would, only faster."""
    if len(circuit.data) == 1:
        operation = circuit.data[0].operation
        if operation.name == "kraus":
            return sum(np.kron(np.conj(k), k) for k in operation.params)
        if operation.name == "pauli":
            return np.kron(pauli_string(operation.params[0]).conj(), pauli_string(operation.params[0]))
    return SuperOp(circuit).data


def _of_unitary(gate, error):
    circuit = QuantumCircuit(len(error.places))
    getattr(circuit, gate)(error.numbers[-1], *range(circuit.num_qubits))
    matrix = Operator(circuit).data
    return np.kron(matrix.conj(), matrix)


def _relaxation(time, t1, t2, excited):
    """Return Aer's damping of phase and amplitude; its thermal_relaxation_error drops probabilities below 1e-10."""
    population, coherence = np.exp(-time / t1), np.exp(-time / t2)
    dephased = max(population - coherence**2, 0.0)
    return aer_noise.phase_amplitude_damping_error(1 - population, dephased, excited, canonical_kraus=False)


def aer_model(case):
    """Return the noise as a model of Aer, each gate's errors one superoperator, and the read-out errors."""
    model = aer_noise.NoiseModel()
    for (gate, qubits), errors in case.local.items():
        model.add_quantum_error(_joined(errors, len(qubits)), gate, list(qubits), warnings=False)
    for gate, errors in case.default.items():
        size = 2 if gate in ("cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz") else 1
        model.add_all_qubit_quantum_error(_joined(errors, size), gate, warnings=False)
    for q, error in enumerate(case.readout):
        if error is not None:
            model.add_readout_error(_confusion(*error), [q], warnings=False)
    if case.default_readout is not None:
        model.add_all_qubit_readout_error(_confusion(*case.default_readout), warnings=False)
    return model


def _confusion(p01, p10):
    return [[1 - p01, p01], [p10, 1 - p10]]


def _joined(errors, n_qubits):
    everywhere = Instruction("kraus", n_qubits, 0, [np.eye(2**n_qubits, dtype=complex)])  # says how many qubits
    chain = [(everywhere, list(range(n_qubits))), *((kraus(error), list(error.places)) for error in errors)]
    return _Kept([(chain, 1.0)])


class _Kept(aer_noise.QuantumError):
    """Aer leaves out what it takes for the identity, and then applies the default; here the data say what is local."""

    def ideal(self):
        return False


class Qulacs:
    """Qulacs: its own noise gates on a density matrix; derivatives by shifting one angle of one gate at a time."""

    name = "Qulacs"

    def __init__(self):
        import qulacs
        from qulacs import gate

        self._qulacs, self._gate = qulacs, gate

    def density_matrix(self, case, theta):
        """Return the final state."""
        state = self._start(case)
        for update in self._updates(case, theta):
            update.update_quantum_state(state)
        return self._matrix(state)

    def gradient(self, case, theta, operator):
        """Return the derivatives of Tr(O rho) by the angles, by parameter shift."""
        gradient, state = np.zeros(case.n_parameters), self._start(case)
        blocks = [self._step(case, step, step.bound(theta)) for step in case.steps]
        for k, step in enumerate(case.steps):
            for j, angle in enumerate(step.angles):
                if isinstance(angle, tuple):
                    ends = [self._shifted(case, step, theta, j, sign, state, blocks[k + 1 :]) for sign in (1, -1)]
                    gradient[angle[0]] += angle[1] * (energy(ends[0], operator) - energy(ends[1], operator)) / 2
            for update in blocks[k]:
                update.update_quantum_state(state)
        return gradient

    def _shifted(self, case, step, theta, j, sign, state, rest):
        angles = step.bound(theta)
        angles[j] += sign * np.pi / 2
        moved = state.copy()
        for update in itertools.chain(self._step(case, step, angles), *rest):
            update.update_quantum_state(moved)
        return self._matrix(moved)

    def _start(self, case):
        make = self._qulacs.DensityMatrix if case.is_noisy else self._qulacs.QuantumState
        return make(case.n_qubits)

    def _matrix(self, state):
        if isinstance(state, self._qulacs.DensityMatrix):
            return state.get_matrix()
        return np.outer(state.get_vector(), state.get_vector().conj())

    def _updates(self, case, theta):
        return itertools.chain(*(self._step(case, step, step.bound(theta)) for step in case.steps))

    def _step(self, case, step, angles):
        gates = [] if step.gate == "channel" else list(self._unitary(step.gate, step.qubits, angles))
        for error in case.errors(step):
            gates += self._error(error, [step.qubits[k] for k in error.places])
        return gates

    def _unitary(self, name, qubits, angles):
        g, first, last = self._gate, qubits[0], qubits[-1]
        plain = {"x": g.X, "y": g.Y, "z": g.Z, "h": g.H, "s": g.S, "sdg": g.Sdag, "t": g.T, "tdg": g.Tdag}
        plain |= {"sx": g.sqrtX, "sxdg": g.sqrtXdag, "id": g.Identity, "cx": g.CNOT, "cz": g.CZ, "swap": g.SWAP}
        turning = {"rx": g.RotX, "ry": g.RotY, "rz": g.RotZ, "p": g.U1, "u": g.U3}
        if name in plain:
            return [plain[name](*qubits)]
        if name in turning:
            return [turning[name](first, *angles)]
        if name == "cy":
            return [g.Sdag(last), g.CNOT(first, last), g.S(last)]
        if name == "ecr":  # an echo: RZX(pi/4), X on the first qubit, RZX(-pi/4); Qulacs turns by minus the angle
            turns = [g.PauliRotation([first, last], [3, 1], sign * np.pi / 4) for sign in (-1, 1)]
            return [turns[0], g.X(first), turns[1]]
        letter = {"rxx": 1, "ryy": 2, "rzz": 3}[name]
        return [g.PauliRotation(list(qubits), [letter] * 2, -angles[0])]

    def _error(self, error, qubits):
        g, kind, numbers = self._gate, error.kind, error.numbers
        if kind == "depolarizing":  # Qulacs counts only the Pauli errors that are not the identity
            if len(qubits) == 2:
                return [g.TwoQubitDepolarizingNoise(*qubits, 15 / 16 * numbers[0])]
            return [g.DepolarizingNoise(*qubits, 3 / 4 * numbers[0])]
        if kind == "amplitude":
            return [g.AmplitudeDampingNoise(*qubits, numbers[0])]
        if kind == "phase":
            return [g.DephasingNoise(*qubits, (1 - np.sqrt(1 - numbers[0])) / 2)]
        if kind == "pauli":
            return [g.Probabilistic(list(numbers), [g.X(*qubits), g.Y(*qubits), g.Z(*qubits)])]
        if kind == "rotation":
            return [(g.RotX, g.RotY, g.RotZ)[int(numbers[0]) - 1](*qubits, numbers[1])]
        if kind == "zz":
            return [g.PauliRotation(qubits, [3, 3], -numbers[0])]
        kraus = error.kraus() if kind == "isometry" else relaxation_kraus(*numbers)
        return [g.CPTP([g.DenseMatrix(qubits, k) for k in kraus])]


def relaxation_kraus(time, t1, t2, excited):
    """Return generalized amplitude damping to the excited population, then the dephasing that is left."""
    gamma = 1 - np.exp(-time / t1)
    flip = (1 - np.exp(time / (2 * t1) - time / t2)) / 2
    keep, lose = np.diag([1, np.sqrt(1 - gamma)]), np.array([[0, np.sqrt(gamma)], [0, 0]])
    down = [np.sqrt(1 - excited) * k for k in (keep, lose)]
    up = [np.sqrt(excited) * PAULI["X"] @ k @ PAULI["X"] for k in (keep, lose)]
    dephasing = [np.sqrt(1 - flip) * PAULI["I"], np.sqrt(flip) * PAULI["Z"]]
    return [d @ k for k in (*down, *up) for d in dephasing]


def kraus_operators(error):
    """Return the textbook's Kraus operators of an error, its first qubit the lowest bit."""
    kind, numbers = error.kind, error.numbers
    if kind == "isometry":
        return error.kraus()
    if kind == "relaxation":
        return relaxation_kraus(*numbers)
    if kind == "rotation":
        return [_exponential(list(PAULI.values())[int(numbers[0])], numbers[1])]
    if kind == "zz":
        return [_exponential(pauli_string("ZZ"), numbers[0])]
    if kind == "amplitude":
        return [np.diag([1, np.sqrt(1 - numbers[0])]), np.array([[0, np.sqrt(numbers[0])], [0, 0]])]
    if kind == "phase":
        return [np.diag([1, np.sqrt(1 - numbers[0])]), np.diag([0, np.sqrt(numbers[0])])]
    if kind == "pauli":
        return _mixture([1 - sum(numbers), *numbers], PAULI.values())
    strings = [pauli_string(label) for label in itertools.product("IXYZ", repeat=len(error.places))]
    weights = np.full(len(strings), numbers[0] / len(strings))
    weights[0] += 1 - numbers[0]
    return _mixture(weights, strings)


def _exponential(pauli, angle):
    return np.cos(angle / 2) * np.eye(len(pauli)) - 1j * np.sin(angle / 2) * pauli


def _mixture(weights, unitaries):
    return [np.sqrt(max(w, 0)) * u for w, u in zip(weights, unitaries, strict=True)]


class PennyLane:
    """PennyLane: default.mixed and default.qubit."""

    name = "PennyLane"

    def density_matrix(self, case, theta):
        """Return the final state."""
        tape = qml.tape.QuantumScript(pennylane_operations(case, theta, noisy=True), [qml.density_matrix(_wires(case))])
        return np.asarray(qml.execute([tape], self._device(case), diff_method=None)[0])

    def gradient(self, case, theta, operator):
        """Return the derivatives of Tr(O rho) by back-propagation."""

        @qml.qnode(self._device(case), diff_method="backprop", interface="autograd")
        def mean(angles):
            for operation in pennylane_operations(case, angles, noisy=True):
                qml.apply(operation)
            return qml.expval(qml.Hermitian(operator, _wires(case)))

        return np.asarray(qml.grad(mean)(qml.numpy.array(theta, requires_grad=True)))

    def _device(self, case):
        return qml.device("default.mixed" if case.is_noisy else "default.qubit", wires=case.n_qubits)


def _wires(case):
    return list(range(case.n_qubits))[::-1]  # PennyLane's first wire is the highest bit


_QML = {
    **{"rx": qml.RX, "ry": qml.RY, "rz": qml.RZ, "p": qml.PhaseShift, "u": qml.U3, "id": qml.Identity, "x": qml.X},
    **{"y": qml.Y, "z": qml.Z, "h": qml.Hadamard, "s": qml.S, "t": qml.T, "sx": qml.SX, "cx": qml.CNOT},
    **{"cy": qml.CY, "cz": qml.CZ, "swap": qml.SWAP, "ecr": qml.ECR, "rxx": qml.IsingXX, "ryy": qml.IsingYY},
    **{
        "rzz": qml.IsingZZ,
        "sdg": lambda wires: qml.adjoint(qml.S(wires)),
        "tdg": lambda wires: qml.adjoint(qml.T(wires)),
    },
    **{"sxdg": lambda wires: qml.adjoint(qml.SX(wires))},
}


def pennylane_operations(case, theta, *, noisy):
    """Return the circuit as PennyLane operations; if not `noisy`, only steps that are channels are followed by any.

    Those are Kraus operators then, because a device may well add noise to a turn that is meant as an error.
    """
    operations = []
    with qml.QueuingManager.stop_recording():
        for step in case.steps:
            if step.gate != "channel":
                operations.append(_QML[step.gate](*step.bound(theta), wires=list(step.qubits)))
            for error in case.errors(step) if noisy or step.gate == "channel" else ():
                make = _pennylane_error if noisy else _qubit_channel
                operations.append(make(error, [step.qubits[k] for k in error.places]))
    return operations


def _pennylane_error(error, wires):
    kind, numbers = error.kind, error.numbers
    if kind == "depolarizing" and len(wires) == 1:  # PennyLane counts the three Pauli errors
        return qml.DepolarizingChannel(3 / 4 * numbers[0], wires)
    if kind in ("amplitude", "phase") and numbers[0] < 1:  # PennyLane adds 2e-16 under a root: 1.5e-8 at 1
        return (qml.AmplitudeDamping if kind == "amplitude" else qml.PhaseDamping)(numbers[0], wires)
    if kind == "relaxation":
        time, t1, t2, excited = numbers
        return qml.ThermalRelaxationError(excited, t1, t2, time, wires)
    if kind == "rotation":
        return (qml.RX, qml.RY, qml.RZ)[int(numbers[0]) - 1](numbers[1], wires)
    if kind == "zz":
        return qml.IsingZZ(numbers[0], wires)
    return _qubit_channel(error, wires)


def _qubit_channel(error, wires):
    return qml.QubitChannel(list(kraus_operators(error)), wires[::-1])  # the first wire is the highest bit
