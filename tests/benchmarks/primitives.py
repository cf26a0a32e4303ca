"""How much faster are Qiskit primitives on these engines than on Qiskit Aer? Ratios, measured side by side in one run.

Run: python tests/benchmarks/primitives.py [--rounds N] [--json]

Both sides get the same circuits, observables, data and noise (IBM Ourense, gates only, because Aer's exact values leave
read-out error out); values must agree to 1e-6 before anything is timed. One thread each, CPU time, routes alternating;
median over the rounds. "warm" means that the same circuit was sent before, as in a training loop; "cold" is the first
time, with translation, for a new primitive. Aer keeps nothing between runs.

- backward: `EstimatorQNN.backward`, 4 qubits, 8 weights, 8 rows; the stock parameter shift on Aer's EstimatorV2 against
  `ReverseEstimatorGradient`, and for comparison the stock parameter shift on our EstimatorV2;
- forward: `EstimatorQNN.forward` of the same network;
- sweep: one pub with 20 parameter sets and 30 observables;
- samples: one pub with 20 parameter sets and 1024 shots, Aer's SamplerV2.
"""

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import replace

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.primitives import EstimatorV2 as AerEstimatorV2
from qiskit_aer.primitives import SamplerV2 as AerSamplerV2
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
from qiskit_machine_learning.neural_networks import EstimatorQNN

from qvar.simulators import NoiseModel, PauliTransferSimulator
from qvar.simulators.primitives import EstimatorV2, SamplerV2
from qvar.simulators.primitives.gradients import ReverseEstimatorGradient

PAIRS = ((0, 1), (1, 2), (1, 3))  # what Ourense couples
N_QUBITS, N_ROWS, N_POINTS, N_OBSERVABLES = 4, 8, 20, 30


def network_circuit():
    inputs, weights = ParameterVector("x", N_QUBITS), ParameterVector("w", 2 * N_QUBITS)
    circuit = QuantumCircuit(N_QUBITS)
    for q in range(N_QUBITS):
        circuit.ry(inputs[q], q)
        circuit.ry(weights[q], q)
    for pair in PAIRS:
        circuit.cx(*pair)
    for q in range(N_QUBITS):
        circuit.ry(weights[N_QUBITS + q], q)
    return circuit, inputs, weights


def aer_options(noise):
    """Return Aer's options; its noise model is sent along with every job, so only the gates in use are in it."""
    used = {target: channel for target, channel in noise.local.items() if target[0] in ("ry", "cx")}
    trimmed = replace(noise, local=used, default={}, strict=False)
    return {"backend_options": {"method": "density_matrix", "noise_model": trimmed.to_aer()}}


def network(estimator, gradient):
    circuit, inputs, weights = network_circuit()
    return EstimatorQNN(
        circuit=circuit,
        observables=SparsePauliOp(["ZZZZ", "IIXX"], [1.0, 0.5]),
        input_params=inputs,
        weight_params=weights,
        estimator=estimator,
        gradient=gradient,
        default_precision=0.0,
    )


def routes(noise, rng):
    """Return, per job, functions that do it and return comparable numbers, by the name of the route."""
    engine = PauliTransferSimulator(noise)
    ours, aer = EstimatorV2(engine), AerEstimatorV2(options=aer_options(noise))
    fast, slow = network(ours, ReverseEstimatorGradient(ours)), network(aer, ParamShiftEstimatorGradient(aer))
    shift = network(ours, ParamShiftEstimatorGradient(ours))
    data, weights = rng.normal(size=(N_ROWS, N_QUBITS)), rng.normal(size=2 * N_QUBITS)

    circuit, _, _ = network_circuit()
    points = rng.uniform(-np.pi, np.pi, (N_POINTS, circuit.num_parameters))
    labels = sorted({"".join(rng.choice(list("IXYZ"), N_QUBITS)) for _ in range(2 * N_OBSERVABLES)} - {"IIII"})
    sweep = [(circuit, [[label] for label in labels[:N_OBSERVABLES]], points)]
    measured = circuit.copy()
    measured.measure_all()
    our_samples, aer_samples = SamplerV2(engine, seed=1), AerSamplerV2(seed=1, options=aer_options(noise))

    def cold():
        estimator = EstimatorV2(PauliTransferSimulator(noise))
        return network(estimator, ReverseEstimatorGradient(estimator)).backward(data, weights)[1]

    def mean_ones(sampler):
        bits = sampler.run([(measured, points)]).result()[0].data.meas.array
        return np.unpackbits(bits, axis=-1).mean(axis=1)

    return {
        "backward": {
            "Aer": lambda: slow.backward(data, weights)[1],
            "ours": lambda: fast.backward(data, weights)[1],
            "ours, cold": cold,
            "ours, stock parameter shift": lambda: shift.backward(data, weights)[1],
        },
        "forward": {"Aer": lambda: slow.forward(data, weights), "ours": lambda: fast.forward(data, weights)},
        "sweep": {
            "Aer": lambda: aer.run(sweep).result()[0].data.evs,
            "ours": lambda: ours.run(sweep).result()[0].data.evs,
            "ours, cold": lambda: EstimatorV2(PauliTransferSimulator(noise)).run(sweep).result()[0].data.evs,
        },
        "samples": {"Aer": lambda: mean_ones(aer_samples), "ours": lambda: mean_ones(our_samples)},
    }


def check_agreement(jobs):
    for job, functions in jobs.items():
        tolerance = 5 / np.sqrt(1024) if job == "samples" else 1e-6
        values = [np.asarray(function()) for function in functions.values()]
        worst = max(float(np.abs(value - values[0]).max()) for value in values)
        if worst > tolerance:
            raise SystemExit(f"the routes disagree about {job}: {worst}")


def seconds(function, repeats):
    began = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - began) / repeats


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    jobs = routes(NoiseModel.named("ourense").without_readout(), np.random.default_rng(7))
    check_agreement(jobs)
    times = {(job, route): [] for job, functions in jobs.items() for route in functions}
    for _ in range(arguments.rounds):
        for job, route in times:
            times[job, route].append(seconds(jobs[job][route], 1 if route == "Aer" else 10))
    medians = {key: statistics.median(samples) for key, samples in times.items()}
    if arguments.json:
        sys.stdout.write(json.dumps([{"job": j, "route": r, "seconds": t} for (j, r), t in medians.items()]) + "\n")
        return
    lines = ["| job | route | CPU time, ms | Aer / route |", "|" + "---|" * 4]
    for (job, route), median in medians.items():
        lines.append(f"| {job} | {route} | {1e3 * median:.3g} | {medians[job, 'Aer'] / median:.3g} |")
    sys.stdout.write("\n".join([*lines, "", f"median of {arguments.rounds} rounds", ""]))


if __name__ == "__main__":
    main()
