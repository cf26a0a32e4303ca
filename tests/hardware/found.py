"""A circuit that `qvar search h2-4 --algorithm greedy` found, with exact angles, and fake backends of every kind."""

from qvar.hardware import ExecutionOptions
from qvar.hardware.experiment import Experiment
from qvar.problems import molecule
from qvar.simulators import Circuit

H2 = molecule("h2-4")
FOUND = Circuit.from_qasm(
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[4] q;\nrx(-3.141592653589793) q[0];\nrx(-3.141592653589793) q[1];\n'
    "ry(-0.20973457379053345) q[2];\ncx q[2], q[3];\ncx q[2], q[0];\ncx q[2], q[1];\n"
)
KINDS = {
    "FakeManilaV2": "5 qubits, cx",
    "FakeBurlingtonV2": "5 qubits, u1 u2 u3 cx",
    "FakeFractionalBackend": "5 qubits, rx and rzz of any angle",
    "FakeMelbourneV2": "15 qubits, cx",
    "FakeCambridgeV2": "28 qubits, u1 u2 u3 cx, broken edges",
    "FakeCairoV2": "27 qubits, ecr and cx",
    "FakeManhattanV2": "65 qubits, cx, broken edges",
    "FakeNighthawk": "120 qubits, cz",
    "FakeKyoto": "127 qubits, ecr, every edge reported with an error of 1",
    "FakeFez": "156 qubits, cz",
}


def h2_experiment(backend, *, shots=20_000, tries=2, seed=0, **settings):
    """Return the found circuit as an experiment on a fake backend."""
    options = ExecutionOptions(shots=shots, seed_transpiler=seed, seed_simulator=seed, optimization_level=3)
    settings = {"options": options, "unit": H2.unit, "exact": H2.exact_energy} | settings
    return Experiment("H2", FOUND, H2.observable, backend, tries=tries, **settings)
