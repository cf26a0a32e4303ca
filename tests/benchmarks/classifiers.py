"""What a class probability and its gradient cost per row of data, side by side in one run.

Run: python tests/benchmarks/classifiers.py [--rounds N] [--json]

The circuit is zz_feature_map(5, reps=2) and efficient_su2(5, reps=3), 40 weights, exact probabilities, qubit 0 tells
the classes apart. Every route must agree with the textbook (`tests/classify/oracle.py`) to 1e-10 before it is timed.
One thread, CPU time, routes alternating, median over the rounds. For qiskit-machine-learning a gradient is that of the
probabilities of each row (by parameter shift); for PennyLane (by backpropagation, all rows broadcast) and qvar (one
reverse sweep) it is that of the mean cross entropy; its time is divided by the number of rows all the same. qvar's
states of the rows are computed once per training, which a line apart times. The noisy lines run the circuit transpiled
to a fake seven-qubit device, with its gate and read-out errors; they need the extra `ibm`.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np
import pennylane as qml
import torch
from qiskit.circuit.library import efficient_su2, zz_feature_map
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_machine_learning.algorithms import VQC
from timing import alternate

from qvar.classify import VariationalClassifier
from qvar.classify.loss import CrossEntropy
from qvar.classify.training import TrainingData, TrainingObjective
from qvar.classify.training_record import TrainingRecord
from qvar.optimizers import Cobyla
from qvar.simulators import NoiseModel, PauliTransferSimulator

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.classify.oracle import probability_of_one

torch.set_num_threads(1)

N_QUBITS, ROUNDS = 5, 3
CLASS_1 = np.arange(2**N_QUBITS) % 2 == 1
FORWARD, GRADIENT, SET_UP = "probabilities", "gradient", "set-up"
OURS = "qvar"


@dataclass(frozen=True)
class Route:
    """One way to do a job.

    Attributes:
        name: for the table.
        job: FORWARD or GRADIENT.
        n_rows: rows in one call.
        call: does it; a forward route returns the probabilities of class 1.
    """

    name: str
    job: str
    n_rows: int
    call: Callable[[], Any]


def data(n_rows):
    rng = np.random.default_rng(7)
    return rng.uniform(0, 1, (n_rows, N_QUBITS))


THETA = np.random.default_rng(8).normal(size=8 * N_QUBITS)


def qiskit_routes():
    """qiskit-machine-learning as it comes, with its exact sampler."""
    network = VQC(feature_map=zz_feature_map(N_QUBITS, reps=2), ansatz=efficient_su2(N_QUBITS, reps=3)).neural_network
    many, few = data(50), data(1)
    return [
        Route("qiskit-machine-learning", FORWARD, 50, lambda: network.forward(many, THETA)[:, 1]),
        Route("qiskit-machine-learning", GRADIENT, 1, lambda: network.backward(few, THETA)[1]),
    ]


def pennylane_circuit(rows, weights):
    """The same circuit gate by gate; wire q is qubit q."""
    for _ in range(2):
        for q in range(N_QUBITS):
            qml.Hadamard(q)
            qml.PhaseShift(2 * rows[:, q], q)
        for i in range(N_QUBITS):
            for j in range(i + 1, N_QUBITS):
                qml.CNOT([i, j])
                qml.PhaseShift(2 * (np.pi - rows[:, i]) * (np.pi - rows[:, j]), j)
                qml.CNOT([i, j])
    for layer in range(4):
        for q in range(N_QUBITS):
            qml.RY(weights[2 * N_QUBITS * layer + q], q)
            qml.RZ(weights[2 * N_QUBITS * layer + N_QUBITS + q], q)
        for q in range(N_QUBITS - 2, -1, -1) if layer < 3 else ():
            qml.CNOT([q, q + 1])
    return qml.probs(wires=[0])


def pennylane_routes():
    """default.qubit with torch, all rows in one broadcast execution."""
    node = qml.QNode(
        pennylane_circuit, qml.device("default.qubit", wires=N_QUBITS), interface="torch", diff_method="backprop"
    )
    rows = torch.tensor(data(800))
    labels = torch.tensor(np.arange(800) % 2)

    def forward():
        with torch.no_grad():
            return node(rows, torch.tensor(THETA))[:, 1].numpy()

    def gradient():
        weights = torch.tensor(THETA, requires_grad=True)
        probabilities = node(rows, weights)
        (-torch.log(probabilities[torch.arange(800), labels]).mean()).backward()
        return weights.grad.numpy()

    return [
        Route("PennyLane default.qubit", FORWARD, 800, forward),
        Route("PennyLane default.qubit", GRADIENT, 800, gradient),
    ]


def training(n_rows, **engine):
    """The objective that an optimizer of qvar sees."""
    features, labels = data(n_rows), np.arange(n_rows) % 2
    model = VariationalClassifier("zz_feature_map", feature_range=None, optimizer=Cobyla(max_evaluations=0), **engine)
    network = model.fit(features, labels)._network
    rows = TrainingData(network.model.rows(features), np.eye(2)[labels], np.ones(n_rows))
    objective = TrainingObjective(
        network.model, network.readout, CrossEntropy(), rows, TrainingRecord(), np.random.default_rng(0)
    )
    return network, features, rows, objective


def own_routes():
    """The exact model of the noiseless simulator, and of a device."""
    network, features, rows, objective = training(800)
    routes = [
        Route(OURS, FORWARD, 800, lambda: network.model.values(THETA[None], rows.rows)[0] @ [-1.0] + 1.0),
        Route(OURS, GRADIENT, 800, lambda: objective.value_and_gradient(THETA)[1]),
        Route(f"{OURS}, states of the rows, once", SET_UP, 800, lambda: network.model.rows(features)),
    ]
    try:
        from qiskit_ibm_runtime.fake_provider import FakeLagosV2
    except ImportError:
        sys.stderr.write("no qiskit-ibm-runtime: the noisy lines are left out\n")
        return routes
    backend = FakeLagosV2()
    *_, noisy = training(
        200,
        engine=PauliTransferSimulator(NoiseModel.from_backend(backend)),
        pass_manager=generate_preset_pass_manager(1, backend=backend, seed_transpiler=0),
    )
    return [
        *routes,
        Route(f"{OURS}, noise of Lagos", FORWARD, 200, lambda: noisy(THETA)),
        Route(f"{OURS}, noise of Lagos", GRADIENT, 200, lambda: noisy.value_and_gradient(THETA)[1]),
    ]


def check_gradients(routes):
    """The two gradients of the mean cross entropy must agree."""
    ours, other = (
        next(r for r in routes if r.name == n and r.job == GRADIENT) for n in (OURS, "PennyLane default.qubit")
    )
    worst = float(np.abs(ours.call() - other.call()).max())
    if worst > 1e-10:
        raise SystemExit(f"gradients differ by {worst}")


def check_agreement(routes):
    for route in routes:
        if route.job == FORWARD and "noise" not in route.name:
            expected = probability_of_one(data(route.n_rows), THETA, CLASS_1)
            worst = float(np.abs(route.call() - expected).max())
            if worst > 1e-10:
                raise SystemExit(f"{route.name} is off by {worst}")


def table(routes, seconds):
    """Return Markdown: per job, milliseconds per row, and how many times ours that is."""
    lines = ["| job | route | rows per call | CPU time per row, ms | / qvar |", "|" + "---|" * 5]
    for job in (FORWARD, GRADIENT, SET_UP):
        chosen = sorted((seconds[r.job, r.name], r.name, r.n_rows) for r in routes if r.job == job)
        for per_row, name, n_rows in reversed(chosen):
            ratio = "" if job == SET_UP else f"{per_row / seconds[job, OURS]:.3g}"
            lines.append(f"| {job} | {name} | {n_rows} | {1e3 * per_row:.3g} | {ratio} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    routes = [*qiskit_routes(), *pennylane_routes(), *own_routes()]
    check_agreement(routes)
    check_gradients(routes)
    timed = alternate({(r.job, r.name): r.call for r in routes}, rounds=arguments.rounds)
    seconds = {(r.job, r.name): timed[r.job, r.name]["median"] / r.n_rows for r in routes}
    if arguments.json:
        rows = [{"job": job, "route": name, "seconds_per_row": s} for (job, name), s in seconds.items()]
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    sys.stdout.write(f"{table(routes, seconds)}\n\nmedian of {arguments.rounds} rounds\n")


if __name__ == "__main__":
    main()
