"""A circuit as a device executes it: in the device's gates, on the physical qubits of the best layout found."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.transpiler import Target, generate_preset_pass_manager

from qvar.hardware.active import ActiveBackend, active_qubits, on_active_qubits, usable_target
from qvar.hardware.connection import check_fits, is_real
from qvar.hardware.redaction import guarded
from qvar.simulators import Circuit, NoiseModel, Observable
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import HardwareError
from qvar.simulators.observable import pauli_label

__all__ = ["DeviceCircuit", "compiled_circuit", "device_circuit", "estimated_fidelity"]


@dataclass(frozen=True)
class DeviceCircuit:
    """A circuit without free angles, transpiled to a device.

    Attributes:
        isa: the circuit on all qubits of the device, in its gates, with the layout that observables need.
        qubits: the physical qubits in use, sorted.
        circuit: the same on those alone; qubit k is `qubits[k]`. Older gates u1, u2, u3 appear as the pulses they cost.
        layout: physical qubit that holds each qubit of the original circuit at the end.
        backend: the device restricted to the qubits in use, for simulation.
        noise: of the qubits in use. Of a device its calibration; of a fake backend what the local mode of
            qiskit-ibm-runtime simulates, which makes read-out errors symmetric.
        fidelity: estimated, the product of one minus the reported error over all gates and measurements.
        seed: of the transpilation.
    """

    isa: QuantumCircuit
    qubits: tuple[int, ...]
    circuit: Circuit
    layout: tuple[int, ...]
    backend: ActiveBackend
    noise: NoiseModel
    fidelity: float
    seed: int

    def place(self, observable: Observable) -> Observable:
        """Return an observable of the original circuit on the qubits in use.

        Raises:
            HardwareError: if it has another number of qubits than the circuit.
        """
        if observable.n_qubits != len(self.layout):
            raise HardwareError(
                f"the circuit has {len(self.layout)} qubits and the observable {observable.n_qubits}; they must agree"
            )
        places = [self.qubits.index(physical) for physical in self.layout]
        labels = (
            pauli_label(dict(zip(places, reversed(label), strict=True)), len(self.qubits))
            for label in observable.labels
        )
        return Observable(tuple(labels), observable.coefficients)


def device_circuit(
    circuit: Circuit,
    backend: Any,
    *,
    optimization_level: int = 3,
    seed: int = 0,
    tries: int = 8,
    initial_layout: Sequence[int] | None = None,
) -> DeviceCircuit:
    """Transpile a circuit to a device several times and keep the one of the highest estimated fidelity.

    Gates that the device reports as out of order, with an error of 1, are not used.

    Args:
        circuit: without free angles.
        backend: a `BackendV2`, real or fake; only its published calibration is read.
        optimization_level: Qiskit's, 0 to 3.
        seed: the transpilations have the seeds `seed`, `seed + 1`, ...; of equals the first one wins.
        tries: number of transpilations.
        initial_layout: physical qubit of each qubit of the circuit; None to choose freely.

    Raises:
        HardwareError: if the circuit has free angles or does not fit on the device.
    """
    tries = check_whole("tries", tries, error=HardwareError)
    if circuit.n_parameters:
        raise HardwareError(
            f"the circuit has {circuit.n_parameters} free angle(s); bind them first: circuit.bind(theta)"
        )
    check_fits(circuit.n_qubits, backend)
    target = guarded(lambda: usable_target(backend.target), "asking for the calibration")
    original = circuit.to_qiskit()
    found = [_transpiled(original, target, optimization_level, seed + k, initial_layout) for k in range(tries)]
    fidelities = [estimated_fidelity(isa, target) for isa in found]
    best = fidelities.index(max(fidelities))
    return compiled_circuit(found[best], backend, fidelity=fidelities[best], seed=seed + best)


def compiled_circuit(isa: QuantumCircuit, backend: Any, *, fidelity: float, seed: int) -> DeviceCircuit:
    """Return what `device_circuit` made of a circuit earlier, from the transpiled circuit with its layout."""
    qubits = active_qubits([isa])
    return DeviceCircuit(
        isa=isa,
        qubits=qubits,
        circuit=Circuit.from_qiskit(on_active_qubits(isa, qubits)),
        layout=tuple(isa.layout.final_index_layout(filter_ancillas=True)),
        backend=ActiveBackend(backend, qubits),
        noise=_noise(backend, qubits),
        fidelity=fidelity,
        seed=seed,
    )


def _noise(backend: Any, qubits: Sequence[int]) -> NoiseModel:
    if is_real(backend):
        return guarded(lambda: NoiseModel.from_backend(backend, qubits=qubits), "asking for the calibration")
    # A target alone tells one read-out error for both outcomes, and so does local mode.
    return NoiseModel.from_backend(ActiveBackend(backend, qubits))


def _transpiled(
    circuit: QuantumCircuit, target: Target, level: int, seed: int, layout: Sequence[int] | None
) -> QuantumCircuit:
    chosen = None if layout is None else list(layout)
    try:
        manager = generate_preset_pass_manager(
            optimization_level=level, target=target, seed_transpiler=seed, initial_layout=chosen
        )
        return manager.run(circuit)
    except Exception as error:  # the transpiler raises types of its own, one for each pass
        raise HardwareError(f"the circuit cannot be transpiled to this device: {error}") from error


def estimated_fidelity(isa: QuantumCircuit, target: Target) -> float:
    """Return the product of one minus the reported error over the gates of a circuit and the read-out of its qubits."""
    errors = [
        _error(target, i.operation.name, tuple(isa.find_bit(q).index for q in i.qubits))
        for i in isa.data
        if i.operation.name != "barrier"
    ]
    measured = isa.layout.final_index_layout(filter_ancillas=True)
    errors += [_error(target, "measure", (qubit,)) for qubit in measured]
    return math.exp(math.fsum(math.log1p(-min(error, 1 - 1e-12)) for error in errors))


def _error(target: Target, gate: str, qubits: tuple[int, ...]) -> float:
    properties = (target[gate] or {}).get(qubits) if gate in target else None
    if gate == "measure" and properties is None:
        return 1.0  # out of order
    return getattr(properties, "error", None) or 0.0
