"""Qulacs: noisy by superoperators on a state vector of 2n qubits or by its density matrix, and noiseless."""

import numpy as np

CX = np.eye(4)[[0, 3, 2, 1]]  # control less significant


def superoperator(kraus):
    """The matrix on (bra, ket) indices, ket less significant."""
    return sum(np.kron(k.conj(), k) for k in kraus)


class Qulacs:
    """Qulacs' state vector on 2n qubits: parametric rotations of ket and bra, noise as 4 x 4 superoperators.

    A CX, its noise and the noise of rotations before it are one 16 x 16 superoperator. The energy is an inner product
    with the observable. One 4 x 4 matrix made anew per noisy rotation was 1.3-2 times slower up to 4 qubits and equal
    from 6 on.
    """

    title, needs = "Qulacs", "qulacs"

    def __init__(self, case):
        from qulacs import ParametricQuantumCircuit, StateVector

        n = self._n = case.n_qubits
        self._state, self._observable = StateVector(2 * n), StateVector(2 * n)
        self._observable.load(case.measured().to_sparse().toarray().T.ravel())
        circuit = self._circuit = ParametricQuantumCircuit(2 * n)
        pending, angles = {}, []
        for operation in case.circuit.operations:
            noise = superoperator(case.channel(operation).kraus())
            if operation.gate == "cx":
                before = [pending.pop(q, np.eye(4)) for q in operation.qubits]
                matrix = noise @ superoperator([CX]) @ side_by_side(*before)
                circuit.add_dense_matrix_gate(self._both(operation.qubits), matrix)
                continue
            (q,) = operation.qubits
            if q in pending:
                circuit.add_dense_matrix_gate(self._both([q]), pending.pop(q))
            add = getattr(circuit, f"add_parametric_{operation.gate.upper()}_gate")
            for qubit, sign in ((q, -1.0), (q + n, -1.0 if operation.gate == "ry" else 1.0)):  # Qulacs turns by -angle
                add(qubit, 0.0)
                angles.append((operation.parameters[0].index, sign))
            pending[q] = noise
        for q, matrix in pending.items():
            circuit.add_dense_matrix_gate(self._both([q]), matrix)
        self._slots = np.array([slot for slot, _ in angles], dtype=int)
        self._signs = np.array([sign for _, sign in angles])

    def _both(self, qubits):
        return [*qubits, *(q + self._n for q in qubits)]

    def __call__(self, theta):
        from qulacs.state import inner_product

        set_parameter = self._circuit.set_parameter
        for k, angle in enumerate((self._signs * theta[self._slots]).tolist()):
            set_parameter(k, angle)
        self._state.set_zero_state()
        self._circuit.update_quantum_state(self._state)
        return inner_product(self._observable, self._state).real


def side_by_side(first, second):
    """The superoperator of two qubits from one each; `first` is less significant, in the bra and in the ket."""
    one, two = first.reshape((2,) * 4), second.reshape((2,) * 4)  # bra, ket; then the same before
    return np.einsum("abcd,efgh->aebfcgdh", two, one).reshape(16, 16)


class QulacsDensityMatrix:
    """Qulacs' density matrix with the channel of every gate as Kraus operators."""

    title, needs = "Qulacs, density matrix", "qulacs"

    def __init__(self, case):
        from qulacs import DensityMatrix, Observable, ParametricQuantumCircuit
        from qulacs.gate import CPTP, DenseMatrix

        self._state, self._observable = DensityMatrix(case.n_qubits), Observable(case.n_qubits)
        fill_observable(self._observable, case.measured())
        circuit = self._circuit = ParametricQuantumCircuit(case.n_qubits)
        for operation in case.circuit.operations:
            add_gate(circuit, operation)
            kraus = case.channel(operation).kraus()
            circuit.add_gate(CPTP([DenseMatrix(list(operation.qubits), k) for k in kraus]))

    def __call__(self, theta):
        for k, angle in enumerate(theta.tolist()):
            self._circuit.set_parameter(k, -angle)
        self._state.set_zero_state()
        self._circuit.update_quantum_state(self._state)
        return self._observable.get_expectation_value(self._state)


class QulacsPure:
    """Qulacs' state vector without noise: parametric circuit, observable, gradient by its own back-propagation."""

    title, needs = "Qulacs SV", "qulacs"

    def __init__(self, case):
        from qulacs import Observable, ParametricQuantumCircuit, StateVector

        self._state, self._observable = StateVector(case.n_qubits), Observable(case.n_qubits)
        fill_observable(self._observable, case.observable)
        self._circuit = ParametricQuantumCircuit(case.n_qubits)
        for operation in case.circuit.operations:
            add_gate(self._circuit, operation)

    def _set(self, theta):
        for k, angle in enumerate((-theta).tolist()):
            self._circuit.set_parameter(k, angle)

    def __call__(self, theta):
        self._set(theta)
        self._state.set_zero_state()
        self._circuit.update_quantum_state(self._state)
        return self._observable.get_expectation_value(self._state)

    def gradient(self, theta):
        self._set(theta)
        return -np.array(self._circuit.backprop(self._observable))


def add_gate(circuit, operation):
    if operation.gate == "cx":
        circuit.add_CNOT_gate(*operation.qubits)
    else:
        getattr(circuit, f"add_parametric_{operation.gate.upper()}_gate")(operation.qubits[0], 0.0)


def fill_observable(observable, ours):
    for label, coefficient in zip(ours.labels, ours.coefficients, strict=True):
        letters = [f"{letter} {q}" for q, letter in enumerate(reversed(label)) if letter != "I"]
        observable.add_operator(coefficient, " ".join(letters))
