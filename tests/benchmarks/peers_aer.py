"""Qiskit Aer's density matrix in three forms: how the noise is handed over decides what one call costs."""

import numpy as np
from workload import EXCITED, P1, P2, TIMES

BACKENDS = {}
"""By form and noise: a noise model is made once per device."""


class Aer:
    """Qiskit Aer's density matrix: `run` on a circuit transpiled once, parameters bound per call.

    Its noise model lists the errors of the four gates in use only: `run` copies the model at every call.
    """

    title, needs = "Aer, noise model", "qiskit_aer"
    bind_late = True

    def __init__(self, case):
        from qiskit import transpile

        self._backend, circuit = self._backend_of(case.noise), self._noisy(case.circuit.to_qiskit())
        circuit.save_expectation_value(case.measured().to_qiskit(), range(case.n_qubits))
        self._circuit = transpile(circuit, self._backend, optimization_level=0)
        self._names = sorted(self._circuit.parameters, key=lambda parameter: parameter.index)

    def _backend_of(self, noise):
        from qiskit_aer import AerSimulator

        if (self.title, noise) not in BACKENDS:
            BACKENDS[self.title, noise] = AerSimulator(
                method="density_matrix",
                max_parallel_threads=1,
                max_parallel_experiments=1,
                runtime_parameter_bind_enable=self.bind_late,
                noise_model=self._model(noise),
            )
        return BACKENDS[self.title, noise]

    def _model(self, noise):
        from qiskit_aer.noise import NoiseModel

        model = NoiseModel()
        for gates, n_qubits in ((["rx", "ry", "rz"], 1), (["cx"], 2)):
            model.add_all_qubit_quantum_error(aer_error(n_qubits), gates)
        return model

    def _noisy(self, circuit):
        return circuit

    def __call__(self, theta):
        return self._run([[x] for x in theta.tolist()])[0]

    def batch(self, thetas):
        return np.array(self._run(thetas.T.tolist()))

    def _run(self, columns):
        binds = dict(zip(self._names, columns, strict=True))
        result = self._backend.run(self._circuit, parameter_binds=[binds]).result()
        return [entry.data.expectation_value for entry in result.results]


class AerDevice(Aer):
    """The same with the errors of all gates, as noise models of devices list them: what users of Aer meet."""

    title = "Aer, model of all gates"

    def _model(self, noise):
        return noise.without_readout().to_aer()


class AerInCircuit(Aer):
    """Aer without a noise model: every gate's noise stands in the circuit as a superoperator."""

    title = "Aer, noise in the circuit"
    bind_late = False

    def _model(self, noise):
        return None

    def _noisy(self, circuit):
        from qiskit import QuantumCircuit
        from qiskit.quantum_info import SuperOp

        noisy = QuantumCircuit(*circuit.qregs)
        noise = {n_qubits: SuperOp(aer_error(n_qubits)).to_instruction() for n_qubits in (1, 2)}
        for instruction in circuit.data:
            noisy.append(instruction)
            noisy.append(noise[len(instruction.qubits)], instruction.qubits)
        return noisy


def aer_error(n_qubits):
    """Qiskit's own depolarizing, then relaxation, as one channel: Aer drops unlikely terms of composed mixtures."""
    from qiskit.quantum_info import SuperOp
    from qiskit_aer.noise import QuantumError, depolarizing_error, thermal_relaxation_error

    over_t1, over_t2 = TIMES[n_qubits]
    each = thermal_relaxation_error(1 / over_t1, 1 / over_t2, 1.0, excited_state_population=EXCITED)
    if n_qubits == 1:
        return QuantumError(SuperOp(depolarizing_error(P1, 1).compose(each)))
    return QuantumError(SuperOp(depolarizing_error(P2, 2).compose(each.tensor(each))))
