"""The same exact noisy energy by other simulators, each in its fastest form that gives exact values.

A peer is made from a `Case`; making it is its set-up. It is called with angles and returns the energy; some have
`gradient(theta)` and `batch(thetas)`. Read-out error is folded into the observable, which costs nobody anything.
"""

from importlib.util import find_spec

import numpy as np
from peers_aer import Aer, AerDevice, AerInCircuit
from peers_qulacs import Qulacs, QulacsDensityMatrix


class DenseTransfer:
    """The textbook loop in numpy: a 4 x ... x 4 tensor of Pauli expectation values, one `tensordot` per noisy gate."""

    title, needs = "numpy PTM", "numpy"

    def __init__(self, case):
        self._n, observable = case.n_qubits, case.measured()
        self._indices, self._coefficients = tuple(observable.digits[:, ::-1].T), observable.vector
        self._gates = []
        for operation in case.circuit.operations:
            matrix = case.channel(operation).ptm
            if operation.gate == "cx":
                matrix = (matrix @ cx_ptm()).reshape(4, 4, 4, 4)
            self._gates.append((operation, matrix))

    def __call__(self, theta):
        state = np.zeros((4,) * self._n)
        state[np.ix_(*[[0, 3]] * self._n)] = 1.0
        for operation, channel in self._gates:
            axes = [self._n - 1 - q for q in reversed(operation.qubits)]
            if operation.gate == "cx":
                state = np.moveaxis(np.tensordot(channel, state, ([2, 3], axes)), [0, 1], axes)
            else:
                t, matrix = theta[operation.parameters[0].index], np.eye(4)
                p, q = {"rx": (2, 3), "ry": (3, 1), "rz": (1, 2)}[operation.gate]
                matrix[[p, q], [p, q]] = np.cos(t)
                matrix[p, q], matrix[q, p] = -np.sin(t), np.sin(t)
                state = np.moveaxis(np.tensordot(channel @ matrix, state, ([1], axes)), 0, axes[0])
        return float(self._coefficients @ state[self._indices])


def cx_ptm():
    """Which Pauli string on (control, target) becomes which; the control's letter is the low digit."""
    matrix, letters = np.zeros((16, 16)), "IXYZ"
    for pair in ("II II", "ZI ZI", "IX IX", "ZX ZX", "XI XX", "YI YX", "IZ ZZ", "IY ZY", "XY YZ", "XZ YY"):
        a, b = (letters.index(control) + 4 * letters.index(target) for control, target in pair.split())
        matrix[a, b] = matrix[b, a] = -1 if pair == "XZ YY" else 1
    return matrix


class PennyLane:
    """PennyLane's default.mixed: Kraus channels, the observable as one matrix, gradient by back-propagation."""

    title, needs = "PennyLane", "pennylane"

    def __init__(self, case):
        import pennylane as qml

        self._node = {interface: self._make(case, interface) for interface in self._interfaces}
        self._qml = qml

    _interfaces = (None, "autograd")

    @staticmethod
    def _make(case, interface):
        import pennylane as qml

        n, rotations = case.n_qubits, {"rx": qml.RX, "ry": qml.RY, "rz": qml.RZ}
        matrix = case.measured().to_sparse().toarray()
        gates = [(o, list(case.channel(o).kraus())) for o in case.circuit.operations]

        @qml.qnode(qml.device("default.mixed", wires=n), interface=interface, diff_method=interface and "backprop")
        def energy(theta):
            for operation, kraus in gates:
                if operation.gate == "cx":
                    qml.CNOT(operation.qubits)
                else:
                    rotations[operation.gate](theta[operation.parameters[0].index], operation.qubits[0])
                qml.QubitChannel(kraus, wires=operation.qubits[::-1])
            return qml.expval(qml.Hermitian(matrix, wires=range(n)[::-1]))

        return energy

    def __call__(self, theta):
        return float(self._node[None](theta))

    def gradient(self, theta):
        return self._qml.grad(self._node["autograd"])(self._qml.numpy.array(theta, requires_grad=True))


class Jitted:
    """An energy compiled by JAX for its circuit: seconds of set-up, and the gradient compiles apart."""

    def __init__(self, case):
        import jax

        jax.config.update("jax_enable_x64", True)
        self._energy = self._make(case, "jax")
        self._compiled = jax.jit(self._energy)
        self._value_and_gradient = None
        self(case.theta)

    def __call__(self, theta):
        return float(self._compiled(theta))

    def gradient(self, theta):
        if self._value_and_gradient is None:
            import jax

            self._value_and_gradient = jax.jit(jax.value_and_grad(self._energy))
        return np.asarray(self._value_and_gradient(theta)[1])


class PennyLaneJit(Jitted):
    """PennyLane's default.mixed under `jax.jit`."""

    title, needs = "PennyLane jit", "jax pennylane"
    _make = staticmethod(PennyLane._make)


class TensorCircuit(Jitted):
    """TensorCircuit-NG's density matrix (superoperators as tensors) under `jit`."""

    title, needs = "TensorCircuit jit", "jax tensorcircuit"

    @staticmethod
    def _make(case, interface):
        import jax.numpy as jnp
        import tensorcircuit as tc

        tc.set_backend(interface)
        tc.set_dtype("complex128")
        n = case.n_qubits
        axes = [*range(n)[::-1], *range(n, 2 * n)[::-1]]  # its qubit 0 is the most significant
        matrix = case.measured().to_sparse().toarray().reshape((2,) * (2 * n)).transpose(axes).reshape(2**n, 2**n)
        transposed = jnp.asarray(matrix.T)
        gates = [(o, [jnp.asarray(k) for k in case.channel(o).kraus()]) for o in case.circuit.operations]

        def energy(theta):
            circuit = tc.DMCircuit(n)
            for operation, kraus in gates:
                if operation.gate == "cx":
                    circuit.cnot(*operation.qubits)
                else:
                    angle = theta[operation.parameters[0].index]
                    getattr(circuit, operation.gate)(operation.qubits[0], theta=angle)
                circuit.general_kraus(kraus, *operation.qubits[::-1])
            return jnp.real(jnp.sum(transposed * circuit.densitymatrix()))

        return energy


NOISY = (
    Aer,
    AerInCircuit,
    AerDevice,
    Qulacs,
    QulacsDensityMatrix,
    PennyLane,
    PennyLaneJit,
    TensorCircuit,
    DenseTransfer,
)


def is_importable(peer):
    return all(find_spec(module) for module in peer.needs.split())


def compiles(peer):
    """Whether making the peer takes seconds of compilation."""
    return issubclass(peer, Jitted)
