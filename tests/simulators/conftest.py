"""Fake IBM devices, built once: reading the calibration of a large one takes seconds."""

import os
from dataclasses import dataclass
from typing import Any

# Aer's threads spin while they wait; where other work shares the cores, small jobs would take thirty times as long.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import pytest
from qiskit.quantum_info import SuperOp
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_aer.noise import QuantumError
from qiskit_ibm_runtime import fake_provider

from qvar.simulators import NoiseModel

# Some connected qubits of each device; the gate named is its native two-qubit gate.
DEVICES = {
    "FakeOurenseV2": ("cx", (0, 1, 2, 3, 4)),
    "FakeMumbaiV2": ("cx", (1, 4, 7, 10, 12, 13)),
    "FakeSherbrooke": ("ecr", (0, 1, 2, 3, 4, 5)),
    "FakeTorino": ("cz", (0, 1, 2, 3, 4, 5)),
}


@dataclass(frozen=True)
class FakeDevice:
    backend: Any
    gate: str
    qubits: tuple[int, ...]
    noise: NoiseModel
    aer: AerNoiseModel
    """Qiskit Aer's own noise for the same qubits, one channel per gate, made without this package."""

    @property
    def pairs(self):
        """The pairs that the device can execute, as it lists them, in the numbering of `qubits`."""
        new = {q: k for k, q in enumerate(self.qubits)}
        return [(new[a], new[b]) for a, b in self.backend.target[self.gate] if a in new and b in new]


def merged_noise(original, qubits):
    """Merge each gate's error into one channel: Aer drops terms of tiny probability from composed mixtures."""
    merged = AerNoiseModel()
    new = {q: k for k, q in enumerate(qubits)}
    for gate, errors in original._local_quantum_errors.items():
        for targets, error in errors.items():
            if gate != "reset" and all(q in new for q in targets):
                merged.add_quantum_error(QuantumError(SuperOp(error)), gate, [new[q] for q in targets], warnings=False)
    return merged


@pytest.fixture(scope="session", params=DEVICES)
def fake(request):
    backend = getattr(fake_provider, request.param)()
    gate, qubits = DEVICES[request.param]
    original = AerNoiseModel.from_backend(backend)
    with pytest.MonkeyPatch.context() as patch:  # spares making the same Aer model twice
        patch.setattr(AerNoiseModel, "from_backend", lambda _: original)
        noise = NoiseModel.from_backend(backend, qubits=qubits)
    return FakeDevice(backend, gate, qubits, noise, merged_noise(original, qubits))
