"""How fast is truncated Pauli propagation beside other packages? Ratios, measured side by side in one run.

Run: python tests/benchmarks/propagation.py [--rounds N] [--sizes 20x3,20x4,50x3,127x3] [--json]

Circuit: layers of RX and RZ on every qubit and CX on the even, then the odd bonds of a chain; angles uniform in
+-0.6 radians, fixed seed. Observable: transverse-field Ising energy, all terms in one propagation. Every package drops
coefficients below 1e-3, at its own moments; values must agree within the error that we estimate for ours. Noise:
depolarizing with probability 1e-3 after one-qubit and 1e-2 after two-qubit gates; "+ T1" adds relaxation.

Peers, where they are installed (they need other versions of some packages, so use an environment of their own):

- bloqade-ppvm: gate by gate, truncated after every rotation and damping and once per layer of CX, its fastest form;
- propaq: one thread, circuit translated beforehand; its noise models cannot express noise per gate;
- pauli-prop: circuit translated beforehand; knows no relaxation; left out beyond 50 qubits, where it takes minutes.

One thread each, CPU time, packages alternating, warm; medians over the rounds. Set-up is not timed.
"""

import argparse
import importlib
import json
import os
import statistics
import sys
import time
import warnings

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np

from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliPropagationSimulator, Slot
from qvar.simulators.channels import depolarizing, thermal_relaxation

SIZES = ((20, 3), (20, 4), (50, 3), (127, 3))
CUTOFF = 1e-3
P1, P2, TAU1, TAU2 = 1e-3, 1e-2, 1e-3, 1.5e-3
NOISES = ("noiseless", "depolarizing", "depolarizing + T1")
PATIENCE_SECONDS = 15


def layers(n_qubits, n_layers):
    """Return lists of gates that commute, each (name, qubits, slot)."""
    bonds = [(q, q + 1) for q in range(n_qubits - 1)]
    found, slot = [], 0
    for _ in range(n_layers):
        for gate in ("rx", "rz"):
            found.append([(gate, (q,), slot + q) for q in range(n_qubits)])
            slot += n_qubits
        found += [[("cx", bond, None) for bond in bonds[start::2]] for start in (0, 1)]
    return found


def to_circuit(n_qubits, gates):
    operations = (Operation(g, q, () if slot is None else (Slot(slot),)) for layer in gates for g, q, slot in layer)
    return Circuit(n_qubits, tuple(operations))


def ising(n_qubits):
    def label(letters):
        return "".join(letters.get(q, "I") for q in reversed(range(n_qubits)))

    bonds = {label({q: "Z", q + 1: "Z"}): -1.0 for q in range(n_qubits - 1)}
    return Observable.from_terms(bonds | {label({q: "X"}): -1.0 for q in range(n_qubits)})


def noise_model(kind):
    if kind == "noiseless":
        return None
    one, two = depolarizing(P1), depolarizing(P2, n_qubits=2)
    if kind == "depolarizing":
        return NoiseModel.from_channels(one, two)
    relaxation = thermal_relaxation(TAU1, TAU2)
    return NoiseModel.from_channels(one.then(relaxation), two.then(relaxation.tensor(relaxation)))


def ours(n_qubits, gates, theta, kind):
    engine = PauliPropagationSimulator(noise_model(kind), min_coefficient=CUTOFF)
    objective = engine.objective(to_circuit(n_qubits, gates), ising(n_qubits))
    return lambda: objective.propagate(theta)


def ppvm(n_qubits, gates, theta, kind):
    from ppvm import PauliSum

    observable = ising(n_qubits)
    terms = [(label[::-1], c) for label, c in zip(observable.labels, observable.coefficients, strict=True)]
    gamma = 1 - np.exp(-TAU1)
    dephasing = (1 - np.exp(TAU1 / 2 - TAU2)) / 2

    def relax(total, qubits):
        for q in qubits:
            total.amplitude_damping(q, gamma)
        total.z_error(qubits, p=dephasing, truncate=False)

    def value():
        total = PauliSum.new(n_qubits, terms, min_abs_coeff=CUTOFF)
        for layer in reversed(gates):
            touched = [q for _, qubits, _ in layer for q in qubits]
            if kind == "depolarizing + T1":
                relax(total, touched)
            if kind != "noiseless":
                if layer[0][0] == "cx":
                    total.depolarize2(touched, p=15 / 16 * P2, truncate=False)
                else:
                    total.depolarize1(touched, p=3 / 4 * P1, truncate=False)
            if layer[0][0] == "cx":
                total.cnot(touched)
                continue
            rotate = getattr(total, layer[0][0])
            for _, qubits, slot in layer:
                rotate(qubits[0], theta=theta[slot])
        return total.overlap_with_zero()

    return value


def propaq(n_qubits, gates, theta, kind):
    from propaq import PauliCircuit, PauliPropagator, PauliTermSum
    from propaq.truncation import TruncationPolicy

    if kind != "noiseless":
        return None
    circuit = PauliCircuit.from_qiskit(to_circuit(n_qubits, gates).to_qiskit(theta))
    terms = PauliTermSum.from_sparse_pauli_op(ising(n_qubits).to_qiskit())
    propagator = PauliPropagator(truncation=TruncationPolicy(coeff_cutoff=CUTOFF), n_threads=1)
    return lambda: propagator.expectation_value(terms, circuit).expectation_value


def pauli_prop(n_qubits, gates, theta, kind):
    from pauli_prop import circuit_to_rotation_gates, evolve_through_cliffords, propagate_through_rotation_gates
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp, pauli_basis
    from qiskit_aer.noise import PauliLindbladError

    if kind == "depolarizing + T1" or n_qubits > 50:
        return None
    generators = {m: pauli_basis(m)[1:] for m in (1, 2)}
    rates = {m: np.full(4**m - 1, -np.log(1 - p) / 4**m) for m, p in ((1, P1), (2, P2))}
    circuit = QuantumCircuit(n_qubits)
    for layer in gates:
        for gate, qubits, slot in layer:
            getattr(circuit, gate)(*(() if slot is None else (theta[slot],)), *qubits)
            if kind == "depolarizing":
                m = len(qubits)
                circuit.append(PauliLindbladError(generators[m], rates[m]), qubits)
    clifford, rest = evolve_through_cliffords(circuit)
    rotations = circuit_to_rotation_gates(rest)
    operator = ising(n_qubits).to_qiskit()

    def value():
        evolved, _ = propagate_through_rotation_gates(operator, rotations, 10_000_000, CUTOFF, "h")
        diagonal = SparsePauliOp(evolved.paulis.evolve(clifford, frame="h"), evolved.coeffs, ignore_pauli_phase=True)
        signs = (1 - diagonal.paulis.phase) * ~diagonal.paulis.x.any(axis=1)
        return float((signs * diagonal.coeffs.real).sum())

    return value


PEERS = {"ppvm": ("ppvm", ppvm), "propaq": ("propaq", propaq), "pauli-prop": ("pauli_prop", pauli_prop)}


def installed():
    """Return the peers that can be imported, and say which cannot."""
    found = {}
    for name, (module, make) in PEERS.items():
        try:
            importlib.import_module(module)
        except ImportError:
            sys.stderr.write(f"{name} is not installed; it is left out\n")
        else:
            found[name] = make
    return found


def seconds(function):
    began = time.process_time()
    function()
    return time.process_time() - began


def measure(n_qubits, n_layers, kind, rounds, peers):
    gates = layers(n_qubits, n_layers)
    theta = np.random.default_rng(7).uniform(-0.6, 0.6, size=2 * n_qubits * n_layers)
    routes = {"ours": ours(n_qubits, gates, theta, kind)}
    routes |= {name: make(n_qubits, gates, theta, kind) for name, make in peers.items()}
    routes = {name: route for name, route in routes.items() if route is not None}
    result = routes["ours"]()
    times = {name: [] for name in routes}
    values = {"ours": result.value}
    for name, route in routes.items():
        if name != "ours":
            values[name] = route()
            if abs(values[name] - result.value) > 3 * result.error_estimate:
                raise SystemExit(f"{name} disagrees at {n_qubits} qubits, {kind}: {values}, {result}")
    for _ in range(rounds):
        for name, route in routes.items():
            if not times[name] or times[name][0] < PATIENCE_SECONDS:
                times[name].append(seconds(route))
    return {
        "n_qubits": n_qubits,
        "n_layers": n_layers,
        "noise": kind,
        "values": values,
        "error_estimate": result.error_estimate,
        "peak_terms": result.peak_terms,
        "milliseconds": {name: 1e3 * statistics.median(t) for name, t in times.items()},
    }


def table(rows, peers):
    titles = ["qubits, layers", "noise", "peak terms", "ours, ms", *(f"{p}, ms ({p} / ours)" for p in peers)]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for row in rows:
        t = row["milliseconds"]
        cells = [f"{row['n_qubits']}, {row['n_layers']}", row["noise"], str(row["peak_terms"]), f"{t['ours']:.0f}"]
        cells += [f"{t[p]:.0f} ({t[p] / t['ours']:.2f})" if p in t else "-" for p in peers]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default=",".join(f"{n}x{m}" for n, m in SIZES))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    peers = installed()
    rows = []
    for size in arguments.sizes.split(","):
        n_qubits, n_layers = map(int, size.split("x"))
        rows += [measure(n_qubits, n_layers, kind, arguments.rounds, peers) for kind in NOISES]
    sys.stdout.write((json.dumps(rows, indent=1) if arguments.json else table(rows, peers)) + "\n")


if __name__ == "__main__":
    main()
