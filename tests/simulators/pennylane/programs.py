"""Programs, measurements and noise that the tests of the PennyLane device share."""

import numpy as np
import pennylane as qml

from qvar.simulators import NoiseModel, ReadoutError

X = np.array([0.3, -0.8, 1.4])
HERMITIAN = np.array([[1.0, 0.3 - 0.2j], [0.3 + 0.2j, -0.4]])


def gates(x):
    qml.RX(x[0], 0)
    qml.Hadamard(1)
    qml.CNOT([0, 1])
    qml.Rot(x[0], x[1], x[2], wires=2)
    qml.IsingXX(x[1], [1, 2])
    qml.CRY(x[2], [2, 0])
    qml.adjoint(qml.S)(1)


def run(device, program, *arguments, shots=None, **options):
    qnode = qml.QNode(program, device, **options)
    return (qml.set_shots(qnode, shots=shots) if shots else qnode)(*arguments)


MEASUREMENTS = {
    "word": lambda: qml.expval(qml.Z(0) @ qml.X(1) @ qml.Y(2)),
    "sum": lambda: qml.expval(0.5 * qml.Z(0) @ qml.X(1) - 0.2 * qml.Y(2) + 0.1 * qml.I(0)),
    "hamiltonian": lambda: qml.expval(qml.Hamiltonian([0.3, -1.2], [qml.Z(0), qml.X(1) @ qml.X(2)])),
    "hermitian": lambda: qml.expval(qml.Hermitian(HERMITIAN, 1)),
    "hermitian on two": lambda: qml.expval(qml.Hermitian(np.kron(HERMITIAN, HERMITIAN.conj()), [2, 0])),
    "hermitian product": lambda: qml.expval(qml.Hermitian(HERMITIAN, 1) @ qml.Z(2)),
    "hadamard": lambda: qml.expval(qml.Hadamard(2)),
    "projector": lambda: qml.expval(qml.Projector([1, 0], [2, 0])),
    "state projector": lambda: qml.expval(qml.Projector(np.array([0.6, 0.8j]), 1)),
    "sparse": lambda: qml.expval(qml.SparseHamiltonian((qml.Z(0) @ qml.X(1)).sparse_matrix(), [0, 1])),
    "variance": lambda: qml.var(qml.Z(0) @ qml.X(1) + 0.4 * qml.Y(2)),
    "variance of hermitian": lambda: qml.var(qml.Hermitian(HERMITIAN, 0)),
    "probabilities": lambda: qml.probs(),
    "some probabilities": lambda: qml.probs(wires=[2, 0]),
    "probabilities of an observable": lambda: qml.probs(op=qml.X(1)),
    "density matrix": lambda: qml.density_matrix([1, 2]),
    "purity": lambda: qml.purity([0, 1]),
    "entropy": lambda: qml.vn_entropy([0]),
    "mutual information": lambda: qml.mutual_info([0], [2]),
}

READOUTS = [
    NoiseModel.from_numbers(readout=0.04),
    NoiseModel("asymmetric", readout={0: ReadoutError(0.02, 0.1), 1: ReadoutError(0.0, 0.05)}, strict=False),
]
