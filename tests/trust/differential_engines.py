"""Every engine of this package on a plain case: what each computes, by name, to be compared with the peers.

A part takes a case and gives `{quantity: value}`; the quantities are

- "energy": of both angle vectors, shape (2,);
- "gradient": at the first, shape (n_parameters,);
- "state": all Pauli expectation values after both, shape (2, 4**n), before read-out;
- "density": the matrices |psi><psi| after both;
- "overlap" and "overlap gradient": 1 - |<t|psi>|^2 at the first angles, t being the state at the second;
- "p": the p value of a chi-square test that samples have the peers' distribution.

Objects are made from the data directly. Parts whose name starts with "read" go through this package's converters
instead, from what the peers' libraries make of the data.
"""

import warnings
from functools import lru_cache

import numpy as np
import pennylane as qml
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator as AerBackend
from scipy.stats import chi2

from qvar.classify.model import EngineReader, PauliModel, RowModel, make_model
from qvar.classify.parametrized import parametrize
from qvar.latent.tasks import TargetState
from qvar.simulators import (
    AerSimulator,
    Channel,
    Circuit,
    EstimatorV2,
    NoiseModel,
    Observable,
    Operation,
    PauliPropagationSimulator,
    PauliTransferSimulator,
    PennyLaneSimulator,
    ReadoutError,
    SamplerV2,
    Slot,
    StatevectorSimulator,
    amplitude_damping,
    depolarizing,
    pauli_channel,
    phase_damping,
    thermal_relaxation,
)
from qvar.simulators.channels import identity_channel
from tests.trust.differential_peers import aer_model, outcome_probabilities, pennylane_operations, qiskit_circuit

SHOTS = 4000


@lru_cache(maxsize=256)
def channel(errors, n_qubits):
    """Return errors in order of time as one channel."""
    total = identity_channel(n_qubits)
    for error in errors:
        total = total.then(_placed(_elementary(error), error.places, n_qubits))
    return total


def _elementary(error):
    numbers, kind = error.numbers, error.kind
    if kind == "depolarizing":
        return depolarizing(numbers[0], n_qubits=len(error.places))
    if kind == "relaxation":
        time, t1, t2, excited = numbers
        return thermal_relaxation(time / t1, time / t2, excited_population=excited)
    if kind == "rotation":
        return Channel.from_kraus([_turn(np.array(_PAULIS[int(numbers[0])]), numbers[1])])
    if kind == "zz":
        return Channel.from_kraus([_turn(np.diag([1.0, -1.0, -1.0, 1.0]), numbers[0])])
    if kind == "isometry":
        return Channel.from_kraus(error.kraus())
    return {"amplitude": amplitude_damping, "phase": phase_damping, "pauli": pauli_channel}[kind](*numbers)


_PAULIS = {1: [[0, 1], [1, 0]], 2: [[0, -1j], [1j, 0]], 3: [[1, 0], [0, -1]]}


def _turn(pauli, angle):
    return np.cos(angle / 2) * np.eye(len(pauli)) - 1j * np.sin(angle / 2) * pauli


def _placed(one, places, n_qubits):
    if len(places) == n_qubits:
        return one.reversed_qubits() if places == (1, 0) else one
    return one.tensor(identity_channel()) if places == (0,) else identity_channel().tensor(one)


def remembered(build):
    """Return the function that remembers what it has built of the latest case."""
    latest = [None, None]

    def build_once(case):
        if latest[0] is not case:
            latest[:] = case, build(case)
        return latest[1]

    return build_once


@remembered
def circuit_of(case):
    """Return the circuit."""
    return Circuit(case.n_qubits, tuple(_operation(step) for step in case.steps))


def _operation(step):
    if step.gate == "channel":
        return Operation("channel", step.qubits, channel=channel(step.errors, len(step.qubits)))
    return Operation(step.gate, step.qubits, tuple(Slot(*a) if isinstance(a, tuple) else a for a in step.angles))


@remembered
def noise_of(case):
    """Return the noise model with its couplings, None where there is neither noise nor misreading."""
    if not (case.local or case.default or case.is_misread):
        return None
    sizes = {step.gate: len(step.qubits) for step in case.steps}
    default = case.default_readout
    return NoiseModel(
        "random",
        local={(gate, qubits): channel(errors, len(qubits)) for (gate, qubits), errors in case.local.items()},
        default={gate: channel(errors, sizes[gate]) for gate, errors in case.default.items() if gate in sizes},
        readout={q: ReadoutError(*error) for q, error in enumerate(case.readout) if error is not None},
        default_readout=None if default is None else ReadoutError(*default),
        coupling_map=case.coupling,
        n_qubits=case.n_qubits,
        strict=False,
    )


def observable_of(case):
    """Return the observable."""
    return Observable.from_terms(case.terms)


def _exact(objective, case):
    values, gradients = objective.values_and_gradients(case.thetas)
    value, gradient = objective.value_and_gradient(case.thetas[0])
    singles = [objective(theta) for theta in case.thetas]
    return {
        "energy": objective.batch(case.thetas),
        "energy, one at a time": np.array(singles),
        "energy, beside gradients": np.array([value, values[1]]),
        "gradient": gradient,
        "gradient, batched": gradients[0],
    }


def pauli_transfer(case):
    """Return energies, gradients, their batches, the final states, and the observable pulled back."""
    objective = PauliTransferSimulator(noise_of(case)).objective(circuit_of(case), observable_of(case))
    start = np.zeros(4**case.n_qubits)
    start[_only_i_and_z(case.n_qubits)] = 1.0
    return _exact(objective, case) | {
        "energy, pulled back": objective.pulled_back(case.thetas) @ start,
        "state": objective.states(case.thetas),
    }


def _only_i_and_z(n):
    return [sum(3 * ((k >> q) & 1) * 4**q for q in range(n)) for k in range(2**n)]


def statevector(case):
    """Return energies, gradients and amplitudes."""
    objective = StatevectorSimulator().objective(circuit_of(case), observable_of(case))
    psi = objective.states(case.thetas)
    return _exact(objective, case) | {"density": psi[:, :, None] * psi[:, None, :].conj()}


def propagation(case):
    """Return what Pauli propagation without truncation gives."""
    engine = PauliPropagationSimulator(noise_of(case), min_coefficient=0.0)
    objective = engine.objective(circuit_of(case), observable_of(case))
    return {"energy": objective.batch(case.thetas), "gradient": objective.value_and_gradient(case.thetas[0])[1]}


def aer_engine(case, method):
    """Return what our engine makes of Qiskit Aer; it converts circuit and noise itself."""
    objective = AerSimulator(noise_of(case), method=method).objective(circuit_of(case), observable_of(case))
    return {"energy": objective.batch(case.thetas)}


def pennylane_engine(case, device):
    """Return what our engine makes of PennyLane; it converts circuit and noise itself."""
    objective = PennyLaneSimulator(device, noise_of(case)).objective(circuit_of(case), observable_of(case))
    gradient = objective.value_and_gradient(case.thetas[0])[1]
    return {"energy": objective.batch(case.thetas), "gradient": gradient}


def pennylane_device(case):
    """Return what `qvar.ptm` makes of PennyLane's own operations."""
    device = qml.device("qvar.ptm", wires=case.n_qubits, noise=noise_of(case))
    words = [qml.pauli.string_to_pauli_word(label[::-1]) for label in case.terms]
    total = qml.Hamiltonian(list(case.terms.values()), words)

    @qml.qnode(device, diff_method="device", interface="autograd")
    def mean(angles):
        for operation in pennylane_operations(case, angles, noisy=False):
            qml.apply(operation)
        return qml.expval(total)

    energies = np.array([float(mean(theta)) for theta in case.thetas])
    if case.n_parameters == 0:
        return {"energy": energies}
    return {"energy": energies, "gradient": qml.grad(mean)(qml.numpy.array(case.thetas[0], requires_grad=True))}


def estimator(case):
    """Return what EstimatorV2 gives for a circuit of Qiskit, without converters' noise."""
    circuit = qiskit_circuit(case, noisy=False)
    terms = SparsePauliOp(list(case.terms), np.array(list(case.terms.values())))
    pubs = [(circuit, terms, case.thetas if case.n_parameters else ())]
    values = EstimatorV2(PauliTransferSimulator(noise_of(case))).run(pubs).result()[0].data.evs
    return {"energy": np.broadcast_to(values, (2,))}


def sampler(case, rho, seed):
    """Return the p value of samples of SamplerV2 under the peer's distribution of outcomes."""
    circuit = qiskit_circuit(case, noisy=False)
    circuit.measure_all()
    pubs = [(circuit, case.thetas[0] if case.n_parameters else ())]
    job = SamplerV2(PauliTransferSimulator(noise_of(case)), seed=seed).run(pubs, shots=SHOTS)
    counts = np.zeros(2**case.n_qubits)
    for outcome, count in job.result()[0].data.meas.get_int_counts().items():
        counts[outcome] = count
    return {"p": chi_square_p(counts, outcome_probabilities(case, rho))}


def chi_square_p(counts, probabilities):
    """Return the p value of counts; outcomes expected less than five times are joined to one."""
    expected = counts.sum() * np.maximum(probabilities, 0) / np.maximum(probabilities, 0).sum()
    rare = expected < 5
    pairs = [*zip(counts[~rare], expected[~rare], strict=True), (counts[rare].sum(), expected[rare].sum())]
    if pairs[-1][1] < 5 and len(pairs) > 1:
        last = pairs.pop()
        largest = max(range(len(pairs)), key=lambda k: pairs[k][1])
        pairs[largest] = (pairs[largest][0] + last[0], pairs[largest][1] + last[1])
    if len(pairs) == 1:
        return 1.0 if pairs[0][0] == counts.sum() else 0.0
    return float(chi2.sf(sum((c - e) ** 2 / e for c, e in pairs), len(pairs) - 1))


def latent_target(case):
    """Return the fidelity kernel of latent search: the state at the second angles as target."""
    circuit, second = circuit_of(case), case.thetas[1]
    task = TargetState.of_circuit(circuit, second, key="t", title="t", source="")
    objective = task.objective(StatevectorSimulator(), circuit)
    value, gradient = objective.value_and_gradient(case.thetas[0])
    return {"overlap": np.array([value, objective.batch(case.thetas)[0]]), "overlap gradient": gradient}


def classifier_models(case):
    """Return the values and weight gradients of the classifiers' two models, all angles being weights."""
    names = ParameterVector("t", case.n_parameters)
    parametrized, places, qubits = parametrize(qiskit_circuit(case, names, noisy=False), (), list(names))
    observable = _on_places(case, places, len(qubits))
    results = {}
    for name, model in _models(case, parametrized, observable).items():
        rows = model.rows(np.empty((1, 0)))
        gradient = model.pull_back(case.thetas[0], rows, np.ones((1, 1)))
        results |= {f"energy, {name}": model.values(case.thetas, rows)[:, 0, 0], f"gradient, {name}": gradient}
    return results


def _on_places(case, places, n_places):
    if places != tuple(range(n_places)):
        raise AssertionError(f"qubits moved to {places}")
    return observable_of(case)


def _models(case, parametrized, observable):
    engine = PauliTransferSimulator(noise_of(case))
    rows = RowModel(EngineReader(engine, parametrized, [observable]), parametrized)
    models = {"row by row": rows}
    if parametrized.split() is not None:
        models["data first"] = PauliModel(engine, parametrized.split(), [observable])
    chosen = StatevectorSimulator() if engine.noise is None and not case.is_noisy else engine
    return models | {"chosen": make_model(chosen, parametrized, [observable], 1)}


def read_from_qiskit(case):
    """Return energies of a circuit and a noise model that Qiskit and Aer hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Aer's, of noise on gates that it would transpile away
        noise = NoiseModel.from_aer(aer_model(case))
    circuit = Circuit.from_qiskit(qiskit_circuit(case, noisy=False))
    observable = Observable.from_qiskit(SparsePauliOp(list(case.terms), np.array(list(case.terms.values()))))
    return {"energy": PauliTransferSimulator(noise).objective(circuit, observable).batch(case.thetas)}


def written_for_aer(case):
    """Return the states that Aer gives for our circuit and noise model, converted to its own."""
    noise, circuit = noise_of(case), circuit_of(case)
    backend = AerBackend(
        method="density_matrix",
        noise_model=None if noise is None else noise.to_aer(),
        max_parallel_threads=1,
        zero_threshold=1e-18,
    )
    circuits = [circuit.to_qiskit(theta) for theta in case.thetas]
    for one in circuits:
        one.save_density_matrix()
    result = backend.run(circuits).result()
    return {"density": np.array([np.asarray(result.data(k)["density_matrix"]) for k in range(2)])}


def read_from_qasm(case):
    """Return energies of a circuit after a way through OpenQASM 3, written by Qiskit and by ourselves."""
    from qiskit import qasm3

    engine, observable = StatevectorSimulator(), observable_of(case)
    ours = engine.objective(Circuit.from_qasm(circuit_of(case).to_qasm()), observable)
    theirs = []
    for theta in case.thetas:
        circuit = Circuit.from_qasm(qasm3.dumps(qiskit_circuit(case, list(map(float, theta)), noisy=False)))
        theirs.append(engine.objective(circuit, observable)([]))
    return {"energy": ours.batch(case.thetas), "energy, Qiskit's text": np.array(theirs)}


def read_from_pennylane(case):
    """Return energies of a tape of PennyLane, and of a noise model after a way through JSON."""
    noise = noise_of(case)
    noise = None if noise is None else NoiseModel.from_dict(noise.to_dict())
    energies = []
    for theta in case.thetas:
        tape = qml.tape.QuantumScript(pennylane_operations(case, theta, noisy=False), trainable_params=[])
        circuit = Circuit.from_pennylane(tape, wires=case.n_qubits)
        energies.append(PauliTransferSimulator(noise).objective(circuit, observable_of(case))([]))
    return {"energy": np.array(energies)}


@lru_cache(maxsize=1)
def parts():
    """Return `{name: (runs, function)}`: whether a part takes a case of some number, and what it does with it."""
    return {
        "PauliTransferSimulator": (lambda case, k: True, pauli_transfer),
        "StatevectorSimulator": (lambda case, k: _pure(case), statevector),
        "PauliPropagationSimulator": (lambda case, k: case.n_qubits <= 4 or k % 4 < 2, propagation),
        "AerSimulator, density_matrix": (lambda case, k: k % 7 == 0, lambda c: aer_engine(c, "density_matrix")),
        "AerSimulator, automatic": (lambda case, k: k % 21 == 1, lambda c: aer_engine(c, "automatic")),
        "AerSimulator, statevector": (
            lambda case, k: _pure(case) and k % 16 == 8,
            lambda c: aer_engine(c, "statevector"),
        ),
        "AerSimulator, matrix_product_state": (
            lambda case, k: _pure(case) and k % 16 == 0,
            lambda c: aer_engine(c, "matrix_product_state"),
        ),
        "AerSimulator, stabilizer": (
            lambda case, k: _pure(case) and case.is_clifford and k % 8 == 4,
            lambda c: aer_engine(c, "stabilizer"),
        ),
        "PennyLaneSimulator, default.mixed": (
            lambda case, k: case.n_qubits <= 4 and k % 38 in (0, 1),
            lambda c: pennylane_engine(c, "default.mixed"),
        ),
        "PennyLaneSimulator, default.qubit": (
            lambda case, k: _pure(case) and k % 32 == 0,
            lambda c: pennylane_engine(c, "default.qubit"),
        ),
        "PennyLane device qvar.ptm": (lambda case, k: k % 5 == 0, pennylane_device),
        "EstimatorV2": (lambda case, k: k % 5 == 1, estimator),
        "latent kernels, TargetState": (lambda case, k: _pure(case) and case.n_parameters > 0, latent_target),
        "classifier models": (lambda case, k: k % 5 == 2, classifier_models),
        "read from Qiskit and Aer": (lambda case, k: k % 5 == 3, read_from_qiskit),
        "written for Aer": (lambda case, k: k % 10 == 3, written_for_aer),
        "read from OpenQASM": (lambda case, k: _pure(case) and k % 16 == 0, read_from_qasm),
        "read from PennyLane and JSON": (lambda case, k: k % 5 == 4, read_from_pennylane),
    }


def _pure(case):
    return not case.is_noisy and not case.is_misread
