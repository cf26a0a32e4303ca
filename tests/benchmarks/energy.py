"""How much faster is one noisy energy than by other routes? Ratios, measured side by side in one run.

Run: python tests/benchmarks/energy.py [--rounds N] [--json]

Every route computes the same energies of the same circuits under the same noise; they must agree to 1e-9 before
anything is timed. One thread each, CPU time, routes alternating, warm; minimum and median over the rounds. Set-up of a
fresh circuit is timed apart. Peers, each in its fastest form that gives exact noisy values:

- "numpy PTM": the textbook loop over dense 4x4 and 16x16 transfer matrices with `tensordot`;
- "Aer": Qiskit Aer's density matrix, one job with 64 parameter sets bound to a circuit prepared once, per energy.
"""

import argparse
import json
import os
import statistics
import sys
import time

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np

from qvar.simulators import AerSimulator, Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator, Slot
from qvar.simulators.channels import unitary_to_ptm
from qvar.simulators.gates import gate_matrix

SIZES = ((2, 20), (2, 60), (4, 20), (4, 60), (6, 20), (6, 60))
N_TERMS = {2: 15, 4: 100, 6: 231}
AER_BATCH = 64


def random_circuit(n_qubits, n_gates, rng):
    operations, slots = [], 0
    for _ in range(n_gates):
        if rng.random() < 0.4:
            control, target = rng.choice(n_qubits, 2, replace=False)
            operations.append(Operation("cx", (int(control), int(target))))
        else:
            gate = ("rx", "ry", "rz")[rng.integers(3)]
            operations.append(Operation(gate, (int(rng.integers(n_qubits)),), (Slot(slots),)))
            slots += 1
    return Circuit(n_qubits, tuple(operations))


def random_observable(n_qubits, n_terms, rng):
    labels = {"".join(rng.choice(list("IXYZ"), n_qubits)) for _ in range(n_terms)}
    return Observable.from_terms({label: float(rng.normal()) for label in sorted(labels)})


class DenseTransfer:
    """The textbook route: a 4 x ... x 4 tensor, one `tensordot` per noisy gate."""

    def __init__(self, circuit, observable, noise):
        self._circuit, self._noise, self._n = circuit, noise, circuit.n_qubits
        self._cx = unitary_to_ptm(gate_matrix("cx"))
        self._indices = tuple(observable.digits[:, ::-1].T)
        self._coefficients = observable.vector

    def __call__(self, theta):
        state = np.zeros((4,) * self._n)
        state[np.ix_(*[[0, 3]] * self._n)] = 1.0
        for operation in self._circuit.operations:
            channel = self._noise.channel(operation.gate, operation.qubits).ptm
            if operation.gate == "cx":
                matrix = (channel @ self._cx).reshape(4, 4, 4, 4)
                axes = [self._n - 1 - operation.qubits[1], self._n - 1 - operation.qubits[0]]
                state = np.moveaxis(np.tensordot(matrix, state, ([2, 3], axes)), [0, 1], axes)
            else:
                t = theta[operation.parameters[0].index]
                matrix = np.eye(4)
                p, q = {"rx": (2, 3), "ry": (3, 1), "rz": (1, 2)}[operation.gate]
                matrix[[p, q], [p, q]] = np.cos(t)
                matrix[p, q], matrix[q, p] = -np.sin(t), np.sin(t)
                axis = self._n - 1 - operation.qubits[0]
                state = np.moveaxis(np.tensordot(channel @ matrix, state, ([1], [axis])), 0, axis)
        return float(self._coefficients @ state[self._indices])


def seconds(function, repeats):
    began = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - began) / repeats


def measure(n_qubits, n_gates, rounds, noise):
    rng = np.random.default_rng([n_qubits, n_gates])
    circuit, observable = random_circuit(n_qubits, n_gates, rng), random_observable(n_qubits, N_TERMS[n_qubits], rng)
    engine = PauliTransferSimulator(noise)
    ours = engine.objective(circuit, observable)
    dense = DenseTransfer(circuit, observable, noise)
    aer = AerSimulator(noise).objective(circuit, observable)
    theta = rng.uniform(-np.pi, np.pi, circuit.n_parameters)
    thetas = np.tile(theta, (AER_BATCH, 1))
    values = [ours(theta), dense(theta), aer(theta)]
    if max(values) - min(values) > 1e-9:
        raise SystemExit(f"the routes disagree at {n_qubits} qubits: {values}")
    routes = {
        "energy": (lambda: ours(theta), 1000, 1),
        "gradient": (lambda: ours.value_and_gradient(theta), 300, 1),
        "set-up": (lambda: engine.objective(circuit, observable), 100, 1),
        "numpy PTM": (lambda: dense(theta), 5, 1),
        "Aer": (lambda: aer.batch(thetas), 1, AER_BATCH),
    }
    times = {name: [] for name in routes}
    for _ in range(rounds):
        for name, (function, repeats, energies) in routes.items():
            times[name].append(seconds(function, repeats) / energies)
    return {
        "n_qubits": n_qubits,
        "n_gates": n_gates,
        "n_parameters": circuit.n_parameters,
        "microseconds": {
            name: {"min": 1e6 * min(t), "median": 1e6 * statistics.median(t)} for name, t in times.items()
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    noise = NoiseModel.named("mumbai-median").without_readout()
    rows = [measure(n, gates, arguments.rounds, noise) for n, gates in SIZES]
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    lines = [
        "| qubits, gates | energy, us | gradient / energy | set-up, us | numpy PTM / ours | Aer / ours |",
        "|" + "---|" * 6,
    ]
    for row in rows:
        t = row["microseconds"]
        ratio = {
            name: "{:.3g} ({:.3g})".format(*(t[name][kind] / t["energy"][kind] for kind in ("min", "median")))
            for name in ("gradient", "numpy PTM", "Aer")
        }
        lines.append(
            f"| {row['n_qubits']}, {row['n_gates']} | {t['energy']['min']:.1f} ({t['energy']['median']:.1f}) | "
            f"{ratio['gradient']} | {t['set-up']['min']:.0f} ({t['set-up']['median']:.0f}) | "
            f"{ratio['numpy PTM']} | {ratio['Aer']} |"
        )
    sys.stdout.write("\n".join([*lines, "", "minimum (median) of the rounds", ""]))


if __name__ == "__main__":
    main()
