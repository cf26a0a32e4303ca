"""A circuit found for H2 on every fake backend of at least five qubits: predicted, checked against Aer, executed.

Run: python tests/benchmarks/hardware.py [--shots N] [--seed N] [--json]

The circuit is that of `qvar search h2-4 --algorithm greedy` with its exact angles (4 qubits, 3 CNOTs). On each backend
it is transpiled four times, the transpilation of the best estimated fidelity is taken, its energy predicted by our
Pauli-transfer engine and by Aer's density matrix with the same noise, and then measured in the local mode of
qiskit-ibm-runtime (resilience 0). Fails if a backend refuses the circuit, the predictions differ by more than 1e-8, or
a value lies more than 5 predicted standard errors off its prediction: by chance in 6e-7 of all cases, 4e-5 of all runs.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np

from qvar.hardware import HardwareRun, open_backend
from qvar.hardware.experiment import execute, plan
from qvar.simulators.devices import fake_backend_names

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.hardware.found import h2_experiment


def measure(name, *, shots, seed):
    """Return one row of the table."""
    backend = open_backend(f"fake:{name}")
    if backend.num_qubits < 5:
        return None
    began = time.perf_counter()
    experiment = h2_experiment(f"fake:{name}", shots=shots, tries=4, seed=seed)
    planned = plan(experiment, backend)
    accepted = all(
        backend.target.instruction_supported(i.name, tuple(planned.compiled.isa.find_bit(q).index for q in i.qubits))
        for i in planned.compiled.isa.data
    )
    with HardwareRun(backend, options=experiment.options) as run:
        record = execute(experiment, planned, run)
    (measured,) = record.measured
    return {
        "backend": name,
        "qubits": backend.num_qubits,
        "accepted": accepted,
        "predicted": record.prediction.pauli_transfer,
        "aer_difference": abs(record.prediction.pauli_transfer - record.prediction.aer),
        "value": measured.value,
        "error": measured.error,
        "predicted_error": record.prediction.spread / record.shots**0.5,
        "sigma": record.deviation(measured),
        "two_qubit_gates": record.two_qubit_gates,
        "depth": record.depth,
        "fidelity": record.fidelity,
        "seconds": time.perf_counter() - began,
    }


def main():
    """Print the table; exit with 1 if a backend fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = fake_backend_names()
    rows = [row for name in names if (row := measure(name, shots=options.shots, seed=options.seed)) is not None]
    failed = [r for r in rows if not (r["accepted"] and r["aer_difference"] < 1e-8 and abs(r["sigma"]) < 5)]
    if options.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        sys.stdout.write(f"{options.shots} shots per basis, seed {options.seed}; energies in Ha\n\n")
        heads = "backend | qubits | predicted | Aer - PTM | value ± error | sigma | 2q | depth | fidelity | s"
        sys.stdout.write(f"| {heads} |\n|{'---|' * 10}\n")
        for r in rows:
            sys.stdout.write(
                f"| {r['backend']} | {r['qubits']} | {r['predicted']:.5f} | {r['aer_difference']:.0e} | "
                f"{r['value']:.5f} ± {r['predicted_error']:.5f} | {r['sigma']:+.2f} | {r['two_qubit_gates']} | "
                f"{r['depth']} | {r['fidelity']:.3f} | {r['seconds']:.1f} |\n"
            )
        sigmas = np.array([r["sigma"] for r in rows])
        sys.stdout.write(
            f"\n{len(rows)} backends, {len(failed)} failed; deviations in sigma: mean {sigmas.mean():+.2f}, standard "
            f"deviation {sigmas.std():.2f}, largest {np.abs(sigmas).max():.2f}\n"
        )
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
