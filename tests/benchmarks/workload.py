"""What the simulator benchmarks compute: random circuits and observables under the noise of a typical device.

Circuits hold `n_gates` gates, each a CX with probability 0.4, else RX, RY or RZ with an angle of its own, on random
qubits without connectivity. Observables are random Pauli strings with normal coefficients, N_TERMS of them. After every
gate comes depolarizing, on both qubits jointly after a CX, then thermal relaxation; read-out errs symmetrically, which
scales every Pauli string and adds none.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

from dataclasses import dataclass, replace

import numpy as np

from qvar.simulators import Circuit, NoiseModel, Observable, Operation, ReadoutError, Slot
from qvar.simulators.channels import depolarizing, thermal_relaxation

N_TERMS = {2: 15, 3: 40, 4: 100, 5: 160, 6: 231, 7: 300, 8: 400, 9: 600, 10: 1000, 11: 1000}
CX_SHARE = 0.4

P1, P2, READOUT = 1e-3, 8e-3, 0.02
TIMES = {1: (3e-4, 2.5e-4), 2: (3e-3, 2.5e-3)}
"""Duration of a gate on 1 or 2 qubits over T1 and over T2."""
EXCITED = 0.02


def noise_model():
    """Depolarizing, then relaxation, after each gate; symmetric read-out error."""
    one, each = (thermal_relaxation(*TIMES[k], excited_population=EXCITED) for k in (1, 2))
    return NoiseModel.from_channels(
        depolarizing(P1).then(one),
        depolarizing(P2, n_qubits=2).then(each.tensor(each)),
        readout=ReadoutError(READOUT, READOUT),
        name="benchmark",
    )


def random_circuit(n_qubits, n_gates, rng):
    operations, slots = [], 0
    for _ in range(n_gates):
        if rng.random() < CX_SHARE:
            control, target = rng.choice(n_qubits, 2, replace=False)
            operations.append(Operation("cx", (int(control), int(target))))
        else:
            gate = ("rx", "ry", "rz")[rng.integers(3)]
            operations.append(Operation(gate, (int(rng.integers(n_qubits)),), (Slot(slots),)))
            slots += 1
    return Circuit(n_qubits, tuple(operations))


def random_observable(n_qubits, rng):
    """N_TERMS different Pauli strings, none of them the identity."""
    chosen = 1 + rng.choice(4**n_qubits - 1, N_TERMS[n_qubits], replace=False)
    labels = ("".join("IXYZ"[(index >> (2 * q)) & 3] for q in reversed(range(n_qubits))) for index in chosen)
    return Observable.from_terms({label: float(rng.normal()) for label in labels})


@dataclass(frozen=True)
class Case:
    """One circuit with its observable, noise (None for none) and angles."""

    circuit: Circuit
    observable: Observable
    noise: NoiseModel | None
    theta: np.ndarray
    seed: tuple[int, int, int]

    @classmethod
    def random(cls, n_qubits, n_gates, sample, *, noise):
        seed = (n_qubits, n_gates, sample)
        rng = np.random.default_rng(seed)
        circuit, observable = random_circuit(n_qubits, n_gates, rng), random_observable(n_qubits, rng)
        return cls(circuit, observable, noise, rng.uniform(-np.pi, np.pi, circuit.n_parameters), seed)

    @property
    def n_qubits(self):
        return self.circuit.n_qubits

    def measured(self):
        """The observable whose exact value is the measured one: each letter of a string is scaled by 1 - 2 p."""
        if self.noise is None:
            return self.observable
        terms = zip(self.observable.labels, self.observable.coefficients, strict=True)
        return Observable.from_terms(
            {label: c * (1 - 2 * READOUT) ** (len(label) - label.count("I")) for label, c in terms}
        )

    def fresh_circuit(self):
        """An equal circuit that no one has seen: nothing that depends on it is cached."""
        return Circuit(self.n_qubits, tuple(replace(operation) for operation in self.circuit.operations))

    def channel(self, operation):
        return self.noise.channel(operation.gate, operation.qubits)
